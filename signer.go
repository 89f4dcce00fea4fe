package kms

import (
	"context"
	"crypto"
	"crypto/rsa"
	"fmt"
	"io"
)

// Signer returns the primary version of an RSA, EC or SM2 key for signatures as
// a crypto.Signer, for crypto/tls, crypto/x509 and whatever else takes one. It
// stays with that version after a rotation, and makes each signature with ctx,
// as Sign does: if the key is disabled it signs no more. To make one takes the
// right to PublicKey, and each signature that to Sign. A key that does not sign
// is ErrInvalidUsage.
//
// Its algorithms are those of the key's spec. An RSA key signs PKCS #1 v1.5, or
// PSS if the options are *rsa.PSSOptions, with a salt as long as the digest, over
// SHA-256, SHA-384 or SHA-512; EC_P256 signs over SHA-256 and EC_P384 over
// SHA-384 only. Any other options are ErrUnsupportedAlgorithm, which a TLS 1.2
// client brings about that prefers another hash: in a tls.Certificate with an EC
// key set SupportedSignatureAlgorithms to the one of the curve.
//
// Of an SM2 key Public is an *ecdsa.PublicKey on the curve of SM2, which
// crypto/x509 and crypto/tls do not accept. What it signs is PublicKey.SM2Digest,
// with options that are nil or whose HashFunc is 0.
func (k *KMS) Signer(ctx context.Context, key string) (crypto.Signer, error) {
	h, err := k.handle(ctx, key, KeyUsageSignVerify, KeyState.encrypts)
	if err != nil {
		return nil, err
	}
	return &signer{h}, nil
}

// Decrypter returns the primary version of an RSA or SM2 key for encryption as a
// crypto.Decrypter. It stays with that version after a rotation, and decrypts
// with ctx, as DecryptAsymmetric does. To make one takes the right to PublicKey,
// and each decryption that to DecryptAsymmetric. A key that does not decrypt is
// ErrInvalidUsage, one that has no public key ErrUnsupportedAlgorithm.
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
	out, err := s.kms.signWith(s.ctx, s.key, s.version, signingAlgorithm(s.spec, opts), digest, MessageTypeDigest)
	if err != nil {
		return nil, err
	}
	return out.Signature, nil
}

// signingAlgorithm returns the algorithm that opts ask for: none there is, if it is
// not one of the spec.
func signingAlgorithm(s KeySpec, opts crypto.SignerOpts) Algorithm {
	var hash crypto.Hash
	if opts != nil {
		hash = opts.HashFunc()
	}
	name := hashNames[hash]
	pss, isPSS := opts.(*rsa.PSSOptions)
	switch {
	case isPSS && name != "" && pssSalt(pss):
		return "RSASSA_PSS" + name
	case isPSS: // of another hash or salt
	case name != "" && (s == KeySpecECP256 || s == KeySpecECP384):
		return "ECDSA" + name
	case name != "":
		return "RSASSA_PKCS1_V1_5" + name
	case hash == 0 && s == KeySpecSM2:
		return AlgorithmSM2DSASM3
	}
	return Algorithm(fmt.Sprintf("options %T with hash %d", opts, hash))
}

var hashNames = map[crypto.Hash]Algorithm{
	crypto.SHA256: "_SHA_256", crypto.SHA384: "_SHA_384", crypto.SHA512: "_SHA_512",
}

// pssSalt reports whether a salt as long as the digest is what is asked for.
func pssSalt(opts *rsa.PSSOptions) bool {
	return opts.SaltLength == rsa.PSSSaltLengthAuto || opts.SaltLength == rsa.PSSSaltLengthEqualsHash ||
		opts.SaltLength == opts.Hash.Size()
}

type decrypter struct{ *handle }

func (d *decrypter) Decrypt(_ io.Reader, ciphertext []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	return d.kms.DecryptAsymmetric(d.ctx, d.key, d.version, decryptingAlgorithm(d.spec, opts), ciphertext)
}

// decryptingAlgorithm returns the algorithm that opts ask for: none there is, if it
// is not one of the spec.
func decryptingAlgorithm(s KeySpec, opts crypto.DecrypterOpts) Algorithm {
	if opts == nil {
		return s.algorithms(KeyUsageEncryptDecrypt)[0]
	}
	oaep, ok := opts.(*rsa.OAEPOptions)
	if ok && oaep.Hash == crypto.SHA256 && (oaep.MGFHash == 0 || oaep.MGFHash == crypto.SHA256) && len(oaep.Label) == 0 {
		return AlgorithmRSAESOAEPSHA256
	}
	return Algorithm(fmt.Sprintf("options %T", opts))
}
