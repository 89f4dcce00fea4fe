package keypair

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/embedkms/kms/internal/algorithm"
)

// An RSAPublic is a public key that encrypts with RSAES-OAEP (RFC 8017) with
// SHA-256, MGF1 with SHA-256 and no label, and verifies RSASSA-PKCS1-v1_5, and
// RSASSA-PSS with MGF1 with the hash of the message and a salt as long as that.
type RSAPublic struct{ Key *rsa.PublicKey }

func (p RSAPublic) Spec() string { return "RSA_" + strconv.Itoa(p.Key.N.BitLen()) }

func (p RSAPublic) Public() crypto.PublicKey {
	return &rsa.PublicKey{N: new(big.Int).Set(p.Key.N), E: p.Key.E}
}

func (p RSAPublic) SPKI() ([]byte, error) { return x509.MarshalPKIXPublicKey(p.Key) }

// Size is that of a ciphertext and of a signature, in bytes.
func (p RSAPublic) Size() int { return p.Key.Size() }

func (p RSAPublic) MaxPlaintext() int { return p.Size() - 2*sha256.Size - 2 }

func (p RSAPublic) Encrypt(plaintext []byte) ([]byte, error) {
	return rsa.EncryptOAEP(sha256.New(), rand.Reader, p.Key, plaintext, nil)
}

func (p RSAPublic) Digest(algorithm string, message []byte) ([]byte, error) {
	return digest(hashOf(algorithm), message), nil
}

func (p RSAPublic) DigestSize(algorithm string) int { return hashOf(algorithm).Size() }

func (p RSAPublic) Verify(algorithm string, digest, signature []byte) bool {
	h := hashOf(algorithm)
	if isPSS(algorithm) {
		return rsa.VerifyPSS(p.Key, h, digest, signature, pssOptions(h)) == nil
	}
	return rsa.VerifyPKCS1v15(p.Key, h, digest, signature) == nil
}

func isPSS(algorithm string) bool { return strings.HasPrefix(algorithm, "RSASSA_PSS_") }

func pssOptions(h crypto.Hash) *rsa.PSSOptions {
	return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
}

// An RSA is an RSA pair.
type RSA struct {
	RSAPublic
	private *rsa.PrivateKey
}

func newRSA(private *rsa.PrivateKey) *RSA { return &RSA{RSAPublic{&private.PublicKey}, private} }

var rsaBits = map[string]int{RSA2048: 2048, RSA3072: 3072, RSA4096: 4096}

func generateRSA(spec string) (Pair, error) {
	private, err := rsa.GenerateKey(rand.Reader, rsaBits[spec])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", algorithm.ErrUnsupported, err)
	}
	return newRSA(private), nil
}

// parseRSA reads RSAPrivateKey (RFC 8017) of two primes.
func parseRSA(key cryptobyte.String) (Pair, error) {
	var seq cryptobyte.String
	var version, e int
	var n, d, p, q, dp, dq, qinv []byte // not negative
	if !key.ReadASN1(&seq, asn1.SEQUENCE) || !key.Empty() ||
		!seq.ReadASN1Integer(&version) || version != 0 ||
		!seq.ReadASN1Integer(&n) || !seq.ReadASN1Integer(&e) || !seq.ReadASN1Integer(&d) ||
		!seq.ReadASN1Integer(&p) || !seq.ReadASN1Integer(&q) ||
		!seq.ReadASN1Integer(&dp) || !seq.ReadASN1Integer(&dq) || !seq.ReadASN1Integer(&qinv) ||
		!seq.Empty() {
		return nil, ErrInvalidKey
	}
	return checkRSA(&rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: number(n), E: e}, D: number(d),
		Primes:      []*big.Int{number(p), number(q)},
		Precomputed: rsa.PrecomputedValues{Dp: number(dp), Dq: number(dq), Qinv: number(qinv)},
	})
}

func number(b []byte) *big.Int { return new(big.Int).SetBytes(b) }

// minExponent is the least public exponent of FIPS 186-5, and nearly everyone's.
const minExponent = 65537

// checkRSA takes a modulus of a spec's size, and primes of half that, as FIPS
// 186-5 has it: a short prime is found by trial. Sizes come first: what is left
// to crypto/rsa then, whether the numbers fit to each other, is little work.
func checkRSA(private *rsa.PrivateKey) (Pair, error) {
	pair, bits := newRSA(private), private.N.BitLen()
	if rsaBits[pair.Spec()] == 0 || private.E < minExponent {
		return nil, ErrInvalidKey
	}
	for _, prime := range private.Primes {
		if prime.BitLen() != bits/2 {
			return nil, ErrInvalidKey
		}
	}
	private.Precompute()
	if private.Validate() != nil {
		return nil, ErrInvalidKey
	}
	return pair, nil
}

// CheckPrimes returns ErrInvalidKey if pair is of RSA and one of its primes is
// composite, which Parse does not see: what is encrypted under such a key may
// never decrypt. It takes long, so it is for keys that others have made, once.
func CheckPrimes(pair Pair) error {
	p, ok := pair.(*RSA)
	if !ok {
		return nil
	}
	for _, prime := range p.private.Primes {
		if !prime.ProbablyPrime(primeRounds) {
			return ErrInvalidKey
		}
	}
	return nil
}

// primeRounds leaves less than one chance in 4^10 to a number that is composite
// by mistake. Whoever makes one on purpose has the private key anyway.
const primeRounds = 10

func (p *RSA) PKCS8() ([]byte, error) {
	return x509.MarshalPKCS8PrivateKey(canonical(p.private))
}

// canonical returns a key with the greater prime first, as OpenSSL has it, and
// with the least private exponent (FIPS 186-5). Others write the same key with
// the primes in the other order, or with the exponent modulo (p-1)(q-1).
func canonical(key *rsa.PrivateKey) *rsa.PrivateKey {
	p, q, one := key.Primes[0], key.Primes[1], big.NewInt(1)
	p1, q1 := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
	multiple := new(big.Int).GCD(nil, nil, p1, q1)
	multiple.Div(p1, multiple).Mul(multiple, q1) // the least common one of p1 and q1
	if p.Cmp(q) >= 0 && key.D.Cmp(multiple) < 0 {
		return key
	}
	if p.Cmp(q) < 0 {
		p, q = q, p
	}
	key = &rsa.PrivateKey{
		PublicKey: key.PublicKey, D: new(big.Int).Mod(key.D, multiple), Primes: []*big.Int{p, q},
	}
	key.Precompute()
	return key
}

func (p *RSA) Decrypt(ciphertext []byte) ([]byte, error) {
	if len(ciphertext) != p.Size() { // crypto/rsa takes one without its leading zeros
		return nil, ErrInvalidCiphertext
	}
	plaintext, err := rsa.DecryptOAEP(sha256.New(), nil, p.private, ciphertext, nil)
	if err != nil {
		return nil, ErrInvalidCiphertext
	}
	return plaintext, nil
}

func (p *RSA) Sign(algorithm string, digest []byte) ([]byte, error) {
	h := hashOf(algorithm)
	if isPSS(algorithm) {
		return rsa.SignPSS(rand.Reader, p.private, h, digest, pssOptions(h))
	}
	return rsa.SignPKCS1v15(nil, p.private, h, digest)
}
