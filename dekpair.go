package kms

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/embedkms/kms/internal/keypair"
	"github.com/embedkms/kms/internal/suite"
)

// A DataKeyPair is a pair of an RSA, SM2 or EC private and public key that the
// caller uses, and the private key's ciphertext to keep. Printed, logged or
// marshalled to JSON, it does not show its private key. What does not ask it shows
// all: other encoders, such as gob, and package fmt if it stands by value in an
// unexported field of what is printed.
type DataKeyPair struct {
	PrivateKey           []byte // DER, PKCS #8 (RFC 5208); nil if it was not asked for; Destroy it after use
	PrivateKeyCiphertext []byte
	PublicKey            []byte // DER, SubjectPublicKeyInfo (RFC 5280)
	Spec                 KeySpec
	KeyID                string // of the key that the private key is encrypted under
	KeyVersion           uint32
}

// Destroy overwrites the private key with zeros and forgets it.
func (d *DataKeyPair) Destroy() {
	clear(d.PrivateKey)
	d.PrivateKey = nil
}

// String says what the pair is and which key it is under.
func (d DataKeyPair) String() string {
	return fmt.Sprintf("data key pair %s under %s version %d", d.Spec, d.KeyID, d.KeyVersion)
}

// Format implements fmt.Formatter, for every verb.
func (d DataKeyPair) Format(f fmt.State, _ rune) { fmt.Fprint(f, d.String()) }

// LogValue implements slog.LogValuer.
func (d DataKeyPair) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalJSON implements json.Marshaler, without the private key.
func (d DataKeyPair) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		PrivateKeyCiphertext []byte
		PublicKey            []byte
		Spec                 KeySpec
		KeyID                string
		KeyVersion           uint32
	}{d.PrivateKeyCiphertext, d.PublicKey, d.Spec, d.KeyID, d.KeyVersion})
}

// GenerateDataKeyPair returns a fresh pair of a spec of RSA, SM2 or EC, with its
// private key in plaintext and encrypted under a symmetric key. The library
// keeps neither. An RSA pair takes a tenth of a second to make, and of 4,096 bits
// a second or more. Any other spec is ErrUnsupportedAlgorithm; otherwise it fails
// as GenerateDataKey does.
func (k *KMS) GenerateDataKeyPair(ctx context.Context, key string, spec KeySpec, aad AAD) (*DataKeyPair, error) {
	return k.generatePair(ctx, key, spec, aad, true)
}

// GenerateDataKeyPairWithoutPlaintext is GenerateDataKeyPair for those who will
// only need the private key later, from DecryptDataKeyPair.
func (k *KMS) GenerateDataKeyPairWithoutPlaintext(ctx context.Context, key string, spec KeySpec, aad AAD) (*DataKeyPair, error) {
	return k.generatePair(ctx, key, spec, aad, false)
}

func (k *KMS) generatePair(ctx context.Context, key string, spec KeySpec, aad AAD, keep bool) (*DataKeyPair, error) {
	c := k.begin(OpGenerateDataKeyPair, key)
	d, err := k.generateDataKeyPair(ctx, &c, spec, aad)
	if err = k.end(ctx, &c, aad, err); err != nil {
		return nil, err
	}
	if !keep {
		d.Destroy()
	}
	return d, nil
}

func (k *KMS) generateDataKeyPair(ctx context.Context, c *call, spec KeySpec, aad AAD) (*DataKeyPair, error) {
	if err := k.alive(); err != nil {
		return nil, err
	}
	if err := spec.isPair(); err != nil {
		return nil, err
	}
	b, err := bound(aad)
	if err != nil {
		return nil, err
	}
	e, err := k.sealer(ctx, c, c.op, aad)
	if err != nil {
		return nil, err
	}
	if k.dryRun {
		return nil, cmp.Or(k.offers(spec), dryRunResult(b))
	}
	pair, err := keypair.Generate(string(spec), k.gm)
	if err != nil {
		return nil, algorithmError(err)
	}
	// Making the pair may have taken longer than a key may be used unseen.
	if e, err = k.lookup(ctx, c, e.Value.id); err != nil {
		return nil, err
	}
	if err := k.stateNow(e.Value).encrypts(); err != nil {
		return nil, err
	}
	return k.wrapPair(c, e, pair, b)
}

// wrapPair encrypts the private key of a pair under a key that may encrypt.
func (k *KMS) wrapPair(c *call, e *keyEntry, pair keypair.Pair, b suite.Context) (*DataKeyPair, error) {
	d, err := newDataKeyPair(pair)
	if err != nil {
		return nil, err
	}
	var v *loadedVersion
	v, c.version = e.Value.primary()
	d.KeyID, d.KeyVersion = e.Value.name, c.version
	key, err := v.keys.Key(suite.PrivateKey)
	if err == nil {
		d.PrivateKeyCiphertext, err = key.Seal(nil, d.PrivateKey, b, e.Used())
	}
	if err != nil {
		d.Destroy()
		return nil, err
	}
	return d, nil
}

func newDataKeyPair(pair keypair.Pair) (*DataKeyPair, error) {
	public, err := pair.SPKI()
	if err != nil {
		return nil, err
	}
	private, err := pair.PKCS8()
	return &DataKeyPair{PrivateKey: private, PublicKey: public, Spec: KeySpec(pair.Spec())}, err
}

// DecryptDataKeyPair returns the pair of a PrivateKeyCiphertext of
// GenerateDataKeyPair, given the same aad. It fails as Decrypt does; a ciphertext
// of Encrypt, or of a data key, is ErrInvalidCiphertext.
func (k *KMS) DecryptDataKeyPair(ctx context.Context, ciphertext []byte, aad AAD) (*DataKeyPair, error) {
	c := k.begin(OpDecryptDataKeyPair, "")
	private, lk, err := k.open(ctx, &c, suite.PrivateKey, nil, ciphertext, aad)
	return k.unwrappedPair(ctx, &c, private, ciphertext, lk, aad, err)
}

// DecryptDataKeyPairWith is DecryptDataKeyPair for callers who know the key: a
// ciphertext of another key is ErrInvalidCiphertext.
func (k *KMS) DecryptDataKeyPairWith(ctx context.Context, key string, ciphertext []byte, aad AAD) (*DataKeyPair, error) {
	c := k.begin(OpDecryptDataKeyPair, key)
	private, lk, err := k.openPinned(ctx, &c, suite.PrivateKey, nil, ciphertext, aad)
	return k.unwrappedPair(ctx, &c, private, ciphertext, lk, aad, err)
}

func (k *KMS) unwrappedPair(ctx context.Context, c *call, private, ciphertext []byte, lk *loadedKey, aad AAD, err error) (*DataKeyPair, error) {
	var d *DataKeyPair
	if err == nil {
		d, err = k.parseDataKeyPair(private)
	}
	if err = k.end(ctx, c, aad, err); err != nil {
		clear(private)
		return nil, err
	}
	d.PrivateKeyCiphertext = append([]byte(nil), ciphertext...)
	d.KeyID, d.KeyVersion = lk.name, c.version
	return d, nil
}

// parseDataKeyPair returns the pair of a private key that was decrypted.
func (k *KMS) parseDataKeyPair(private []byte) (*DataKeyPair, error) {
	pair, err := keypair.Parse(private, k.gm)
	if errors.Is(err, keypair.ErrInvalidKey) {
		return nil, ErrInvalidCiphertext
	}
	if err != nil {
		return nil, algorithmError(err)
	}
	public, err := pair.SPKI()
	return &DataKeyPair{PrivateKey: private, PublicKey: public, Spec: KeySpec(pair.Spec())}, err
}
