package kms

import (
	"context"
	"crypto"
	"crypto/rsa"
	"fmt"
	"io"
	"slices"
)

// Signer returns the primary version of an RSA, EC or SM2 key for signatures as
// a crypto.Signer, for crypto/tls, crypto/x509 and whatever else takes one. It
// stays with that version after a rotation, and makes each signature with ctx,
// as Sign does: if the key is disabled it signs no more.
//
// Its algorithms are those of the key's spec. An RSA key signs PKCS #1 v1.5, or
// PSS if the options are *rsa.PSSOptions, with a salt as long as the digest, over
// SHA-256, SHA-384 or SHA-512; EC_P256 signs over SHA-256 and EC_P384 over
// SHA-384 only. Any other options are ErrUnsupportedAlgorithm. TLS 1.2 ties no
// hash to a curve: there an EC_P384 key needs a tls.Certificate whose
// SupportedSignatureAlgorithms are ECDSAWithP384AndSHA384 alone.
//
// Of an SM2 key Public is an *ecdsa.PublicKey on the curve of SM2, which
// crypto/x509 and crypto/tls do not accept. What it signs is PublicKey.SM2Digest,
// with options whose HashFunc is 0.
func (k *KMS) Signer(ctx context.Context, key string) (crypto.Signer, error) {
	h, err := k.handle(ctx, key, KeyUsageSignVerify, KeyState.encrypts)
	if err != nil {
		return nil, err
	}
	return &signer{h}, nil
}

// Decrypter returns the primary version of an RSA or SM2 key for encryption as a
// crypto.Decrypter. It stays with that version after a rotation, and decrypts
// with ctx, as DecryptAsymmetric does.
//
// Options are nil for the algorithm of the key, or *rsa.OAEPOptions with SHA-256
// and no label under RSA. Any other are ErrUnsupportedAlgorithm.
func (k *KMS) Decrypter(ctx context.Context, key string) (crypto.Decrypter, error) {
	h, err := k.handle(ctx, key, KeyUsageEncryptDecrypt, KeyState.decrypts)
	if err != nil {
		return nil, err
	}
	return &decrypter{h}, nil
}

// A handle is a version of a key in the hands of other code.
type handle struct {
	kms     *KMS
	ctx     context.Context
	key     string // its ID
	version uint32
	spec    KeySpec
	public  crypto.PublicKey
}

func (h *handle) Public() crypto.PublicKey { return h.public }

// handle returns the primary version of a pair with a usage. To the gate that is
// asking for the public key.
func (k *KMS) handle(ctx context.Context, key string, use KeyUsage, allowed func(KeyState) error) (*handle, error) {
	c := k.begin(OpPublicKey, key)
	h, err := k.newHandle(ctx, &c, use, allowed)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	return h, nil
}

func (k *KMS) newHandle(ctx context.Context, c *call, use KeyUsage, allowed func(KeyState) error) (*handle, error) {
	pair, err := k.pair(ctx, c, 0, allowed, func(lk *loadedKey) error { return lk.isFor(use) })
	if err != nil {
		return nil, err
	}
	if k.dryRun {
		return nil, ErrDryRun
	}
	return &handle{k, ctx, c.key.name, c.version, c.key.spec, pair.Public()}, nil
}

type signer struct{ *handle }

func (s *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	alg, err := signingAlgorithm(s.spec, opts)
	if err != nil {
		return nil, &Error{OpSign, s.key, err}
	}
	out, err := s.kms.signWith(s.ctx, s.key, s.version, alg, digest, MessageTypeDigest)
	if err != nil {
		return nil, err
	}
	return out.Signature, nil
}

// signingAlgorithm returns the algorithm of a spec that opts ask for.
func signingAlgorithm(s KeySpec, opts crypto.SignerOpts) (Algorithm, error) {
	var hash crypto.Hash
	if opts != nil {
		hash = opts.HashFunc()
	}
	var alg Algorithm
	if name := hashNames[hash]; name != "" {
		alg = scheme(s, opts) + name
	} else if hash == 0 && s == KeySpecSM2 {
		alg = AlgorithmSM2DSASM3
	}
	if !slices.Contains(s.algorithms(KeyUsageSignVerify), alg) {
		return "", fmt.Errorf("%w: options %T with hash %d for a key of spec %s", ErrUnsupportedAlgorithm, opts, hash, s)
	}
	return alg, nil
}

var hashNames = map[crypto.Hash]Algorithm{
	crypto.SHA256: "_SHA_256", crypto.SHA384: "_SHA_384", crypto.SHA512: "_SHA_512",
}

// scheme is an algorithm without its hash.
func scheme(s KeySpec, opts crypto.SignerOpts) Algorithm {
	pss, isPSS := opts.(*rsa.PSSOptions)
	switch {
	case s == KeySpecECP256 || s == KeySpecECP384:
		return "ECDSA"
	case !isPSS:
		return "RSASSA_PKCS1_V1_5"
	case slices.Contains([]int{rsa.PSSSaltLengthAuto, rsa.PSSSaltLengthEqualsHash, pss.Hash.Size()}, pss.SaltLength):
		return "RSASSA_PSS"
	}
	return ""
}

type decrypter struct{ *handle }

func (d *decrypter) Decrypt(_ io.Reader, ciphertext []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	alg, err := decryptingAlgorithm(d.spec, opts)
	if err != nil {
		return nil, &Error{OpDecryptAsymmetric, d.key, err}
	}
	return d.kms.DecryptAsymmetric(d.ctx, d.key, d.version, alg, ciphertext)
}

// decryptingAlgorithm returns the algorithm of a spec that opts ask for.
func decryptingAlgorithm(s KeySpec, opts crypto.DecrypterOpts) (Algorithm, error) {
	oaep, isOAEP := opts.(*rsa.OAEPOptions)
	fits := opts == nil || isOAEP && s != KeySpecSM2 && oaep.Hash == crypto.SHA256 &&
		(oaep.MGFHash == 0 || oaep.MGFHash == crypto.SHA256) && len(oaep.Label) == 0
	if !fits {
		return "", fmt.Errorf("%w: options %T for a key of spec %s", ErrUnsupportedAlgorithm, opts, s)
	}
	return s.algorithms(KeyUsageEncryptDecrypt)[0], nil
}
