package kms

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

// A PublicKey is the public half of a version of an RSA, SM2 or EC key, to
// encrypt under, or verify with, outside of the library.
type PublicKey struct {
	DER        []byte // SubjectPublicKeyInfo (RFC 5280; for SM2 with the OIDs of GM/T 0006)
	KeyID      string
	KeyVersion uint32
	Spec       KeySpec
	Algorithms []Algorithm // that the key is for

	gm gm.Provider // nil is gm.Default
}

// PEM returns the key in the form of RFC 7468: a block PUBLIC KEY.
func (p *PublicKey) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: p.DER})
}

// SM2Digest returns what is signed of a message under an SM2 key, 32 bytes:
// SM3(ZA ‖ message), where ZA is of the user ID, at most 8,191 bytes, and of the
// key (GB/T 32918.2); a longer one is ErrInvalidArgument. Sign and Verify take it as MessageTypeDigest; with
// MessageTypeRaw they use the user ID 1234567812345678. Any other key is
// ErrUnsupportedAlgorithm.
func (p *PublicKey) SM2Digest(userID, message []byte) ([]byte, error) {
	e, err := p.sm2Digest(userID, message)
	if err != nil {
		return nil, &Error{"SM2Digest", p.KeyID, err}
	}
	return e[:], nil
}

func (p *PublicKey) sm2Digest(userID, message []byte) ([32]byte, error) {
	provider := p.gm
	if provider == nil {
		provider = gm.Default()
	}
	point, err := sm2.ParseSPKI(p.DER)
	if err != nil {
		return [32]byte{}, fmt.Errorf("%w: not an SM2 key", ErrUnsupportedAlgorithm)
	}
	key, err := sm2.NewPublicKey(provider, point[:])
	var e [32]byte
	if err == nil {
		e, err = key.Digest(userID, message)
	}
	if errors.Is(err, sm2.ErrInvalidKey) || errors.Is(err, sm2.ErrInvalidUserID) {
		return e, fmt.Errorf("%w: %w", ErrInvalidArgument, err)
	}
	return e, algorithmError(err)
}

// PublicKey returns the public key of a version of an RSA, SM2 or EC key, 0 for
// the primary one. Any other key is ErrUnsupportedAlgorithm.
func (k *KMS) PublicKey(ctx context.Context, key string, version uint32) (*PublicKey, error) {
	c := k.begin(OpPublicKey, key)
	out, err := k.publicKey(ctx, &c, version)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	return out, nil
}

func (k *KMS) publicKey(ctx context.Context, c *call, version uint32) (*PublicKey, error) {
	pair, err := k.pair(ctx, c, version, KeyState.decrypts, func(*loadedKey) error { return nil })
	if err != nil {
		return nil, err
	}
	if k.dryRun {
		return nil, ErrDryRun
	}
	der, err := pair.SPKI()
	return &PublicKey{
		DER: der, KeyID: c.key.name, KeyVersion: c.version, Spec: c.key.spec,
		Algorithms: append([]Algorithm(nil), c.key.spec.algorithms(c.key.usage)...), gm: k.gm,
	}, algorithmError(err)
}
