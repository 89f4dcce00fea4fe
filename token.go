package kms

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/embedkms/kms/internal/keywrap"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
)

// A WrappingAlgorithm is how material is wrapped for its import, under an RSA
// key of 3,072 bits. For another size write it behind: /RSA_2048, /RSA_3072 or
// /RSA_4096.
type WrappingAlgorithm string

const (
	// WrappingRSAOAEPSHA256 is RSAES-OAEP of the material (RFC 8017), with
	// SHA-256, MGF1 with SHA-256, and no label.
	WrappingRSAOAEPSHA256 WrappingAlgorithm = "RSAES_OAEP_SHA_256"

	// WrappingRSAAESKeyWrapSHA256 is an AES key, best of 256 bits, under
	// WrappingRSAOAEPSHA256, followed by the material under that key, by AES
	// key wrap with padding (RFC 5649). It is for material of any size.
	WrappingRSAAESKeyWrapSHA256 WrappingAlgorithm = "RSA_AES_KEY_WRAP_SHA_256"
)

// parse returns the algorithm without the size, and the size in bits.
func (w WrappingAlgorithm) parse() (WrappingAlgorithm, int, error) {
	name, size, sized := strings.Cut(string(w), "/")
	bits := map[string]int{"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}[size]
	if !sized {
		bits = 3072
	}
	a := WrappingAlgorithm(name)
	if bits == 0 || a != WrappingRSAOAEPSHA256 && a != WrappingRSAAESKeyWrapSHA256 {
		return "", 0, fmt.Errorf("%w: wrapping algorithm %q", ErrUnsupportedAlgorithm, string(w))
	}
	return a, bits, nil
}

// A token is D3 ‖ ID of its record 16 ‖ secret 32. The ID shows in the key
// store; the secret is in the sealed record.
const (
	tokenPrefix   = "token/"
	tokenFormat   = 0xD3
	tokenSize     = 1 + 16 + 32
	tokenLifetime = 24 * time.Hour
	tokenMemory   = 24 * time.Hour // how much longer Maintain leaves one, to be called expired
)

// An openToken is an import token whose record was found.
type openToken struct {
	*record.Token
	key  string // of the record
	rev  uint64
	body []byte
}

func (t *openToken) clear() { clear(t.body) }

// id is what a key remembers of a token that was used.
func (t *openToken) id() record.ChangeID {
	id, err := parseKeyID(strings.TrimPrefix(t.key, tokenPrefix))
	if err != nil {
		return record.ChangeID{} // no token has this name
	}
	return record.ChangeID(id[:8])
}

// change is the change that the token allows once. The key remembers, with the
// change, that the token was used.
func (t *openToken) change() *change {
	ch := newChange()
	ch.token = t.id()
	return ch
}

// putToken stores a new token and returns it.
func (k *KMS) putToken(ctx context.Context, id keyID, wrapping WrappingAlgorithm, pair *rsa.PrivateKey) ([]byte, time.Time, error) {
	private, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer clear(private)
	t := &record.Token{
		KeyID: id, Wrapping: string(wrapping), PrivateKey: private,
		ExpiresAt: k.timestamp().Add(tokenLifetime),
	}
	rand.Read(t.Secret[:])
	name := newKeyID()
	key := tokenPrefix + name.String()
	_, err = k.update(ctx, key, func(cur keystore.Record) ([]byte, error) {
		if cur.Rev > 0 {
			return nil, nil // IDs are random: it is ours
		}
		return k.sealRecord(key, 1, t.Marshal())
	})
	if err != nil {
		return nil, time.Time{}, storeError(err)
	}
	return bytes.Join([][]byte{{tokenFormat}, name[:], t.Secret[:]}, nil), t.ExpiresAt, nil
}

// readToken returns the record of a token that may be used on a key now.
func (k *KMS) readToken(ctx context.Context, id keyID, token []byte) (*openToken, error) {
	if len(token) != tokenSize || token[0] != tokenFormat {
		return nil, ErrInvalidImportToken
	}
	key := tokenPrefix + keyID(token[1:17]).String()
	rec, err := k.find(ctx, key)
	if err != nil {
		return nil, err
	}
	t, err := k.openToken(ctx, rec)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(t.Secret[:], token[17:]) != 1 || t.KeyID != id {
		t.clear()
		return nil, ErrInvalidImportToken
	}
	if passed(t.ExpiresAt, k.now()) {
		t.clear()
		return nil, ErrExpiredImportToken
	}
	return t, nil
}

func (k *KMS) openToken(ctx context.Context, rec keystore.Record) (*openToken, error) {
	if rec.Rev == 0 {
		return nil, ErrInvalidImportToken
	}
	body, err := k.openRecord(ctx, rec)
	if err != nil {
		return nil, storeError(err)
	}
	t, err := record.ParseToken(body)
	if err != nil {
		clear(body)
		return nil, storeError(err)
	}
	return &openToken{t, rec.Key, rec.Rev, body}, nil
}

const removeLimit = time.Second

// removeToken removes the record of a token that was used, best effort: that it
// was shows in the key too. If it stays, Maintain removes it.
func (k *KMS) removeToken(ctx context.Context, t *openToken) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeLimit)
	defer cancel()
	_ = k.store.Delete(ctx, t.key, t.rev)
}

// unwrap returns the material of wrapped. However it fails, the error is the
// same: more would help to find the private key's other secrets.
func (t *openToken) unwrap(wrapped []byte) ([]byte, error) {
	algorithm, _, err := WrappingAlgorithm(t.Wrapping).parse()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormatTooNew, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(t.PrivateKey)
	pair, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("%w: import token without an RSA key", ErrTampered)
	}
	material, err := unwrap(algorithm, pair, wrapped)
	if err != nil {
		return nil, fmt.Errorf("%w: it does not unwrap", ErrInvalidKeyMaterial)
	}
	return material, nil
}

func unwrap(a WrappingAlgorithm, pair *rsa.PrivateKey, wrapped []byte) ([]byte, error) {
	if a == WrappingRSAOAEPSHA256 {
		return rsa.DecryptOAEP(sha256.New(), nil, pair, wrapped, nil)
	}
	n := min(pair.Size(), len(wrapped))
	kek, err := rsa.DecryptOAEP(sha256.New(), nil, pair, wrapped[:n], nil)
	if err != nil {
		return nil, err
	}
	defer clear(kek)
	return keywrap.Unwrap(kek, wrapped[n:])
}
