package kms

import (
	"bytes"
	"context"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"

	"github.com/embedkms/kms/gm"
)

// A MAC is a message authentication code, and what it takes to verify it.
type MAC struct {
	MAC        []byte // 32 bytes
	KeyID      string
	KeyVersion uint32
	Algorithm  Algorithm
}

// GenerateMAC returns the HMAC (RFC 2104) of a message of any length under the
// primary version of a key of spec HMAC_SHA256 or HMAC_SM3. Any other key is
// ErrInvalidUsage.
func (k *KMS) GenerateMAC(ctx context.Context, key string, message []byte) (*MAC, error) {
	c := k.begin(OpGenerateMAC, key)
	out, err := k.generateMAC(ctx, &c, message)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	return out, nil
}

func (k *KMS) generateMAC(ctx context.Context, c *call, message []byte) (*MAC, error) {
	m, err := k.macKey(ctx, c, 0, KeyState.encrypts)
	if err != nil {
		return nil, err
	}
	if k.dryRun {
		return nil, ErrDryRun
	}
	return &MAC{m.sum(message), c.key.name, c.version, m.algorithm}, nil
}

// VerifyMAC returns nil if mac is the whole HMAC of a message under a version of
// a key, 0 for the primary one, and otherwise ErrInvalidSignature, or what
// GenerateMAC returns.
func (k *KMS) VerifyMAC(ctx context.Context, key string, version uint32, message, mac []byte) error {
	c := k.begin(OpVerifyMAC, key)
	return k.end(ctx, &c, nil, k.verifyMAC(ctx, &c, version, message, mac))
}

func (k *KMS) verifyMAC(ctx context.Context, c *call, version uint32, message, mac []byte) error {
	m, err := k.macKey(ctx, c, version, KeyState.decrypts)
	if err != nil {
		return err
	}
	if k.dryRun {
		return ErrDryRun
	}
	if !hmac.Equal(m.sum(message), mac) {
		return ErrInvalidSignature
	}
	return nil
}

// macKey returns a version of the key that c.ref names, if that is one for MACs,
// and its state is allowed.
func (k *KMS) macKey(ctx context.Context, c *call, version uint32, allowed func(KeyState) error) (*macKey, error) {
	v, err := k.version(ctx, c, version, allowed, func(lk *loadedKey) error {
		return lk.isFor(KeyUsageGenerateVerifyMAC)
	})
	if err != nil {
		return nil, err
	}
	return v.mac, nil
}

// A macKey is a key version for MACs.
type macKey struct {
	algorithm Algorithm
	newHash   func() hash.Hash
	key       []byte
}

func newMACKey(s KeySpec, material []byte, p gm.Provider) (*macKey, error) {
	if len(material) != s.materialSize() {
		return nil, fmt.Errorf("key material of %d bytes, want %d", len(material), s.materialSize())
	}
	m := &macKey{AlgorithmHMACSHA256, sha256.New, bytes.Clone(material)}
	if s == KeySpecHMACSM3 {
		if fips140.Enforced() {
			return nil, fmt.Errorf("%w: SM3 in FIPS 140-3 mode", ErrUnsupportedAlgorithm)
		}
		m.algorithm, m.newHash = AlgorithmHMACSM3, p.NewSM3
	}
	return m, nil
}

func (m *macKey) sum(message []byte) []byte {
	h := hmac.New(m.newHash, m.key)
	h.Write(message)
	return h.Sum(nil)
}
