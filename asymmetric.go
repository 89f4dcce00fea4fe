package kms

import (
	"cmp"
	"context"
	"fmt"

	"github.com/embedkms/kms/internal/keypair"
	"github.com/embedkms/kms/internal/sm2"
)

// An AsymmetricCiphertext is a ciphertext of EncryptAsymmetric, and what to keep
// with it: the ciphertext is what the standard says and no more, so that others
// can decrypt it who have the private key, and it does not say what it is of.
type AsymmetricCiphertext struct {
	Ciphertext []byte
	KeyID      string
	KeyVersion uint32
	Algorithm  Algorithm
}

// EncryptAsymmetric encrypts under the public key of the primary version of an
// RSA or SM2 key: 1 to 190, 318 or 446 bytes under RSA_2048, RSA_3072 or
// RSA_4096, and 1 to 1,024 under SM2; otherwise it is ErrInvalidPlaintext, which
// names the limit. An algorithm that is not of the key's spec is
// ErrUnsupportedAlgorithm, a key that does not encrypt ErrInvalidUsage. The
// ciphertext is bound to no context: these algorithms know none.
func (k *KMS) EncryptAsymmetric(ctx context.Context, key string, alg Algorithm, plaintext []byte) (*AsymmetricCiphertext, error) {
	c := k.begin(OpEncryptAsymmetric, key)
	out, err := k.encryptAsymmetric(ctx, &c, alg, plaintext)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	return out, nil
}

func (k *KMS) encryptAsymmetric(ctx context.Context, c *call, alg Algorithm, plaintext []byte) (*AsymmetricCiphertext, error) {
	pair, err := k.decrypter(ctx, c, alg, 0, KeyState.encrypts)
	if err != nil {
		return nil, err
	}
	if n, most := len(plaintext), pair.MaxPlaintext(); n < 1 || n > most {
		return nil, fmt.Errorf("%w: %d bytes, want 1 to %d", ErrInvalidPlaintext, n, most)
	}
	if k.dryRun {
		return nil, ErrDryRun
	}
	out, err := pair.Encrypt(plaintext)
	return &AsymmetricCiphertext{out, c.key.name, c.version, alg}, algorithmError(err)
}

// DecryptAsymmetric decrypts what was encrypted under the public key of a version
// of an RSA or SM2 key, here or elsewhere; version 0 is the primary one. It tries
// no other. What does not decrypt is ErrInvalidCiphertext, whatever the reason;
// an algorithm that is not of the key's spec is ErrUnsupportedAlgorithm.
//
// A plaintext is no proof of who has encrypted it: everybody may have the public
// key.
func (k *KMS) DecryptAsymmetric(ctx context.Context, key string, version uint32, alg Algorithm, ciphertext []byte) ([]byte, error) {
	c := k.begin(OpDecryptAsymmetric, key)
	plaintext, err := k.decryptAsymmetric(ctx, &c, version, alg, ciphertext)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	return plaintext, nil
}

func (k *KMS) decryptAsymmetric(ctx context.Context, c *call, version uint32, alg Algorithm, ciphertext []byte) ([]byte, error) {
	pair, err := k.decrypter(ctx, c, alg, version, KeyState.decrypts)
	if err != nil {
		return nil, err
	}
	if k.dryRun {
		return nil, ErrDryRun
	}
	plaintext, err := pair.Decrypt(ciphertext)
	if err != nil {
		return nil, ErrInvalidCiphertext
	}
	return plaintext, nil
}

// decrypter returns the pair of a version of the key that c.ref names, if that
// is a key which encrypts and decrypts by alg, and its state is allowed.
func (k *KMS) decrypter(ctx context.Context, c *call, alg Algorithm, version uint32, allowed func(KeyState) error) (keypair.Decrypter, error) {
	pair, err := k.pair(ctx, c, version, allowed, func(lk *loadedKey) error {
		return lk.fits(KeyUsageEncryptDecrypt, alg)
	})
	if err != nil {
		return nil, err
	}
	return pair.(keypair.Decrypter), nil
}

// pair returns the pair of a version of the key that c.ref names, as version does.
func (k *KMS) pair(ctx context.Context, c *call, version uint32, allowed func(KeyState) error, fits func(*loadedKey) error) (keypair.Pair, error) {
	v, err := k.version(ctx, c, version, allowed, func(lk *loadedKey) error {
		return cmp.Or(fits(lk), lk.spec.isPair())
	})
	if err != nil {
		return nil, err
	}
	return v.pair.get()
}

// version returns a version of the key that c.ref names, 0 for the primary one,
// if the key is authorised, fits, and is in a state that is allowed. It sets
// c.version.
func (k *KMS) version(ctx context.Context, c *call, version uint32, allowed func(KeyState) error, fits func(*loadedKey) error) (*loadedVersion, error) {
	if err := k.alive(); err != nil {
		return nil, err
	}
	e, err := k.target(ctx, c, c.op, nil)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(e.Value.state.exists(), fits(e.Value)); err != nil {
		return nil, err
	}
	if version == 0 {
		version = uint32(len(e.Value.versions)) // 0 if none was imported, which no state allows
	}
	if err := allowed(k.stateNow(e.Value)); err != nil {
		return nil, err
	}
	if e, err = k.newer(ctx, e, version, allowed); err != nil {
		return nil, err
	}
	if err := k.refusal(e.Value, version); err != nil {
		return nil, err
	}
	c.version = version
	return &e.Value.versions[version-1], nil
}

// SM2CiphertextFromASN1 returns the SM2 ciphertext 04 ‖ x ‖ y ‖ C3 ‖ C2 of one in
// the form of GM/T 0009, which OpenSSL writes: DER, SEQUENCE of x, y, C3 and C2.
// Any other form is ErrInvalidCiphertext.
func SM2CiphertextFromASN1(der []byte) ([]byte, error) {
	out, err := sm2.CiphertextFromASN1(der)
	if err != nil {
		return nil, &Error{Op: "SM2CiphertextFromASN1", Err: ErrInvalidCiphertext}
	}
	return out, nil
}

// SM2CiphertextToASN1 is the inverse of SM2CiphertextFromASN1.
func SM2CiphertextToASN1(ciphertext []byte) ([]byte, error) {
	out, err := sm2.CiphertextToASN1(ciphertext)
	if err != nil {
		return nil, &Error{Op: "SM2CiphertextToASN1", Err: ErrInvalidCiphertext}
	}
	return out, nil
}
