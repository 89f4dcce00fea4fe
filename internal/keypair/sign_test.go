package keypair_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"testing"

	"github.com/embedkms/kms/internal/keypair"
)

var message = []byte("message")

func sign(t *testing.T, pair keypair.Signer, alg string) (digest, signature []byte) {
	t.Helper()
	digest, err := pair.Digest(alg, message)
	must(t, err)
	signature, err = pair.Sign(alg, digest)
	must(t, err)
	return digest, signature
}

func signAndVerify(t *testing.T, pair keypair.Signer, alg string) {
	t.Helper()
	if digest, signature := sign(t, pair, alg); !pair.Verify(alg, digest, signature) {
		t.Errorf("%s: a signature does not verify", alg)
	}
}

func TestSign(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string, pair keypair.Pair) {
		other := parse(t, pkcs8(t, generate(t, smaller(spec)))).(keypair.Signer)
		signer := pair.(keypair.Signer)
		for _, alg := range specs[spec] {
			digest, signature := sign(t, signer, alg)
			if n := signer.DigestSize(alg); n != len(digest) {
				t.Errorf("%s: digest of %d bytes, said to be %d", alg, len(digest), n)
			}
			if !signer.Verify(alg, digest, signature) {
				t.Errorf("%s: a signature does not verify", alg)
			}
			if other.Verify(alg, digest, signature) {
				t.Errorf("%s: it verifies under another key", alg)
			}
			for i := 0; i < 8*len(digest); i += 17 {
				if signer.Verify(alg, flipped(digest, i), signature) {
					t.Errorf("%s: it verifies with bit %d of the digest flipped", alg, i)
				}
			}
		}
	})
}

// smaller is a spec with the algorithms of another, that is quick to generate.
func smaller(spec string) string {
	switch spec {
	case keypair.RSA3072, keypair.RSA4096:
		return keypair.RSA2048
	}
	return spec
}

func TestDigest(t *testing.T) {
	s256, s384, s512 := sha256.Sum256(message), sha512.Sum384(message), sha512.Sum512(message)
	for alg, want := range map[string][]byte{
		"RSASSA_PSS_SHA_256": s256[:], "RSASSA_PKCS1_V1_5_SHA_256": s256[:],
		"RSASSA_PSS_SHA_384": s384[:], "RSASSA_PKCS1_V1_5_SHA_384": s384[:],
		"RSASSA_PSS_SHA_512": s512[:], "RSASSA_PKCS1_V1_5_SHA_512": s512[:],
	} {
		if got, err := fixed(t, keypair.RSA2048).(keypair.Signer).Digest(alg, message); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %x, %v, want %x", alg, got, err, want)
		}
	}
	for spec, want := range map[string][]byte{keypair.ECP256: s256[:], keypair.ECP384: s384[:]} {
		if got, err := fixed(t, spec).(keypair.Signer).Digest(specs[spec][0], message); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %x, %v, want %x", spec, got, err, want)
		}
	}
}

// A signature by one algorithm is none by another, of the same digest or not.
func TestCrossAlgorithm(t *testing.T) {
	pair := fixed(t, keypair.RSA2048).(keypair.Signer)
	for _, by := range rsaAlgorithms {
		digest, signature := sign(t, pair, by)
		for _, alg := range rsaAlgorithms {
			if alg == by {
				continue
			}
			own, err := pair.Digest(alg, message)
			must(t, err)
			if pair.Verify(alg, digest, signature) || pair.Verify(alg, own, signature) {
				t.Errorf("a signature by %s verifies by %s", by, alg)
			}
		}
	}
}

// No change of a signature verifies, and none panics.
func TestAlteredSignature(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string, pair keypair.Pair) {
		signer := pair.(keypair.Signer)
		step := 1
		if len(specs[spec]) > 1 {
			step = 101 // of 4,096 bits, by six algorithms
		}
		for _, alg := range specs[spec] {
			digest, signature := sign(t, signer, alg)
			for i := 0; i < 8*len(signature); i += step {
				if signer.Verify(alg, digest, flipped(signature, i)) {
					t.Errorf("%s: it verifies with bit %d flipped", alg, i)
				}
			}
			for n := range signature {
				if signer.Verify(alg, digest, signature[:n]) || signer.Verify(alg, digest, signature[n+1:]) {
					t.Errorf("%s: it verifies cut to %d bytes, or without its first %d", alg, n, n+1)
				}
			}
			for _, more := range [][]byte{{0}, {1}, signature} {
				if signer.Verify(alg, digest, append(bytes.Clone(signature), more...)) ||
					signer.Verify(alg, digest, append(bytes.Clone(more), signature...)) {
					t.Errorf("%s: it verifies with %d bytes more", alg, len(more))
				}
			}
			for _, empty := range [][]byte{nil, {}, make([]byte, len(signature))} {
				if signer.Verify(alg, digest, empty) {
					t.Errorf("%s: %d zero bytes verify", alg, len(empty))
				}
			}
		}
	})
}
