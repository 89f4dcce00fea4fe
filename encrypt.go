package kms

import (
	"cmp"
	"context"
	"fmt"

	"github.com/embedkms/kms/internal/suite"
)

// AAD is what a ciphertext is bound to: it is not in the ciphertext, is not
// secret, and must be given again to decrypt. It is an [EncryptionContext] or
// [AdditionalData]. Nil binds nothing, and so does an empty one.
type AAD interface{ aad() }

// An EncryptionContext binds names and values, such as {"service": "orders",
// "env": "prod"}: what a ciphertext is of, so that it cannot be passed off as
// another. Names are not empty; all is UTF-8, compared byte by byte. Encoded it
// is at most 32,768 bytes: 3, and 4 more than its length for each pair.
type EncryptionContext map[string]string

// AdditionalData binds bytes, at most 8,192. It is never equal to an
// EncryptionContext, whatever the bytes.
type AdditionalData []byte

func (EncryptionContext) aad() {}
func (AdditionalData) aad()    {}

// bound returns what aad binds, in a form that lets it stay on the stack.
func bound(aad AAD) (suite.Context, error) {
	switch a := aad.(type) {
	case nil:
		return suite.Context{}, nil
	case EncryptionContext:
		return suite.Context{Map: a}, nil
	case AdditionalData:
		return suite.Context{Raw: a}, nil
	}
	return suite.Context{}, fmt.Errorf("%w: neither EncryptionContext nor AdditionalData", ErrInvalidAAD)
}

// unshared returns aad, or a copy of its bytes, which dst may overlap. An Auditor is
// told of it at the end, when a plaintext could stand there.
func unshared(aad AAD) AAD {
	if raw, ok := aad.(AdditionalData); ok {
		return append(AdditionalData(nil), raw...)
	}
	return aad
}

// Encrypt encrypts 1 to 6,144 bytes under the primary version of a key. The
// ciphertext is Overhead bytes longer than plaintext; it names the key and the
// version, so that Decrypt needs neither. For larger data, encrypt it yourself
// under a data key of GenerateDataKey.
func (k *KMS) Encrypt(ctx context.Context, key string, plaintext []byte, aad AAD) ([]byte, error) {
	return k.AppendEncrypt(ctx, nil, key, plaintext, aad)
}

// AppendEncrypt is Encrypt that appends the ciphertext to dst and returns it,
// or returns nil and an error. Under an AES key it allocates nothing if dst has
// room, aad is at most 8 pairs and 900 bytes encoded, and nobody authorises or
// audits. dst may overlap plaintext and aad, which costs an allocation.
func (k *KMS) AppendEncrypt(ctx context.Context, dst []byte, key string, plaintext []byte, aad AAD) ([]byte, error) {
	c := k.begin(OpEncrypt, key)
	if c.audit != nil {
		aad = unshared(aad)
	}
	_, out, err := k.seal(ctx, &c, suite.Data, dst, plaintext, nil, aad)
	if err = k.end(ctx, &c, aad, err); err != nil {
		return nil, err
	}
	return out, nil
}

// Decrypt returns the plaintext of a ciphertext of Encrypt, given the same aad.
// Whatever is wrong with a ciphertext or its aad, the error is
// ErrInvalidCiphertext; only a key or version that does not exist, and the
// state of the key, have errors of their own.
func (k *KMS) Decrypt(ctx context.Context, ciphertext []byte, aad AAD) ([]byte, error) {
	return k.AppendDecrypt(ctx, nil, ciphertext, aad)
}

// AppendDecrypt is Decrypt that appends the plaintext to dst and returns it, or
// returns nil and an error. Where AppendEncrypt allocates nothing it does not
// either, if two ciphertexts of the same session were decrypted lately. dst may
// overlap ciphertext and aad, which costs an allocation.
func (k *KMS) AppendDecrypt(ctx context.Context, dst, ciphertext []byte, aad AAD) ([]byte, error) {
	c := k.begin(OpDecrypt, "")
	if c.audit != nil {
		aad = unshared(aad)
	}
	out, _, err := k.open(ctx, &c, suite.Data, dst, ciphertext, aad)
	if err = k.end(ctx, &c, aad, err); err != nil {
		return nil, err
	}
	return out, nil
}

// DecryptWith is Decrypt for callers who know the key: a ciphertext of another
// key is ErrInvalidCiphertext, before any cryptography.
func (k *KMS) DecryptWith(ctx context.Context, key string, ciphertext []byte, aad AAD) ([]byte, error) {
	c := k.begin(OpDecrypt, key)
	out, _, err := k.openPinned(ctx, &c, suite.Data, nil, ciphertext, aad)
	if err = k.end(ctx, &c, aad, err); err != nil {
		return nil, err
	}
	return out, nil
}

// seal encrypts plaintext for a purpose under the key that c.ref names. A digest
// that is not nil must be that of plaintext.
func (k *KMS) seal(ctx context.Context, c *call, p suite.Purpose, dst, plaintext, digest []byte, aad AAD) (*loadedKey, []byte, error) {
	if err := k.alive(); err != nil {
		return nil, nil, err
	}
	if n := len(plaintext); n < 1 || n > p.Max() {
		return nil, nil, fmt.Errorf("%w: %d bytes, want 1 to %d", ErrInvalidPlaintext, n, p.Max())
	}
	b, err := bound(aad)
	if err != nil {
		return nil, nil, err
	}
	e, err := k.sealer(ctx, c, c.op, aad)
	if err != nil {
		return nil, nil, err
	}
	if err := k.checkDigest(e.Value, plaintext, digest); err != nil {
		return nil, nil, err
	}
	if k.dryRun {
		return nil, nil, dryRunResult(b)
	}
	var v *loadedVersion
	v, c.version = e.Value.primary()
	key, err := v.keys.Key(p)
	if err != nil {
		return nil, nil, err
	}
	out, err := key.Seal(dst, plaintext, b, e.Used())
	return e.Value, out, err
}

// sealer returns the key that c.ref names, if it may encrypt.
func (k *KMS) sealer(ctx context.Context, c *call, op string, aad AAD) (*keyEntry, error) {
	e, err := k.target(ctx, c, op, aad)
	if err != nil {
		return nil, err
	}
	if !e.Value.symmetric {
		return nil, cmp.Or(e.Value.state.exists(),
			e.Value.fits(KeyUsageEncryptDecrypt, AlgorithmSymmetricDefault))
	}
	return e, k.stateNow(e.Value).encrypts()
}

// open decrypts a ciphertext of a purpose. With c.ref set, only of that key.
func (k *KMS) open(ctx context.Context, c *call, p suite.Purpose, dst, ciphertext []byte, aad AAD) ([]byte, *loadedKey, error) {
	if err := k.alive(); err != nil {
		return nil, nil, err
	}
	e, err := suite.Parse(ciphertext)
	if err != nil || e.Purpose() != p {
		return nil, nil, ErrInvalidCiphertext
	}
	b, err := bound(aad)
	if err != nil {
		return nil, nil, err
	}
	lk, err := k.opener(ctx, c, c.op, e, aad)
	if err != nil {
		return nil, nil, err
	}
	if k.dryRun {
		return nil, nil, dryRunResult(b)
	}
	key, err := lk.versions[c.version-1].keys.Key(p)
	if err != nil {
		return nil, nil, err
	}
	out, err := key.Open(dst, e, b)
	return out, lk, err
}

// openPinned is open for a caller who names the key, who must not get another's
// plaintext by naming none.
func (k *KMS) openPinned(ctx context.Context, c *call, p suite.Purpose, dst, ciphertext []byte, aad AAD) ([]byte, *loadedKey, error) {
	if c.ref == "" && k.alive() == nil {
		return nil, nil, ErrInvalidKeyRef
	}
	return k.open(ctx, c, p, dst, ciphertext, aad)
}

// opener returns the key of e, if it may decrypt, and sets c.version.
func (k *KMS) opener(ctx context.Context, c *call, op string, e suite.Envelope, aad AAD) (*loadedKey, error) {
	entry, err := k.source(ctx, c, op, e.KeyID(), aad)
	if err != nil {
		return nil, err
	}
	if c.ref != "" && entry.Value.id != e.KeyID() || !entry.Value.symmetric {
		return nil, ErrInvalidCiphertext
	}
	if err := k.stateNow(entry.Value).decrypts(); err != nil {
		return nil, err
	}
	version := e.Version()
	if !entry.Value.has(version) {
		if entry, err = k.newer(ctx, entry, version, KeyState.decrypts); err != nil {
			return nil, err
		}
	}
	c.version = version
	return entry.Value, k.refusal(entry.Value, version)
}

// newer returns what another process has made of e a moment ago, with a version
// that e does not have, if its state is allowed.
func (k *KMS) newer(ctx context.Context, e *keyEntry, version uint32, allowed func(KeyState) error) (*keyEntry, error) {
	for !e.Value.has(version) {
		newer, err := k.keys.Refresh(ctx, e.Value.id, e)
		if err != nil {
			return nil, k.cacheError(err)
		}
		if newer == e {
			return nil, ErrVersionNotFound
		}
		e = newer
		if err := allowed(k.stateNow(e.Value)); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// source returns the key that is to decrypt, authorised: the one that c.ref
// names, or else the one that the ciphertext does.
func (k *KMS) source(ctx context.Context, c *call, op string, id keyID, aad AAD) (*keyEntry, error) {
	if c.ref != "" {
		return k.target(ctx, c, op, aad)
	}
	e, err := k.lookup(ctx, c, id)
	if err != nil {
		c.unknown = id.String()
	}
	return e, k.allow(ctx, c, op, c.key, aad, err)
}

// dryRunResult returns ErrDryRun, or the error of b that the call would have met.
func dryRunResult(b suite.Context) error {
	if _, err := b.Append(nil); err != nil {
		return err
	}
	return ErrDryRun
}
