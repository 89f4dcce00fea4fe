package keypair_test

import (
	"bytes"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keypair"
)

// An encoding is a private key in DER, right or wrong.
type encoding struct {
	name string
	spec string // the file of which it is a form; of a wrong one, what it is near to
	der  []byte
}

// attributes are well formed: a friendly name.
var attributes = field(0, sequence(oid(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}),
	element(0x31, element(0x1e, []byte("\x00k")))))

// ecCurves are the specs on curves with what names these.
var ecCurves = map[string]asn1.ObjectIdentifier{
	keypair.ECP256: oidP256, keypair.ECP384: oidP384, keypair.SM2: oidSM2,
}

// encodings are other forms of the keys of the files.
func encodings(tb testing.TB) (out []encoding) {
	for spec, curve := range ecCurves {
		scalar, public := ecScalar(tb, spec), field(1, bits(ecPoint(tb, spec)))
		named := field(0, oid(curve))
		for name, more := range map[string][]byte{
			"no public key": nil, "a curve within": named, "both": append(named, public...),
		} {
			out = append(out, encoding{name, spec, ecInfo(curve, ecKey{1, scalar, more})})
		}
		out = append(out, encoding{"attributes", spec,
			info(sequence(oid(oidEC), oid(curve)), ecKey{1, scalar, public}.encode(), attributes)})
	}
	for _, spec := range []string{keypair.RSA2048, keypair.RSA3072, keypair.RSA4096} {
		k := readRSA(tb, spec).encode()
		out = append(out,
			encoding{"no parameters", spec, info(sequence(oid(oidRSA)), k)},
			encoding{"attributes", spec, info(sequence(oid(oidRSA), null), k, attributes)},
			encoding{"as it is", spec, rsaInfo(k)})
	}
	return out
}

// Whatever the form, it is the same key, and comes out in one form.
func TestEncodings(t *testing.T) {
	for _, c := range encodings(t) {
		pair, err := keypair.Parse(c.der, gm.Default())
		if err != nil {
			t.Errorf("%s: %s: %v", c.spec, c.name, err)
		} else if !bytes.Equal(pkcs8(t, pair), file(t, c.spec)) {
			t.Errorf("%s: %s: %x", c.spec, c.name, pkcs8(t, pair))
		}
	}
}

// Of a scalar with leading zeros, some software leaves them out, or writes one
// more. It is written with as many as it has.
func TestShortScalar(t *testing.T) {
	for spec, curve := range ecCurves {
		size := len(ecScalar(t, spec))
		scalar := append([]byte{0}, bytes.Repeat([]byte{5}, size-1)...)
		want := pkcs8(t, parse(t, ecInfo(curve, ecKey{1, scalar, nil})))
		if !bytes.Contains(want, octets(scalar)) {
			t.Errorf("%s: no whole scalar in %x", spec, want)
		}
		if got := pkcs8(t, parse(t, ecInfo(curve, ecKey{1, scalar[1:], nil}))); !bytes.Equal(got, want) {
			t.Errorf("%s: short: %x, want %x", spec, got, want)
		}
		if spec == keypair.SM2 {
			continue // takes no more than 32 bytes
		}
		if got := pkcs8(t, parse(t, ecInfo(curve, ecKey{1, append([]byte{0}, scalar...), nil}))); !bytes.Equal(got, want) {
			t.Errorf("%s: long: %x, want %x", spec, got, want)
		}
	}
}

// An RSA key has one form, however it is written: with its primes in the other
// order, or with another private exponent that does the same.
func TestSameRSAKey(t *testing.T) {
	k := readRSA(t, keypair.RSA2048)
	swapped := rsaKey{k.n, k.e, k.d, k.q, k.p, k.dq, k.dp, inverse(k.p, k.q)}
	larger := k
	p1, q1 := plus(k.p, -1), plus(k.q, -1)
	order := new(big.Int).Mul(p1, q1) // the least common multiple, below
	order.Div(order, new(big.Int).GCD(nil, nil, p1, q1))
	larger.d = new(big.Int).Add(k.d, order)
	for name, other := range map[string]rsaKey{"swapped": swapped, "larger d": larger} {
		pair := parse(t, rsaInfo(other.encode()))
		if !bytes.Equal(spki(t, pair), spki(t, fixed(t, keypair.RSA2048))) {
			t.Errorf("%s: another public key", name)
		}
		if !bytes.Equal(pkcs8(t, pair), rsaInfo(k.encode())) {
			t.Errorf("%s: another form", name)
		}
		signAndVerify(t, pair.(keypair.Signer), rsaAlgorithms[0])
	}
}

// All that is no sound private key is one error, as it is.
func TestInvalid(t *testing.T) {
	for _, c := range invalidKeys(t) {
		if pair, err := keypair.Parse(c.der, gm.Default()); err != keypair.ErrInvalidKey || pair != nil {
			t.Errorf("%s: %s: %v, %v", c.spec, c.name, pair, err)
		}
	}
}

// Nor is a file with a byte missing anywhere at its end, or with its first bytes
// changed, which say how long everything is.
func TestDamaged(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string, pair keypair.Pair) {
		der := file(t, spec)
		for n := range der {
			if _, err := keypair.Parse(der[:n], gm.Default()); err != keypair.ErrInvalidKey {
				t.Errorf("cut to %d bytes: %v", n, err)
			}
		}
		for i := range 8 * 30 {
			if _, err := keypair.Parse(flipped(der, i), gm.Default()); err != keypair.ErrInvalidKey {
				t.Errorf("bit %d flipped: %v", i, err)
			}
		}
	})
}

// A number with which to compute takes minutes is refused before.
func TestHugeNumbers(t *testing.T) {
	huge := plus(new(big.Int).Lsh(big.NewInt(1), 8*3800), 12345)
	k := readRSA(t, keypair.RSA2048)
	for i := range k.numbers() {
		numbers := slices.Clone(k.numbers())
		numbers[i] = huge
		for _, der := range [][]byte{
			rsaInfo(encodeNumbers(0, numbers)),
			rsaInfo(encodeNumbers(0, []*big.Int{big.NewInt(1000001), k.e, big.NewInt(5), huge, big.NewInt(101)})),
		} {
			if _, err := keypair.Parse(der, gm.Default()); err != keypair.ErrInvalidKey {
				t.Errorf("number %d: %v", i, err)
			}
		}
	}
}

// A composite number that passes for a prime passes here, and not CheckPrimes.
func TestCheckPrimes(t *testing.T) {
	k := readRSA(t, keypair.RSA2048)
	p, q := composite(1024, 0), composite(1024, 1)
	for name, wrong := range map[string]rsaKey{
		"both": makeRSA(65537, p, q), "the first": makeRSA(65537, p, k.q), "the second": makeRSA(65537, k.p, q),
	} {
		if wrong.n.BitLen() != 2048 {
			t.Fatalf("%s: modulus of %d bits", name, wrong.n.BitLen())
		}
		pair := parse(t, rsaInfo(wrong.encode()))
		if err := keypair.CheckPrimes(pair); err != keypair.ErrInvalidKey {
			t.Errorf("%s: %v", name, err)
		}
	}
}
