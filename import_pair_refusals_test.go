package kms_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/sm2"
	"github.com/embedkms/kms/keystore/memstore"
)

// unsoundPairs returns what is no private key of any spec.
func (d *desk) unsoundPairs() map[string][]byte {
	d.t.Helper()
	ec := func(options ...string) []byte { return d.genpkey(append([]string{"-algorithm", "EC"}, options...)...) }
	rsa := func(options ...string) []byte { return d.genpkey(append([]string{"-algorithm", "RSA"}, options...)...) }
	return map[string][]byte{
		"P-224":        ec("-pkeyopt", "ec_paramgen_curve:P-224"),
		"P-521":        ec("-pkeyopt", "ec_paramgen_curve:P-521"),
		"secp256k1":    ec("-pkeyopt", "ec_paramgen_curve:secp256k1"),
		"brainpool":    ec("-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"),
		"explicit":     ec("-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"),
		"explicit SM2": ec("-pkeyopt", "ec_paramgen_curve:SM2", "-pkeyopt", "ec_param_enc:explicit"),
		"Ed25519":      d.genpkey("-algorithm", "ED25519"),
		"X25519":       d.genpkey("-algorithm", "X25519"),

		"RSA 1024":         rsa("-pkeyopt", "rsa_keygen_bits:1024"),
		"RSA 2047":         rsa("-pkeyopt", "rsa_keygen_bits:2047"),
		"RSA exponent 3":   rsa("-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"),
		"RSA three primes": rsa("-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_primes:3"),
		"RSA-PSS":          d.genpkey("-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"),

		"random":    material1,
		"one byte":  {0},
		"not DER":   bytes.Repeat([]byte{0xff}, 138),
		"all zero":  make([]byte, 138),
		"long":      append([]byte{0x30, 0x82, 0x10, 0}, make([]byte, 0x1000)...),
		"empty DER": {0x30, 0},
	}
}

// unsoundForms returns what is no private key of a spec although it was made of one.
func (d *desk) unsoundForms(spec kms.KeySpec) map[string][]byte {
	d.t.Helper()
	bad := d.otherWraps(d.privateKey(spec, 0))
	switch spec {
	case kms.KeySpecECP256:
		maps.Copy(bad, d.unsoundEC(spec, elliptic.P256()))
	case kms.KeySpecECP384:
		maps.Copy(bad, d.unsoundEC(spec, elliptic.P384()))
	case kms.KeySpecSM2:
		maps.Copy(bad, d.unsoundEC(spec, sm2.Curve()))
	case kms.KeySpecRSA2048:
		maps.Copy(bad, d.unsoundRSA())
	}
	return bad
}

// otherWraps returns a private key in forms that are not its PKCS #8.
func (d *desk) otherWraps(der []byte) map[string][]byte {
	d.t.Helper()
	d.put("private.der", der)
	var info struct {
		Version   int
		Algorithm asn1.RawValue
		Key       []byte
	}
	_, err := asn1.Unmarshal(der, &info)
	must(d.t, err)
	return map[string][]byte{
		"PEM":                   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		"SEC 1 or PKCS #1":      info.Key,
		"its public key":        d.publicOf(der),
		"and a byte":            append(slices.Clone(der), 0),
		"twice":                 append(slices.Clone(der), der...),
		"but the last byte":     der[:len(der)-1],
		"in an OCTET STRING":    slices.Concat([]byte{4, 0x82, byte(len(der) >> 8), byte(len(der))}, der),
		"with another size":     flipped(der, 1),
		"with an empty version": bytes.Replace(der, []byte{2, 1, 0}, []byte{2, 0, 0}, 1),
		"encrypted": d.run("pkcs8", "-topk8", "-in", "private.der", "-inform", "DER", "-outform", "DER",
			"-v2", "aes-256-cbc", "-passout", "pass:secret"),
	}
}

// unsoundEC returns private keys of a curve that are none, or come with the
// public key of another.
func (d *desk) unsoundEC(spec kms.KeySpec, curve elliptic.Curve) map[string][]byte {
	d.t.Helper()
	der, order := d.privateKey(spec, 0), curve.Params().N
	scalar := func(n *big.Int) []byte {
		return editEC(d.t, der, func(key *ecKey, _ asn1.ObjectIdentifier) {
			key.D, key.Public = n.FillBytes(make([]byte, len(key.D))), asn1.BitString{}
		})
	}
	bad := map[string][]byte{
		"d = 0":     scalar(new(big.Int)),
		"d = n":     scalar(order),
		"d = n + 1": scalar(new(big.Int).Add(order, big.NewInt(1))),
		"d without a byte": editEC(d.t, der, func(key *ecKey, _ asn1.ObjectIdentifier) {
			key.D, key.Public = nil, asn1.BitString{}
		}),
		"with another's public key": editEC(d.t, der, func(key *ecKey, _ asn1.ObjectIdentifier) {
			editEC(d.t, d.privateKey(spec, 1), func(other *ecKey, _ asn1.ObjectIdentifier) { key.Public = other.Public })
		}),
		"with no public key in its place": editEC(d.t, der, func(key *ecKey, _ asn1.ObjectIdentifier) {
			key.Public = asn1.BitString{Bytes: []byte{0}, BitLength: 8}
		}),
	}
	if spec == kms.KeySpecSM2 { // on the NIST curves n-1 is a private key like others
		bad["d = n - 1"] = scalar(new(big.Int).Sub(order, big.NewInt(1)))
		bad["d = n - 16"] = scalar(new(big.Int).Sub(order, big.NewInt(16)))
	}
	d.put("private.der", der)
	d.put("private.pem", d.run("ec", "-in", "private.der", "-inform", "DER", "-conv_form", "compressed"))
	bad["with a compressed public key"] = d.run("pkcs8", "-topk8", "-nocrypt", "-in", "private.pem", "-outform", "DER")
	return bad
}

// unsoundRSA returns private RSA keys whose numbers do not fit each other.
func (d *desk) unsoundRSA() map[string][]byte {
	d.t.Helper()
	der, other := d.privateKey(kms.KeySpecRSA2048, 0), d.privateKey(kms.KeySpecRSA2048, 1)
	parse := func(der []byte) (key *rsa.PrivateKey) {
		editRSA(d.t, der, func(k *rsa.PrivateKey) { key = k })
		return key
	}
	mine, its := parse(der), parse(other)
	replace := func(old, by *big.Int) []byte { return bytes.Replace(der, old.Bytes(), by.Bytes(), 1) }
	return map[string][]byte{
		"with another's modulus":  replace(mine.N, its.N),
		"with another's exponent": replace(mine.D, new(big.Int).Xor(mine.D, big.NewInt(2))),
		"with another's prime":    replace(mine.Primes[0], its.Primes[0]),
		"with an even prime":      replace(mine.Primes[1], new(big.Int).Sub(mine.Primes[1], big.NewInt(1))),
		"with one prime twice":    replace(mine.Primes[1], mine.Primes[0]),
	}
}

// What is no sound private key of the spec is refused, without a word on it, and
// leaves the token in force.
func TestImportPairRefusals(t *testing.T) {
	ctx := t.Context()
	d, store := newDesk(t), memstore.New()
	k := open(t, store, nil)
	unsound := d.unsoundPairs()
	for spec := range genpkeyOptions {
		t.Run(string(spec), func(t *testing.T) {
			key := newExternalKey(t, k, spec)
			p, err := k.ImportParameters(ctx, key, kms.WrappingRSAAESKeyWrapSHA256+"/RSA_2048")
			must(t, err)
			bad := d.unsoundForms(spec)
			maps.Copy(bad, unsound)
			for other := range genpkeyOptions {
				bad[string(other)] = d.privateKey(other, 0)
			}
			good := bad[string(spec)]
			delete(bad, string(spec))
			before := slices.Collect(records(t, store, ""))
			text := fmt.Sprintf("kms: ImportKeyMaterial %s: key material is invalid: "+
				"it is no PKCS #8 private key of spec %s", key, spec)
			for name, material := range bad {
				err := k.ImportKeyMaterial(ctx, key, &kms.ImportKeyMaterialOptions{
					Token: p.Token, EncryptedMaterial: wrapLong(t, p, material),
				})
				if err == nil {
					t.Fatalf("%s: it is taken", name)
				}
				if !errors.Is(err, kms.ErrInvalidKeyMaterial) || err.Error() != text {
					t.Errorf("%s: %v", name, err)
				}
			}
			if after := slices.Collect(records(t, store, "")); !sameRecords(before, after) {
				t.Error("something was changed")
			}
			must(t, k.ImportKeyMaterial(ctx, key, &kms.ImportKeyMaterialOptions{
				Token: p.Token, EncryptedMaterial: wrapLong(t, p, good),
			}))
			if public := publicKey(t, k, key); !bytes.Equal(public.DER, d.publicOf(good)) {
				t.Errorf("%x was imported", public.DER)
			}
		})
	}
}
