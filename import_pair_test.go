package kms_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/keywrap"
	"github.com/embedkms/kms/keystore/memstore"
)

// wrapLong wraps material of any size for its import.
func wrapLong(tb testing.TB, p *kms.ImportParameters, material []byte) []byte {
	tb.Helper()
	kek := make([]byte, 32)
	rand.Read(kek)
	wrapped, err := keywrap.Wrap(kek, material)
	must(tb, err)
	return append(wrap(tb, p, kek), wrapped...)
}

// importLong imports material of any size.
func importLong(tb testing.TB, k *kms.KMS, key string, material []byte, opts kms.ImportKeyMaterialOptions) error {
	tb.Helper()
	p, err := k.ImportParameters(context.Background(), key, kms.WrappingRSAAESKeyWrapSHA256+"/RSA_2048")
	must(tb, err)
	opts.Token, opts.EncryptedMaterial = p.Token, wrapLong(tb, p, material)
	return k.ImportKeyMaterial(context.Background(), key, &opts)
}

// An ecKey is ECPrivateKey (RFC 5915).
type ecKey struct {
	Version int
	D       []byte
	Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

// editEC changes a private key of an elliptic curve, PKCS #8 (RFC 5208).
func editEC(tb testing.TB, der []byte, edit func(key *ecKey, curve asn1.ObjectIdentifier)) []byte {
	tb.Helper()
	var info struct {
		Version   int
		Algorithm struct{ Algorithm, Curve asn1.ObjectIdentifier }
		Key       []byte
	}
	var key ecKey
	_, err := asn1.Unmarshal(der, &info)
	must(tb, err)
	_, err = asn1.Unmarshal(info.Key, &key)
	must(tb, err)
	edit(&key, info.Algorithm.Curve)
	info.Key, err = asn1.Marshal(key)
	must(tb, err)
	der, err = asn1.Marshal(info)
	must(tb, err)
	return der
}

// editRSA changes a private RSA key, PKCS #8.
func editRSA(tb testing.TB, der []byte, edit func(*rsa.PrivateKey)) []byte {
	tb.Helper()
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	must(tb, err)
	old := parsed.(*rsa.PrivateKey)
	key := &rsa.PrivateKey{PublicKey: old.PublicKey, D: old.D, Primes: old.Primes}
	edit(key)
	key.Precompute()
	der, err = x509.MarshalPKCS8PrivateKey(key)
	must(tb, err)
	return der
}

// otherForms returns a private key in other forms that others write.
func otherForms(tb testing.TB, spec kms.KeySpec, der []byte) map[string][]byte {
	tb.Helper()
	if spec != kms.KeySpecRSA2048 {
		return map[string][]byte{
			"without a public key": editEC(tb, der, func(key *ecKey, _ asn1.ObjectIdentifier) {
				key.Public = asn1.BitString{}
			}),
			"with the curve twice": editEC(tb, der, func(key *ecKey, curve asn1.ObjectIdentifier) { key.Curve = curve }),
		}
	}
	return map[string][]byte{
		"primes the other way round": editRSA(tb, der, func(key *rsa.PrivateKey) {
			key.Primes = []*big.Int{key.Primes[1], key.Primes[0]}
		}),
		"another exponent": editRSA(tb, der, func(key *rsa.PrivateKey) {
			one := big.NewInt(1)
			phi := new(big.Int).Mul(new(big.Int).Sub(key.Primes[0], one), new(big.Int).Sub(key.Primes[1], one))
			key.D = phi.Rsh(phi, 1).Add(phi, key.D) // half of (p-1)(q-1) is a multiple of both
		}),
	}
}

// signingAlgorithms are those that keys of a spec are tried with here.
var signingAlgorithms = map[kms.KeySpec]kms.Algorithm{
	kms.KeySpecRSA2048: kms.AlgorithmRSASSAPSSSHA256,
	kms.KeySpecECP256:  kms.AlgorithmECDSASHA256,
	kms.KeySpecECP384:  kms.AlgorithmECDSASHA384,
	kms.KeySpecSM2:     kms.AlgorithmSM2DSASM3,
}

// A pairImport is a key with a private key that OpenSSL has made, and what it
// has signed.
type pairImport struct {
	*desk
	*kms.KMS
	*clock
	t         *testing.T
	key       string
	alg       kms.Algorithm
	private   []byte
	forms     map[string][]byte
	other     []byte // a private key
	signature []byte
}

// eachPairImport runs test with a key of each spec.
func eachPairImport(t *testing.T, test func(t *testing.T, p *pairImport)) {
	d := newDesk(t)
	for spec, alg := range signingAlgorithms {
		t.Run(string(spec), func(t *testing.T) {
			c := newClock()
			p := &pairImport{desk: d, t: t, clock: c, alg: alg, other: d.privateKey(spec, 1)}
			p.KMS = open(t, memstore.New(), &kms.Options{Now: c.now, MaxStale: -1})
			p.key, p.private = d.importPair(p.KMS, spec, kms.KeyUsageSignVerify)
			p.forms = otherForms(t, spec, p.private)
			sig, err := p.Sign(t.Context(), p.key, alg, password, kms.MessageTypeRaw)
			must(t, err)
			p.signature = sig.Signature
			test(t, p)
		})
	}
}

// bring imports material into the key.
func (p *pairImport) bring(material []byte, opts kms.ImportKeyMaterialOptions) error {
	p.t.Helper()
	return importLong(p.t, p.KMS, p.key, material, opts)
}

// works fails the test unless the signature verifies under version 1.
func (p *pairImport) works() {
	p.t.Helper()
	must(p.t, p.Verify(p.t.Context(), p.key, 1, p.alg, password, kms.MessageTypeRaw, p.signature))
}

// ended fails the test unless no use of the key is left.
func (p *pairImport) ended() {
	p.t.Helper()
	ctx := p.t.Context()
	_, err := p.Sign(ctx, p.key, p.alg, password, kms.MessageTypeRaw)
	want(p.t, err, kms.ErrKeyPendingImport)
	_, err = p.KMS.PublicKey(ctx, p.key, 0)
	want(p.t, err, kms.ErrKeyPendingImport)
	err = p.Verify(ctx, p.key, 1, p.alg, password, kms.MessageTypeRaw, p.signature)
	want(p.t, err, kms.ErrKeyPendingImport)
}

// A key takes back the private key that it had, in whatever form, and no other.
func TestImportPairAgain(t *testing.T) {
	eachPairImport(t, func(t *testing.T, p *pairImport) {
		for name, form := range p.forms {
			if bytes.Equal(form, p.private) {
				t.Errorf("%s: it is the same form", name)
			}
			must(t, p.bring(form, kms.ImportKeyMaterialOptions{}))
			p.works()
			want(t, p.bring(form, kms.ImportKeyMaterialOptions{NewVersion: true}), kms.ErrInvalidKeyMaterial)
			must(t, p.DeleteImportedKeyMaterial(t.Context(), p.key))
			p.ended()
			want(t, p.bring(p.other, kms.ImportKeyMaterialOptions{}), kms.ErrInvalidKeyMaterial)
			must(t, p.bring(form, kms.ImportKeyMaterialOptions{}))
			p.works()
		}
		if n := len(describe(t, p.KMS, p.key).Versions); n != 1 {
			t.Errorf("%d versions", n)
		}
	})
}

// A new version has its own private key; the one before verifies still.
func TestImportPairVersions(t *testing.T) {
	eachPairImport(t, func(t *testing.T, p *pairImport) {
		must(t, p.bring(p.other, kms.ImportKeyMaterialOptions{NewVersion: true}))
		p.works()
		err := p.Verify(t.Context(), p.key, 2, p.alg, password, kms.MessageTypeRaw, p.signature)
		want(t, err, kms.ErrInvalidSignature)
		sig, err := p.Sign(t.Context(), p.key, p.alg, password, kms.MessageTypeRaw)
		must(t, err)
		public := publicKey(t, p.KMS, p.key)
		if sig.KeyVersion != 2 || public.KeyVersion != 2 || !bytes.Equal(public.DER, p.publicOf(p.other)) {
			t.Errorf("signed by version %d, public key %x of version %d", sig.KeyVersion, public.DER, public.KeyVersion)
		}
		if !p.verifies(p.publicOf(p.other), password, sig.Signature, opensslOptions[p.alg]...) {
			t.Error("OpenSSL refuses the signature")
		}
	})
}

// A private key ends by the clock, and comes back.
func TestImportPairValidTo(t *testing.T) {
	eachPairImport(t, func(t *testing.T, p *pairImport) {
		must(t, p.bring(p.private, kms.ImportKeyMaterialOptions{ValidTo: p.Add(time.Hour)}))
		p.advance(time.Hour - time.Millisecond)
		p.works()
		p.advance(time.Millisecond)
		p.ended()
		if r := maintain(t, p.KMS); r.MaterialsExpired != 1 {
			t.Errorf("%+v", r)
		}
		must(t, p.bring(p.private, kms.ImportKeyMaterialOptions{}))
		p.works()
	})
}
