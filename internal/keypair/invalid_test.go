package keypair_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keypair"
	"github.com/embedkms/kms/internal/sm2"
)

// invalidKeys are encodings of no sound private key.
func invalidKeys(tb testing.TB) []encoding {
	return slices.Concat(invalidFiles(tb), invalidEC(tb), invalidNumbers(tb), invalidRSA(tb))
}

// invalidFiles are wrong around the key.
func invalidFiles(tb testing.TB) (out []encoding) {
	for spec := range specs {
		der := file(tb, spec)
		body := der[len(der)-len(contents(der)):]
		out = append(out,
			encoding{"a byte behind", spec, append(bytes.Clone(der), 0)},
			encoding{"a key behind", spec, append(bytes.Clone(der), der...)},
			encoding{"PEM", spec, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})},
			encoding{"a public key", spec, spki(tb, fixed(tb, spec))},
			encoding{"4,097 bytes", spec, append(bytes.Clone(der), make([]byte, 4097-len(der))...)},
			encoding{"4,097 bytes of DER", spec, long(body)},
			encoding{"an element within", spec, sequence(body, null)},
			encoding{"a public key within (RFC 5958)", spec, sequence(body, element(0x81, []byte{0, 4}))},
			encoding{"version 1", spec, sequence(small(1), body[3:])},
			encoding{"version -1", spec, sequence(small(-1), body[3:])},
			encoding{"no version", spec, sequence(body[3:])},
			encoding{"twice", spec, sequence(body, body)},
		)
	}
	ed25519 := info(sequence(oid(asn1.ObjectIdentifier{1, 3, 101, 112})), octets(make([]byte, 32)))
	return append(out,
		encoding{"nil", "", nil}, encoding{"empty", "", []byte{}}, encoding{"null", "", null},
		encoding{"zeros", "", make([]byte, 138)}, encoding{"an empty sequence", "", sequence()},
		encoding{"nested", "", bytes.Repeat([]byte{0x30, 0x80}, 1000)},
		encoding{"text", "", []byte(strings.Repeat("key", 100))},
		encoding{"Ed25519", "", ed25519},
	)
}

// contents returns what is in the SEQUENCE that der is.
func contents(der []byte) []byte {
	var raw asn1.RawValue
	if _, err := asn1.Unmarshal(der, &raw); err != nil {
		panic(err)
	}
	return raw.Bytes
}

// long returns a PKCS #8 that is right but for its 4,097 bytes.
func long(body []byte) []byte {
	for n := 4097 - len(body) - 64; ; n++ {
		padding := field(0, sequence(oid(oidEC), element(0x31, octets(make([]byte, n)))))
		if der := sequence(body, padding); len(der) >= 4097 {
			return der
		}
	}
}

// orders are those of the curves, which the scalars are below.
var orders = map[string]*big.Int{
	keypair.ECP256: elliptic.P256().Params().N,
	keypair.ECP384: elliptic.P384().Params().N,
	keypair.SM2:    sm2.Curve().Params().N,
}

// invalidEC are wrong keys on curves.
func invalidEC(tb testing.TB) (out []encoding) {
	for spec, curve := range ecCurves {
		scalar, point, n := ecScalar(tb, spec), ecPoint(tb, spec), orders[spec]
		size := len(scalar)
		public := field(1, bits(point))
		other := field(1, bits(ecPoint(tb, map[string]string{
			keypair.ECP256: keypair.SM2, keypair.ECP384: keypair.ECP256, keypair.SM2: keypair.ECP256,
		}[spec])))
		negated := append(bytes.Clone(point[:1+size]), negate(spec, point[1+size:])...)
		compressed := append([]byte{2 + point[len(point)-1]&1}, point[1:1+size]...)
		for name, k := range map[string]ecKey{
			"scalar 0":                   {1, make([]byte, size), nil},
			"scalar n":                   {1, n.Bytes(), nil},
			"scalar n+1":                 {1, plus(n, 1).Bytes(), nil},
			"scalar of ones":             {1, bytes.Repeat([]byte{0xff}, size), nil},
			"no scalar":                  {1, nil, nil},
			"scalar too long":            {1, append([]byte{1}, scalar...), nil},
			"version 0":                  {0, scalar, public},
			"version 2":                  {2, scalar, public},
			"another curve's public key": {1, scalar, other},
			"negated public key":         {1, scalar, field(1, bits(negated))},
			"another key's public key":   {1, plus(new(big.Int).SetBytes(scalar), -1).Bytes(), public},
			"public key off the curve":   {1, scalar, field(1, bits(flipped(point, 8*len(point)-1)))},
			"compressed public key":      {1, scalar, field(1, bits(compressed))},
			"empty public key":           {1, scalar, field(1, bits(nil))},
			"public key too long":        {1, scalar, field(1, bits(append(bytes.Clone(point), 0)))},
			"public key no bit string":   {1, scalar, field(1, octets(point))},
			"two public keys":            {1, scalar, field(1, bits(point), bits(point))},
			"public key twice":           {1, scalar, append(bytes.Clone(public), public...)},
			"curve behind public key":    {1, scalar, append(bytes.Clone(public), field(0, oid(curve))...)},
			"another curve within":       {1, scalar, field(0, oid(oidP521))},
			"curve is a null":            {1, scalar, field(0, null)},
			"an element behind":          {1, scalar, append(bytes.Clone(public), null...)},
		} {
			out = append(out, encoding{name, spec, ecInfo(curve, k)})
		}
		good := ecKey{1, scalar, public}.encode()
		out = append(out,
			encoding{"a byte behind the inner key", spec, info(sequence(oid(oidEC), oid(curve)), append(bytes.Clone(good), 0))},
			encoding{"no curve", spec, info(sequence(oid(oidEC)), good)},
			encoding{"the curve within only", spec, info(sequence(oid(oidEC)), ecKey{1, scalar, field(0, oid(curve))}.encode())},
			encoding{"two curves", spec, info(sequence(oid(oidEC), oid(curve), oid(curve)), good)},
			encoding{"an RSA key, it says", spec, info(sequence(oid(oidRSA), null), good)},
			encoding{"no PKCS #8", spec, good},
			encoding{"P-224", spec, ecInfo(oidP224, ecKey{1, bytes.Repeat([]byte{1}, 28), nil})},
			encoding{"P-521", spec, ecInfo(oidP521, ecKey{1, append([]byte{0}, bytes.Repeat([]byte{1}, 65)...), nil})},
		)
	}
	return append(out, encoding{"scalar n-1, which some compute wrongly with", keypair.SM2,
		ecInfo(oidSM2, ecKey{1, plus(orders[keypair.SM2], -1).Bytes(), nil})})
}

// negate returns the y of -P.
func negate(spec string, y []byte) []byte {
	p := map[string]*big.Int{
		keypair.ECP256: elliptic.P256().Params().P,
		keypair.ECP384: elliptic.P384().Params().P,
		keypair.SM2:    sm2.Curve().Params().P,
	}[spec]
	return new(big.Int).Sub(p, new(big.Int).SetBytes(y)).FillBytes(make([]byte, len(y)))
}

// invalidNumbers are RSA keys of which one number is not the others', or which
// fit to each other and are not sound.
func invalidNumbers(tb testing.TB) (out []encoding) {
	k := readRSA(tb, keypair.RSA2048)
	for i, name := range []string{"n", "e", "d", "p", "q", "dp", "dq", "qinv"} {
		for what, change := range map[string]func(n *big.Int) *big.Int{
			"+ 2":     func(n *big.Int) *big.Int { return plus(n, 2) },
			"+ 1":     func(n *big.Int) *big.Int { return plus(n, 1) },
			"zero":    func(*big.Int) *big.Int { return new(big.Int) },
			"one":     func(*big.Int) *big.Int { return big.NewInt(1) },
			"negated": func(n *big.Int) *big.Int { return new(big.Int).Neg(n) },
			"doubled": func(n *big.Int) *big.Int { return new(big.Int).Lsh(n, 1) },
		} {
			numbers := slices.Clone(k.numbers())
			numbers[i] = change(numbers[i])
			out = append(out, encoding{name + " " + what, keypair.RSA2048, rsaInfo(encodeNumbers(0, numbers))})
		}
	}
	p, q := composite(1024, 0), composite(1024, 1)
	for name, wrong := range map[string]rsaKey{
		"1,024 bits":          makeRSA(65537, composite(512, 0), composite(512, 1)),
		"2,046 bits":          makeRSA(65537, composite(1023, 0), composite(1023, 1)),
		"2,047 bits":          makeRSA(65537, composite(1023, 0), composite(1024, 1)),
		"2,050 bits":          makeRSA(65537, composite(1025, 0), composite(1025, 1)),
		"8,192 bits":          makeRSA(65537, composite(4096, 0), composite(4096, 1)),
		"exponent 3":          makeRSA(3, p, q),
		"exponent 65535":      makeRSA(65535, p, q),
		"even exponent":       makeRSA(65538, p, q),
		"exponent of 33 bits": makeRSA(1<<32+1, p, q),
		"p = q":               makeRSA(65537, p, p),
		"p near q":            makeRSA(65537, p, near(p)),
		"unequal primes":      makeRSA(65537, composite(1000, 0), composite(1048, 1)),
		"a prime of two bits": makeRSA(65537, big.NewInt(3), composite(2046, 1)),
		"even p":              makeRSA(65537, plus(p, 1), q),
		"even q":              makeRSA(65537, p, plus(q, 1)),
		"e and d in turn":     exchanged(p, q),
	} {
		out = append(out, encoding{name, keypair.RSA2048, rsaInfo(wrong.encode())})
	}
	return out
}

// An exponent below that of FIPS 186-5 is refused for itself: the other numbers are
// those of a key, which crypto/x509 takes.
func TestSmallExponents(t *testing.T) {
	p, q := composite(1024, 0), composite(1024, 1)
	for _, e := range []int64{3, 5, 17, 257, 65535, 65537} {
		der := rsaInfo(makeRSA(e, p, q).encode())
		if _, err := x509.ParsePKCS8PrivateKey(der); err != nil {
			t.Errorf("exponent %d: not a key: %v", e, err)
		}
		var want error
		if e < 65537 {
			want = keypair.ErrInvalidKey
		}
		if _, err := keypair.Parse(der, gm.Default()); err != want {
			t.Errorf("exponent %d: %v, want %v", e, err, want)
		}
	}
}

// near returns a number near p that a key can be made with.
func near(p *big.Int) *big.Int {
	for q := plus(p, 2); ; q = plus(q, 2) {
		if new(big.Int).Mod(plus(q, -1), big.NewInt(65537)).Sign() != 0 &&
			new(big.Int).ModInverse(q, p) != nil {
			return q
		}
	}
}

// exchanged returns a key whose e and d have changed places.
func exchanged(p, q *big.Int) rsaKey {
	k := makeRSA(65537, p, q)
	k.e, k.d = k.d, k.e
	k.dp, k.dq = k.d, k.d
	return k
}

// invalidRSA are wrong around the numbers.
func invalidRSA(tb testing.TB) []encoding {
	k := readRSA(tb, keypair.RSA2048)
	good := k.encode()
	third := composite(683, 0)
	other := sequence(integer(third), integer(inverse(k.e, plus(third, -1))), small(1))
	var out []encoding
	for name, der := range map[string][]byte{
		"three primes":          rsaInfo(encodeNumbers(1, k.numbers(), sequence(other))),
		"three of version 0":    rsaInfo(k.encode(sequence(other))),
		"no third prime":        rsaInfo(encodeNumbers(1, k.numbers(), sequence())),
		"version 1":             rsaInfo(encodeNumbers(1, k.numbers())),
		"version -1":            rsaInfo(encodeNumbers(-1, k.numbers())),
		"no CRT values":         rsaInfo(encodeNumbers(0, k.numbers()[:5])),
		"no coefficient":        rsaInfo(encodeNumbers(0, k.numbers()[:7])),
		"a number behind":       rsaInfo(k.encode(small(1))),
		"a byte behind":         rsaInfo(append(bytes.Clone(good), 0)),
		"no PKCS #8":            good,
		"RSASSA-PSS only":       info(sequence(oid(oidPSS)), good),
		"an EC key, it says":    info(sequence(oid(oidEC), oid(oidP256)), good),
		"parameters of a curve": info(sequence(oid(oidRSA), oid(oidP256)), good),
		"parameters twice":      info(sequence(oid(oidRSA), null, null), good),
		"parameters not null":   info(sequence(oid(oidRSA), element(0x05, []byte{1, 2, 3, 4})), good),
		"attributes of text":    info(sequence(oid(oidRSA), null), good, field(0, []byte("a friendly name"))),
		"empty key":             rsaInfo(nil),
		"no numbers":            rsaInfo(encodeNumbers(0, nil)),
	} {
		out = append(out, encoding{name, keypair.RSA2048, der})
	}
	return out
}
