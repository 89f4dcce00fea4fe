package kms

import (
	"context"
	"fmt"

	"github.com/embedkms/kms/internal/keypair"
)

// A MessageType says what a message is that is signed or verified.
type MessageType string

const (
	MessageTypeRaw    MessageType = "RAW"    // the message itself, of any length
	MessageTypeDigest MessageType = "DIGEST" // its digest, by the algorithm's hash; see PublicKey.SM2Digest
)

// A Signature is a signature, and what it takes to verify it.
type Signature struct {
	Signature  []byte
	KeyID      string
	KeyVersion uint32
	Algorithm  Algorithm
}

// Sign signs a message, or its digest, with the primary version of a key for
// signatures. A digest of another size than the algorithm's is
// ErrInvalidArgument, an algorithm that is not of the key's spec
// ErrUnsupportedAlgorithm, a key that does not sign ErrInvalidUsage.
func (k *KMS) Sign(ctx context.Context, key string, alg Algorithm, message []byte, mt MessageType) (*Signature, error) {
	return k.signWith(ctx, key, 0, alg, message, mt)
}

// signWith is Sign with any version.
func (k *KMS) signWith(ctx context.Context, key string, version uint32, alg Algorithm, message []byte, mt MessageType) (*Signature, error) {
	c := k.begin(OpSign, key)
	out, err := k.sign(ctx, &c, version, alg, message, mt)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	return out, nil
}

func (k *KMS) sign(ctx context.Context, c *call, version uint32, alg Algorithm, message []byte, mt MessageType) (*Signature, error) {
	pair, err := k.signer(ctx, c, alg, version, KeyState.encrypts)
	if err != nil {
		return nil, err
	}
	digest, err := digestOf(pair, alg, message, mt)
	if err != nil {
		return nil, err
	}
	if k.dryRun {
		return nil, ErrDryRun
	}
	out, err := pair.Sign(string(alg), digest)
	return &Signature{out, c.key.name, c.version, alg}, algorithmError(err)
}

// Verify returns nil if sig is a signature of a message, or of its digest, by a
// version of a key; version 0 is the primary one. Otherwise it returns
// ErrInvalidSignature, or what Sign returns.
func (k *KMS) Verify(ctx context.Context, key string, version uint32, alg Algorithm, message []byte, mt MessageType, sig []byte) error {
	c := k.begin(OpVerify, key)
	return k.end(ctx, &c, nil, k.verify(ctx, &c, version, alg, message, mt, sig))
}

func (k *KMS) verify(ctx context.Context, c *call, version uint32, alg Algorithm, message []byte, mt MessageType, sig []byte) error {
	pair, err := k.signer(ctx, c, alg, version, KeyState.decrypts)
	if err != nil {
		return err
	}
	digest, err := digestOf(pair, alg, message, mt)
	if err != nil {
		return err
	}
	if k.dryRun {
		return ErrDryRun
	}
	if !pair.Verify(string(alg), digest, sig) {
		return ErrInvalidSignature
	}
	return nil
}

// signer returns the pair of a version of the key that c.ref names, if that is a
// key which signs and verifies by alg, and its state is allowed.
func (k *KMS) signer(ctx context.Context, c *call, alg Algorithm, version uint32, allowed func(KeyState) error) (keypair.Signer, error) {
	pair, err := k.pair(ctx, c, version, allowed, func(lk *loadedKey) error {
		return lk.fits(KeyUsageSignVerify, alg)
	})
	if err != nil {
		return nil, err
	}
	return pair.(keypair.Signer), nil
}

// digestOf returns what is signed of a message.
func digestOf(pair keypair.Signer, alg Algorithm, message []byte, mt MessageType) ([]byte, error) {
	switch mt {
	case MessageTypeRaw:
		digest, err := pair.Digest(string(alg), message)
		return digest, algorithmError(err)
	case MessageTypeDigest:
		if n, size := len(message), pair.DigestSize(string(alg)); n != size {
			return nil, fmt.Errorf("%w: digest of %d bytes, %s wants %d", ErrInvalidArgument, n, alg, size)
		}
		return message, nil
	}
	return nil, fmt.Errorf("%w: message type %q", ErrInvalidArgument, string(mt))
}
