package kms

import (
	"context"
	"errors"
	"fmt"
	"maps"
)

// Operations, as they stand in Request.Op, Event.Op and Error.Op.
const (
	OpOpen                       = "Open"
	OpCreateKey                  = "CreateKey"
	OpDescribeKey                = "DescribeKey"
	OpKeys                       = "Keys"
	OpUpdateKey                  = "UpdateKey"
	OpRotateKey                  = "RotateKey"
	OpEnableKey                  = "EnableKey"
	OpDisableKey                 = "DisableKey"
	OpArchiveKey                 = "ArchiveKey"
	OpScheduleKeyDeletion        = "ScheduleKeyDeletion"
	OpCancelKeyDeletion          = "CancelKeyDeletion"
	OpScheduleVersionDestruction = "ScheduleVersionDestruction"
	OpCancelVersionDestruction   = "CancelVersionDestruction"
	OpImportParameters           = "ImportParameters"
	OpImportKeyMaterial          = "ImportKeyMaterial"
	OpDeleteImportedKeyMaterial  = "DeleteImportedKeyMaterial"
	OpCreateAlias                = "CreateAlias"
	OpUpdateAlias                = "UpdateAlias" // authorised for the old and for the new key
	OpDeleteAlias                = "DeleteAlias"
	OpAliases                    = "Aliases"
	OpEncrypt                    = "Encrypt" // Encrypt, AppendEncrypt
	OpDecrypt                    = "Decrypt" // Decrypt, AppendDecrypt, DecryptWith
	OpReEncrypt                  = "ReEncrypt"
	OpReEncryptFrom              = "ReEncryptFrom"   // authorised for the key that decrypts
	OpReEncryptTo                = "ReEncryptTo"     // authorised for the key that encrypts
	OpGenerateDataKey            = "GenerateDataKey" // with and without plaintext
	OpEncryptDataKey             = "EncryptDataKey"
	OpDecryptDataKey             = "DecryptDataKey"      // DecryptDataKey, DecryptDataKeyWith
	OpGenerateDataKeyPair        = "GenerateDataKeyPair" // with and without plaintext
	OpDecryptDataKeyPair         = "DecryptDataKeyPair"  // DecryptDataKeyPair, DecryptDataKeyPairWith
	OpEncryptAsymmetric          = "EncryptAsymmetric"
	OpDecryptAsymmetric          = "DecryptAsymmetric" // also by a crypto.Decrypter
	OpPublicKey                  = "PublicKey"         // PublicKey, Signer, Decrypter
	OpSign                       = "Sign"              // also by a crypto.Signer
	OpVerify                     = "Verify"
	OpGenerateMAC                = "GenerateMAC"
	OpVerifyMAC                  = "VerifyMAC"
	OpGenerateRandom             = "GenerateRandom"
	OpRoots                      = "Roots"
	OpAddRoot                    = "AddRoot"
	OpRemoveRoot                 = "RemoveRoot"
	OpRotateStorageKey           = "RotateStorageKey"
	OpExport                     = "Export"
	OpRestore                    = "Restore"
	OpCheck                      = "Check"
	OpMaintain                   = "Maintain"
	OpMaintainRotate             = "MaintainRotate"         // audited for each key that Maintain
	OpMaintainExpire             = "MaintainExpire"         // rotates, whose material it expires,
	OpMaintainDestroyVersion     = "MaintainDestroyVersion" // of which it destroys a version,
	OpMaintainDestroy            = "MaintainDestroy"        // or which it destroys
)

// An Authorizer decides who may do what. It takes the principal from ctx, where
// the service has put it. It must be safe for concurrent use.
type Authorizer interface {
	// Authorize returns nil to allow r. Any error denies it, and reaches the
	// caller wrapped in ErrAccessDenied. It is asked before a key's state or
	// absence shows in an answer, so that those who may not use a key cannot
	// tell whether it exists. It must not keep or change r.
	Authorize(ctx context.Context, r *Request) error
}

// A Request is what an Authorizer is asked about. Its maps and slices are
// copies.
type Request struct {
	Op    string            // an Op constant
	KeyID string            // empty if the key does not exist, or not yet
	Alias string            // alias/<name>, if the caller named the key by one
	Spec  KeySpec           // of the key; empty if it cannot be read
	Tags  map[string]string // of the key; none if it cannot be read
	AAD   AAD               // of the call
}

// A call is one operation on its way through the gate.
type call struct {
	op      string
	ref     string     // the key reference as given
	key     *loadedKey // that was resolved
	unknown string     // the ID that a ciphertext names, if it was not
	version uint32     // that encrypts or decrypts
	audit   *started   // nil without an Auditor
}

func (k *KMS) begin(op, ref string) call {
	c := call{op: op, ref: ref}
	if k.auditor != nil {
		c.audit = k.startAudit()
	}
	return c
}

// end makes of err what the caller gets, and tells the Auditor.
func (k *KMS) end(ctx context.Context, c *call, aad AAD, err error) error {
	if err == nil && k.auditor == nil {
		return nil
	}
	return k.finish(ctx, c, aad, err)
}

func (k *KMS) finish(ctx context.Context, c *call, aad AAD, err error) error {
	if err != nil {
		err = &Error{c.op, c.name(err), err}
	}
	if k.auditor != nil {
		k.tellAuditor(ctx, c, cloneAAD(aad), err)
	}
	return err
}

// name says which key an error is about. What a ciphertext says of its key does
// not show in ErrInvalidCiphertext, whose text is always the same.
func (c *call) name(err error) string {
	if c.ref == "" && !errors.Is(err, ErrInvalidCiphertext) {
		return c.keyID()
	}
	return c.ref
}

// keyID returns the ID of the key that the call is about, or "".
func (c *call) keyID() string {
	if c.key != nil {
		return c.key.name
	}
	return c.unknown
}

// alias returns the alias that the caller named the key by.
func (c *call) alias() string {
	if isAlias(c.ref) {
		return c.ref
	}
	return ""
}

// allow is the gate: every operation passes it, with the key that it is about
// or the error of finding none, before anything else about the key can show.
func (k *KMS) allow(ctx context.Context, c *call, op string, lk *loadedKey, aad AAD, err error) error {
	if k.authorizer == nil {
		return err
	}
	return k.authorize(ctx, c, op, lk, aad, err)
}

func (k *KMS) authorize(ctx context.Context, c *call, op string, lk *loadedKey, aad AAD, err error) error {
	r := &Request{Op: op, Alias: c.alias(), AAD: cloneAAD(aad)}
	if lk != nil {
		r.KeyID, r.Spec, r.Tags = lk.name, lk.spec, maps.Clone(lk.tags)
	}
	if denied := k.authorizer.Authorize(ctx, r); denied != nil {
		return fmt.Errorf("%w: %w", ErrAccessDenied, denied)
	}
	return err
}

// admitStore passes the gate for a call that is about the store as a whole.
func (k *KMS) admitStore(ctx context.Context, c *call) error {
	if err := k.alive(); err != nil {
		return err
	}
	if err := k.allow(ctx, c, c.op, nil, nil, nil); err != nil {
		return err
	}
	if k.dryRun {
		return ErrDryRun
	}
	return nil
}

// cloneAAD returns a copy for an Authorizer or Auditor. Handing on the caller's
// own, even to maps.Clone, would make it escape: every call with a context would
// allocate, whether or not anyone is there to ask.
func cloneAAD(aad AAD) AAD {
	switch a := aad.(type) {
	case EncryptionContext:
		c := make(EncryptionContext, len(a))
		for k, v := range a {
			c[k] = v
		}
		return c
	case AdditionalData:
		return append(AdditionalData(nil), a...)
	}
	return nil
}
