package kms

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keypair"
	"github.com/embedkms/kms/internal/keywrap"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
)

// A WrappingAlgorithm is how material is wrapped for its import. With RSA that is
// under a key of 3,072 bits; for another size write it behind: /RSA_2048,
// /RSA_3072 or /RSA_4096.
type WrappingAlgorithm string

const (
	// WrappingRSAOAEPSHA256 is RSAES-OAEP of the material (RFC 8017), with
	// SHA-256, MGF1 with SHA-256, and no label. It is for material of at most
	// 190, 318 or 446 bytes: any but RSA keys.
	WrappingRSAOAEPSHA256 WrappingAlgorithm = "RSAES_OAEP_SHA_256"

	// WrappingRSAAESKeyWrapSHA256 is an AES key, best of 256 bits, under
	// WrappingRSAOAEPSHA256, followed by the material under that key, by AES
	// key wrap with padding (RFC 5649). It is for material of any size.
	WrappingRSAAESKeyWrapSHA256 WrappingAlgorithm = "RSA_AES_KEY_WRAP_SHA_256"

	// WrappingSM2Encrypt is SM2 encryption of the material (GB/T 32918.4), as
	// 04 ‖ x ‖ y ‖ C3 ‖ C2; SM2CiphertextFromASN1 makes that of what others write.
	// It is for material of at most 1,024 bytes: any but RSA keys.
	WrappingSM2Encrypt WrappingAlgorithm = "SM2_ENCRYPT"
)

// parse returns the algorithm without the size, and what pair it takes.
func (w WrappingAlgorithm) parse() (WrappingAlgorithm, KeySpec, error) {
	if w == WrappingSM2Encrypt {
		return w, KeySpecSM2, nil
	}
	name, size, sized := strings.Cut(string(w), "/")
	spec := KeySpec(size)
	if !sized {
		spec = KeySpecRSA3072
	}
	a := WrappingAlgorithm(name)
	isRSA := spec == KeySpecRSA2048 || spec == KeySpecRSA3072 || spec == KeySpecRSA4096
	if !isRSA || a != WrappingRSAOAEPSHA256 && a != WrappingRSAAESKeyWrapSHA256 {
		return "", "", fmt.Errorf("%w: wrapping algorithm %q", ErrUnsupportedAlgorithm, string(w))
	}
	return a, spec, nil
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
func (k *KMS) putToken(ctx context.Context, id keyID, wrapping WrappingAlgorithm, pair keypair.Pair) ([]byte, time.Time, error) {
	private, err := pair.PKCS8()
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
func (t *openToken) unwrap(wrapped []byte, p gm.Provider) ([]byte, error) {
	algorithm, spec, err := WrappingAlgorithm(t.Wrapping).parse()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormatTooNew, err)
	}
	pair, err := parsePair(spec, t.PrivateKey, p)
	if errors.Is(err, ErrUnsupportedAlgorithm) {
		return nil, err
	}
	decrypter, ok := pair.(keypair.Decrypter)
	if err != nil || !ok {
		return nil, fmt.Errorf("%w: import token without a private key", ErrTampered)
	}
	material, err := unwrap(algorithm, decrypter, wrapped)
	if err != nil {
		return nil, fmt.Errorf("%w: it does not unwrap", ErrInvalidKeyMaterial)
	}
	return material, nil
}

func unwrap(a WrappingAlgorithm, pair keypair.Decrypter, wrapped []byte) ([]byte, error) {
	if a != WrappingRSAAESKeyWrapSHA256 {
		return pair.Decrypt(wrapped)
	}
	n := min(pair.(*keypair.RSA).Size(), len(wrapped))
	kek, err := pair.Decrypt(wrapped[:n])
	if err != nil {
		return nil, err
	}
	defer clear(kek)
	return keywrap.Unwrap(kek, wrapped[n:])
}
