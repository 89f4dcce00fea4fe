package keypair_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/embedkms/kms/internal/keypair"
)

// Keys are put together here, so that each can be wrong in one place.

var (
	oidRSA  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidPSS  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidEC   = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidP224 = asn1.ObjectIdentifier{1, 3, 132, 0, 33}
	oidP256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
	oidP384 = asn1.ObjectIdentifier{1, 3, 132, 0, 34}
	oidP521 = asn1.ObjectIdentifier{1, 3, 132, 0, 35}
	oidSM2  = asn1.ObjectIdentifier{1, 2, 156, 10197, 1, 301}
)

func build(add cryptobyte.BuilderContinuation) []byte {
	var b cryptobyte.Builder
	add(&b)
	return b.BytesOrPanic()
}

func element(tag der.Tag, content ...[]byte) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(content...)) })
	})
}

func sequence(content ...[]byte) []byte { return element(der.SEQUENCE, content...) }

func octets(content ...[]byte) []byte { return element(der.OCTET_STRING, content...) }

func field(n uint8, content ...[]byte) []byte {
	return element(der.Tag(n).Constructed().ContextSpecific(), content...)
}

func bits(content []byte) []byte {
	return build(func(b *cryptobyte.Builder) { b.AddASN1BitString(content) })
}

func integer(n *big.Int) []byte {
	return build(func(b *cryptobyte.Builder) { b.AddASN1BigInt(n) })
}

func small(n int64) []byte { return integer(big.NewInt(n)) }

func oid(id asn1.ObjectIdentifier) []byte {
	return build(func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(id) })
}

var null = element(der.NULL)

// info is PrivateKeyInfo: key is what the OCTET STRING holds.
func info(algorithm, key []byte, more ...[]byte) []byte {
	return sequence(small(0), algorithm, octets(key), slices.Concat(more...))
}

// An ecKey is the fields of ECPrivateKey.
type ecKey struct {
	version int64
	scalar  []byte
	more    []byte // the optional fields
}

func (k ecKey) encode() []byte { return sequence(small(k.version), octets(k.scalar), k.more) }

// ecInfo is PrivateKeyInfo of a key on a curve.
func ecInfo(curve asn1.ObjectIdentifier, k ecKey) []byte {
	return info(sequence(oid(oidEC), oid(curve)), k.encode())
}

// An rsaKey is the numbers of RSAPrivateKey.
type rsaKey struct{ n, e, d, p, q, dp, dq, qinv *big.Int }

func (k rsaKey) numbers() []*big.Int {
	return []*big.Int{k.n, k.e, k.d, k.p, k.q, k.dp, k.dq, k.qinv}
}

// encode returns RSAPrivateKey.
func (k rsaKey) encode(more ...[]byte) []byte { return encodeNumbers(0, k.numbers(), more...) }

func encodeNumbers(version int64, numbers []*big.Int, more ...[]byte) []byte {
	content := small(version)
	for _, n := range numbers {
		content = append(content, integer(n)...)
	}
	return sequence(content, slices.Concat(more...))
}

func rsaInfo(key []byte) []byte { return info(sequence(oid(oidRSA), null), key) }

// readRSA returns the numbers of a spec's file.
func readRSA(tb testing.TB, spec string) rsaKey {
	tb.Helper()
	parsed, err := x509.ParsePKCS8PrivateKey(file(tb, spec))
	must(tb, err)
	k := parsed.(*rsa.PrivateKey)
	return rsaKey{k.N, big.NewInt(int64(k.E)), k.D, k.Primes[0], k.Primes[1],
		k.Precomputed.Dp, k.Precomputed.Dq, k.Precomputed.Qinv}
}

// makeRSA returns a key whose numbers fit to each other, of two numbers that need
// not be prime. Where there is no inverse it is 1.
func makeRSA(e int64, p, q *big.Int) rsaKey {
	k := rsaKey{n: new(big.Int).Mul(p, q), e: big.NewInt(e), p: p, q: q}
	p1, q1 := plus(p, -1), plus(q, -1)
	k.d = inverse(k.e, new(big.Int).Mul(p1, q1))
	k.dp, k.dq = new(big.Int).Mod(k.d, p1), new(big.Int).Mod(k.d, q1)
	k.qinv = inverse(q, p)
	return k
}

func inverse(a, m *big.Int) *big.Int {
	if out := new(big.Int).ModInverse(a, m); out != nil {
		return out
	}
	return big.NewInt(1)
}

// composite returns an odd number x of so many bits that is not prime, with x and
// x-1 coprime to the exponents 65537 and 65535, and so to 3. Numbers of two kinds
// are far from each other, and coprime.
func composite(bits int, kind int64) *big.Int {
	x := new(big.Int).Lsh(big.NewInt(12+kind), uint(bits)-4)
	step, exponents := big.NewInt(2), big.NewInt(65537*65535)
	for x.Add(x, big.NewInt(2*kind+1)); ; x.Add(x, step) {
		factors := new(big.Int).Mul(x, plus(x, -1))
		if factors.GCD(nil, nil, factors, exponents).Cmp(big.NewInt(1)) == 0 && !x.ProbablyPrime(0) {
			return x
		}
	}
}

// ecScalar returns the private scalar of a spec's file.
func ecScalar(tb testing.TB, spec string) []byte {
	tb.Helper()
	var key, octets, private, scalar cryptobyte.String
	in := cryptobyte.String(file(tb, spec))
	if !in.ReadASN1(&key, der.SEQUENCE) || !key.SkipASN1(der.INTEGER) || !key.SkipASN1(der.SEQUENCE) ||
		!key.ReadASN1(&octets, der.OCTET_STRING) || !octets.ReadASN1(&private, der.SEQUENCE) ||
		!private.SkipASN1(der.INTEGER) || !private.ReadASN1(&scalar, der.OCTET_STRING) {
		tb.Fatal("no scalar in the file of " + spec)
	}
	return scalar
}

// ecPoint returns the public key of a spec's file, 04 ‖ x ‖ y.
func ecPoint(tb testing.TB, spec string) []byte {
	tb.Helper()
	point := spki(tb, fixed(tb, spec))
	if spec == keypair.ECP384 {
		return point[len(point)-97:]
	}
	return point[len(point)-65:]
}
