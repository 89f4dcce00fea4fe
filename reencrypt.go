package kms

import (
	"bytes"
	"context"

	"github.com/embedkms/kms/internal/suite"
)

// ReEncryptOptions are the options of ReEncrypt; nil keeps the key and the AAD.
type ReEncryptOptions struct {
	SourceKey string // if set, only a ciphertext of this key is accepted
	Key       string // the key to encrypt under; "" is the ciphertext's own
	AAD       AAD    // what to bind anew, if ChangeAAD is set
	ChangeAAD bool
}

// ReEncrypt decrypts a ciphertext, of data, a data key or a private key, and
// encrypts it again under the primary version of its key or of another, without
// the plaintext leaving the library. A ciphertext that is already what it would
// become is verified and returned as a copy, with changed false: so rows can be
// gone over again and again, until a rotated key's old version is unused.
func (k *KMS) ReEncrypt(ctx context.Context, ciphertext []byte, aad AAD, opts *ReEncryptOptions) (out []byte, changed bool, err error) {
	if opts == nil {
		opts = &ReEncryptOptions{}
	}
	c := k.begin(OpReEncrypt, opts.SourceKey)
	out, changed, err = k.reEncrypt(ctx, &c, ciphertext, aad, opts)
	if err = k.end(ctx, &c, aad, err); err != nil {
		return nil, false, err
	}
	return out, changed, nil
}

func (k *KMS) reEncrypt(ctx context.Context, c *call, ciphertext []byte, aad AAD, opts *ReEncryptOptions) ([]byte, bool, error) {
	if err := k.alive(); err != nil {
		return nil, false, err
	}
	e, err := suite.Parse(ciphertext)
	if err != nil {
		return nil, false, ErrInvalidCiphertext
	}
	toAAD := aad
	if opts.ChangeAAD {
		toAAD = opts.AAD
	}
	from, to, sameAAD, err := compare(aad, toAAD)
	if err != nil {
		return nil, false, err
	}
	source, err := k.opener(ctx, c, OpReEncryptFrom, e, aad)
	if err != nil {
		return nil, false, err
	}
	oldVersion := c.version
	dest, err := k.destination(ctx, c, source, opts.Key, toAAD)
	if err != nil {
		return nil, false, err
	}
	if k.dryRun {
		return nil, false, ErrDryRun
	}
	opening, err := source.versions[oldVersion-1].keys.Key(e.Purpose())
	if err != nil {
		return nil, false, err
	}
	plaintext, err := opening.Open(nil, e, from)
	if err != nil {
		return nil, false, err
	}
	defer clear(plaintext)
	var v *loadedVersion
	v, c.version = dest.Value.primary()
	if sameAAD && dest.Value.id == source.id && c.version == oldVersion {
		return bytes.Clone(ciphertext), false, nil
	}
	sealing, err := v.keys.Key(e.Purpose())
	if err != nil {
		return nil, false, err
	}
	out, err := sealing.Seal(nil, plaintext, to, dest.Used())
	return out, true, err
}

// destination returns the key that ref names, or source's key if it is empty,
// if it may encrypt. An error is then about that key.
func (k *KMS) destination(ctx context.Context, c *call, source *loadedKey, ref string, aad AAD) (*keyEntry, error) {
	if ref == "" {
		ref = source.name
	}
	to := call{op: c.op, ref: ref}
	dest, err := k.sealer(ctx, &to, OpReEncryptTo, aad)
	if err != nil {
		c.ref = ref
	}
	c.key = to.key
	return dest, err
}

// compare returns what two AADs bind and whether that is the same.
func compare(a, b AAD) (from, to suite.Context, same bool, err error) {
	if from, err = bound(a); err != nil {
		return
	}
	if to, err = bound(b); err != nil {
		return
	}
	x, err := from.Append(nil)
	if err != nil {
		return
	}
	y, err := to.Append(nil)
	return from, to, bytes.Equal(x, y), err
}
