package kms

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"hash"
	"log/slog"

	"github.com/embedkms/kms/internal/suite"
)

// A DataKey is a key that the caller encrypts with, and its ciphertext to keep
// beside what it has encrypted. Printed, logged or marshalled to JSON, it does not
// show its plaintext. What does not ask it shows all: other encoders, such as gob,
// and package fmt if it stands by value in an unexported field of what is printed.
//
// The plaintext may be in the DataKey's own memory: a cleanup of runtime.AddCleanup
// that is given it keeps the DataKey from ever being cleaned up.
type DataKey struct {
	Plaintext  []byte // nil if it was not asked for; Destroy it after use
	Ciphertext []byte
	KeyID      string // of the key that it is encrypted under
	KeyVersion uint32

	newHash func() hash.Hash // of the digest that goes with the key's suite
}

// Digest returns the SHA-256 of the plaintext, or its SM3 under an SM4 key, as
// EncryptDataKey takes it; nil if there is no plaintext.
func (d *DataKey) Digest() []byte {
	if d.Plaintext == nil || d.newHash == nil {
		return nil
	}
	h := d.newHash()
	h.Write(d.Plaintext)
	return h.Sum(nil)
}

// Destroy overwrites the plaintext with zeros and forgets it.
func (d *DataKey) Destroy() {
	clear(d.Plaintext)
	d.Plaintext = nil
}

// String says which key the data key is under.
func (d DataKey) String() string {
	return fmt.Sprintf("data key under %s version %d", d.KeyID, d.KeyVersion)
}

// Format implements fmt.Formatter, for every verb.
func (d DataKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, d.String()) }

// LogValue implements slog.LogValuer.
func (d DataKey) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalJSON implements json.Marshaler, without the plaintext.
func (d DataKey) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Ciphertext []byte
		KeyID      string
		KeyVersion uint32
	}{d.Ciphertext, d.KeyID, d.KeyVersion})
}

// GenerateDataKey returns a fresh random data key of 1 to 1,024 bytes, in
// plaintext and encrypted under a key: encrypt with the one, keep the other.
func (k *KMS) GenerateDataKey(ctx context.Context, key string, size int, aad AAD) (*DataKey, error) {
	return k.generate(ctx, key, size, aad, true)
}

// GenerateDataKeyWithoutPlaintext is GenerateDataKey for those who will only
// need the plaintext later, from DecryptDataKey.
func (k *KMS) GenerateDataKeyWithoutPlaintext(ctx context.Context, key string, size int, aad AAD) (*DataKey, error) {
	return k.generate(ctx, key, size, aad, false)
}

func (k *KMS) generate(ctx context.Context, key string, size int, aad AAD, keep bool) (*DataKey, error) {
	c := k.begin(OpGenerateDataKey, key)
	d, err := k.generateDataKey(ctx, &c, size, aad)
	if err = k.end(ctx, &c, aad, err); err != nil {
		return nil, err
	}
	if !keep {
		d.Destroy()
	}
	return d, nil
}

func (k *KMS) generateDataKey(ctx context.Context, c *call, size int, aad AAD) (*DataKey, error) {
	if err := k.alive(); err != nil {
		return nil, err
	}
	if size < 1 || size > MaxDataKey {
		return nil, fmt.Errorf("%w: data key of %d bytes, want 1 to %d", ErrInvalidArgument, size, MaxDataKey)
	}
	d, plaintext := newDataKey(size)
	plaintext = plaintext[:size]
	rand.Read(plaintext)
	if err := k.wrap(ctx, c, d, plaintext, nil, aad); err != nil {
		clear(plaintext)
		return nil, err
	}
	d.Plaintext = plaintext
	return d, nil
}

// newDataKey returns a DataKey and room for size bytes of plaintext, in one piece
// if that is as small as most are. The ciphertext is apart: who keeps it for long
// would keep a plaintext that was not destroyed.
func newDataKey(size int) (*DataKey, []byte) {
	const most = 32
	if size > most {
		return new(DataKey), make([]byte, 0, size)
	}
	d := new(struct {
		DataKey
		plaintext [most]byte
	})
	return &d.DataKey, d.plaintext[:0:size]
}

// EncryptDataKey encrypts a data key of the caller's, 1 to 1,024 bytes. If
// digest is not nil it must be the data key's SHA-256, or its SM3 under an SM4
// key; otherwise the error is ErrDigestMismatch. The result has no Plaintext.
func (k *KMS) EncryptDataKey(ctx context.Context, key string, dek, digest []byte, aad AAD) (*DataKey, error) {
	c := k.begin(OpEncryptDataKey, key)
	d := new(DataKey)
	err := k.wrap(ctx, &c, d, dek, digest, aad)
	if err = k.end(ctx, &c, aad, err); err != nil {
		return nil, err
	}
	return d, nil
}

// wrap makes d that of dek encrypted under the key that c.ref names.
func (k *KMS) wrap(ctx context.Context, c *call, d *DataKey, dek, digest []byte, aad AAD) error {
	lk, ciphertext, err := k.seal(ctx, c, suite.DataKey, nil, dek, digest, aad)
	if err != nil {
		return err
	}
	k.identify(d, lk, c.version)
	d.Ciphertext = ciphertext
	return nil
}

// identify notes which key version d is under.
func (k *KMS) identify(d *DataKey, lk *loadedKey, version uint32) {
	d.KeyID, d.KeyVersion, d.newHash = lk.name, version, k.digest(lk.spec)
}

// digest returns the hash that goes with keys of a spec.
func (k *KMS) digest(spec KeySpec) func() hash.Hash {
	if spec == KeySpecSM4 {
		return k.newSM3
	}
	return sha256.New
}

// checkDigest returns ErrDigestMismatch unless digest is that of dek, or nil.
func (k *KMS) checkDigest(lk *loadedKey, dek, digest []byte) error {
	if digest == nil {
		return nil
	}
	h := k.digest(lk.spec)()
	h.Write(dek)
	if subtle.ConstantTimeCompare(h.Sum(nil), digest) != 1 {
		return ErrDigestMismatch
	}
	return nil
}

// DecryptDataKey returns the data key of a ciphertext of GenerateDataKey or
// EncryptDataKey, given the same aad. It fails as Decrypt does; a ciphertext of
// Encrypt is ErrInvalidCiphertext.
func (k *KMS) DecryptDataKey(ctx context.Context, ciphertext []byte, aad AAD) (*DataKey, error) {
	c := k.begin(OpDecryptDataKey, "")
	d, room := roomFor(ciphertext)
	plaintext, lk, err := k.open(ctx, &c, suite.DataKey, room, ciphertext, aad)
	return k.unwrapped(ctx, &c, d, plaintext, ciphertext, lk, aad, err)
}

// DecryptDataKeyWith is DecryptDataKey for callers who know the key: a
// ciphertext of another key is ErrInvalidCiphertext.
func (k *KMS) DecryptDataKeyWith(ctx context.Context, key string, ciphertext []byte, aad AAD) (*DataKey, error) {
	c := k.begin(OpDecryptDataKey, key)
	d, room := roomFor(ciphertext)
	plaintext, lk, err := k.openPinned(ctx, &c, suite.DataKey, room, ciphertext, aad)
	return k.unwrapped(ctx, &c, d, plaintext, ciphertext, lk, aad, err)
}

// roomFor is newDataKey for what may be the ciphertext of one.
func roomFor(ciphertext []byte) (*DataKey, []byte) {
	return newDataKey(max(0, min(len(ciphertext)-Overhead, MaxDataKey)))
}

func (k *KMS) unwrapped(ctx context.Context, c *call, d *DataKey, plaintext, ciphertext []byte, lk *loadedKey, aad AAD, err error) (*DataKey, error) {
	if err = k.end(ctx, c, aad, err); err != nil {
		return nil, err
	}
	k.identify(d, lk, c.version)
	d.Plaintext = plaintext
	d.Ciphertext = make([]byte, len(ciphertext))
	copy(d.Ciphertext, ciphertext)
	return d, nil
}
