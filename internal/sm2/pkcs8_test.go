package sm2_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

// Elements of keys, as OpenSSL writes them.
var (
	idEC      = unhex("06072a8648ce3d0201")
	idSM2     = unhex("06082a811ccf5501822d")
	idP256    = unhex("06082a8648ce3d030107")
	algorithm = tlv(0x30, idEC, idSM2)
	version0  = []byte{2, 1, 0}
	version1  = []byte{2, 1, 1}
	octetsA   = tlv(4, privateA[:])
	bitsA     = tlv(3, []byte{0}, publicA[:])
	fieldA    = tlv(0xa1, bitsA)
)

// pkcs8 returns PrivateKeyInfo around the fields of an ECPrivateKey.
func pkcs8(fields ...[]byte) []byte {
	return tlv(0x30, version0, algorithm, tlv(4, tlv(0x30, fields...)))
}

func TestMarshal(t *testing.T) {
	der := sm2.MarshalPKCS8(&privateA, &publicA)
	if want := pkcs8(version1, octetsA, fieldA); !bytes.Equal(der, want) || len(der) != 138 {
		t.Errorf("a private key is %x, want %x", der, want)
	}
	if spki, want := sm2.MarshalSPKI(&publicA), tlv(0x30, algorithm, bitsA); !bytes.Equal(spki, want) {
		t.Errorf("a public key is %x, want %x", spki, want)
	}
}

func TestStrict(t *testing.T) {
	private := func(der []byte) bool { _, _, err := sm2.ParsePKCS8(der); return err == nil }
	attribute := tlv(0xa0, tlv(0x30, idEC, tlv(0x31, version0)))
	strictDER(t, sm2.MarshalPKCS8(&privateA, &publicA), true, private)
	strictDER(t, pkcs8(version1, octetsA, tlv(0xa0, idSM2), fieldA), true, private)
	if !private(tlv(0x30, version0, algorithm, tlv(4, tlv(0x30, version1, octetsA)), attribute)) {
		t.Error("attributes are refused")
	}
	strictDER(t, sm2.MarshalSPKI(&publicA), false, func(der []byte) bool {
		_, err := sm2.ParseSPKI(der)
		return err == nil
	})
}

func TestParsePKCS8(t *testing.T) {
	short := append(make([]byte, 31), 7)
	for name, c := range map[string]struct {
		der    []byte
		d      []byte
		public []byte
	}{
		"full":              {pkcs8(version1, octetsA, fieldA), privateA[:], publicA[:]},
		"with parameters":   {pkcs8(version1, octetsA, tlv(0xa0, idSM2), fieldA), privateA[:], publicA[:]},
		"no public key":     {pkcs8(version1, octetsA), privateA[:], nil},
		"parameters only":   {pkcs8(version1, octetsA, tlv(0xa0, idSM2)), privateA[:], nil},
		"one octet":         {pkcs8(version1, []byte{4, 1, 7}), short, nil},
		"zero, for another": {pkcs8(version1, []byte{4, 1, 0}), make([]byte, 32), nil},
		"31 octets":         {pkcs8(version1, tlv(4, short[1:])), short, nil},
	} {
		d, public, err := sm2.ParsePKCS8(c.der)
		if err != nil || !bytes.Equal(d[:], c.d) || !bytes.Equal(public, c.public) || (public == nil) != (c.public == nil) {
			t.Errorf("%s: %x, %x, %v", name, d, public, err)
		}
	}
}

// What is returned does not share memory with what was read: the caller clears
// that.
func TestParseCopies(t *testing.T) {
	der := pkcs8(version1, octetsA, fieldA)
	_, public, err := sm2.ParsePKCS8(der)
	must(t, err)
	clear(der)
	if !bytes.Equal(public, publicA[:]) {
		t.Errorf("the public key became %x", public)
	}
}

func TestParsePKCS8Refused(t *testing.T) {
	ec := tlv(4, tlv(0x30, version1, octetsA, fieldA))
	info := func(parts ...[]byte) []byte { return tlv(0x30, parts...) }
	point := func(b []byte) []byte { return pkcs8(version1, octetsA, tlv(0xa1, tlv(3, []byte{0}, b))) }
	with := func(attributes ...[]byte) []byte { return info(version0, algorithm, ec, tlv(0xa0, attributes...)) }
	for name, der := range map[string][]byte{
		"nothing":                  nil,
		"ECPrivateKey alone":       tlv(0x30, version1, octetsA, tlv(0xa0, idSM2), fieldA),
		"a public key":             sm2.MarshalSPKI(&publicA),
		"version 1":                info(version1, algorithm, ec),
		"version -1":               info([]byte{2, 1, 0xff}, algorithm, ec),
		"version of two bytes":     info([]byte{2, 2, 0, 0}, algorithm, ec),
		"no version":               info(algorithm, ec),
		"P-256":                    info(version0, tlv(0x30, idEC, idP256), ec),
		"SM2 as the algorithm":     info(version0, tlv(0x30, idSM2, idSM2), ec),
		"SM2 alone":                info(version0, tlv(0x30, idSM2), ec),
		"no curve":                 info(version0, tlv(0x30, idEC), ec),
		"NULL for a curve":         info(version0, tlv(0x30, idEC, []byte{5, 0}), ec),
		"curve and more":           info(version0, tlv(0x30, idEC, idSM2, idSM2), ec),
		"encrypted":                info(algorithm, ec),
		"version 2 within":         pkcs8([]byte{2, 1, 2}, octetsA, fieldA),
		"version 0 within":         pkcs8(version0, octetsA, fieldA),
		"no octets":                pkcs8(version1, tlv(4), fieldA),
		"33 octets":                pkcs8(version1, tlv(4, []byte{0}, privateA[:]), fieldA),
		"an integer":               pkcs8(version1, tlv(2, privateA[:]), fieldA),
		"P-256 within":             pkcs8(version1, octetsA, tlv(0xa0, idP256), fieldA),
		"no parameters within":     pkcs8(version1, octetsA, tlv(0xa0), fieldA),
		"two parameters within":    pkcs8(version1, octetsA, tlv(0xa0, idSM2, idSM2), fieldA),
		"the fields swapped":       pkcs8(version1, octetsA, fieldA, tlv(0xa0, idSM2)),
		"a field too many":         pkcs8(version1, octetsA, fieldA, tlv(0xa2)),
		"unused bits":              pkcs8(version1, octetsA, tlv(0xa1, tlv(3, []byte{1}, publicA[:]))),
		"two points":               pkcs8(version1, octetsA, tlv(0xa1, bitsA, bitsA)),
		"compressed":               point(append([]byte{3}, publicA[1:33]...)),
		"hybrid":                   point(append([]byte{7}, publicA[1:]...)),
		"infinity":                 point([]byte{0}),
		"no point":                 point(nil),
		"a long point":             point(append(bytes.Clone(publicA[:]), 0)),
		"behind ECPrivateKey":      info(version0, algorithm, tlv(4, tlv(0x30, version1, octetsA, fieldA), []byte{0})),
		"attributes of garbage":    with([]byte{1, 2, 3}),
		"an attribute of garbage":  with(tlv(0x30, []byte{1})),
		"an attribute of no OID":   with(tlv(0x30, tlv(6), tlv(0x31))),
		"an attribute of no set":   with(tlv(0x30, idEC)),
		"an attribute and more":    with(tlv(0x30, idEC, tlv(0x31), tlv(0x31))),
		"values of garbage":        with(tlv(0x30, idEC, tlv(0x31, []byte{4, 9}))),
		"behind the attributes":    info(version0, algorithm, ec, tlv(0xa0), []byte{5, 0}),
		"a key behind attributes":  info(version0, algorithm, tlv(0xa0), ec),
		"a public key of RFC 5958": info(version0, algorithm, ec, tlv(0x81, []byte{0}, publicA[:])),
	} {
		d, public, err := sm2.ParsePKCS8(der)
		if err != sm2.ErrInvalidKey || d != [32]byte{} || public != nil {
			t.Errorf("%s: %x, %x, %v", name, d, public, err)
		}
	}
}

func TestParseSPKI(t *testing.T) {
	if got, err := sm2.ParseSPKI(tlv(0x30, algorithm, bitsA)); err != nil || got != publicA {
		t.Errorf("%x, %v", got, err)
	}
	for name, der := range map[string][]byte{
		"nothing":       nil,
		"a point":       publicA[:],
		"P-256":         tlv(0x30, tlv(0x30, idEC, idP256), bitsA),
		"SM2 alone":     tlv(0x30, tlv(0x30, idSM2), bitsA),
		"no curve":      tlv(0x30, tlv(0x30, idEC), bitsA),
		"compressed":    tlv(0x30, algorithm, tlv(3, []byte{0, 3}, publicA[1:33])),
		"hybrid":        tlv(0x30, algorithm, tlv(3, []byte{0, 6}, publicA[1:])),
		"unused bits":   tlv(0x30, algorithm, tlv(3, []byte{4}, publicA[:])),
		"no point":      tlv(0x30, algorithm),
		"two":           tlv(0x30, algorithm, bitsA, bitsA),
		"in octets":     tlv(0x30, algorithm, tlv(4, []byte{0}, publicA[:])),
		"a private key": sm2.MarshalPKCS8(&privateA, &publicA),
	} {
		if got, err := sm2.ParseSPKI(der); err != sm2.ErrInvalidKey || got != [65]byte{} {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}

// The keys that OpenSSL generates are read, and written again byte for byte.
func TestKeysOpenSSL(t *testing.T) {
	needTools(t, "openssl")
	needSM2(t)
	dir := t.TempDir()
	for range 5 {
		openssl(t, dir, "genpkey", "-algorithm", "SM2", "-out", "k.pem")
		der := openssl(t, dir, "pkcs8", "-topk8", "-nocrypt", "-in", "k.pem", "-outform", "DER")
		d, public, err := sm2.ParsePKCS8(der)
		must(t, err)
		k, err := sm2.NewPrivateKey(gm.Default(), d[:])
		must(t, err)
		point := k.Public().Bytes()
		if !bytes.Equal(public, point[:]) || !bytes.Equal(sm2.MarshalPKCS8(&d, &point), der) {
			t.Errorf("%x has the public key %x", der, point)
		}
		spki := openssl(t, dir, "pkey", "-in", "k.pem", "-pubout", "-outform", "DER")
		if got, err := sm2.ParseSPKI(spki); err != nil || got != point || !bytes.Equal(sm2.MarshalSPKI(&got), spki) {
			t.Errorf("%x became %x, %v", spki, got, err)
		}
		must(t, os.WriteFile(filepath.Join(dir, "k.der"), sm2.MarshalPKCS8(&d, &point), 0o600))
		openssl(t, dir, "pkey", "-inform", "DER", "-in", "k.der", "-check", "-noout")
	}
	openssl(t, dir, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "p256.pem")
	der := openssl(t, dir, "pkcs8", "-topk8", "-nocrypt", "-in", "p256.pem", "-outform", "DER")
	if _, _, err := sm2.ParsePKCS8(der); err != sm2.ErrInvalidKey {
		t.Errorf("a key of P-256: %v", err)
	}
}
