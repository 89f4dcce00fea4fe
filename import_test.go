package kms_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keywrap"
	"github.com/embedkms/kms/internal/suite"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// newExternalKey creates a key without material and returns its ID.
func newExternalKey(tb testing.TB, k *kms.KMS, spec kms.KeySpec) string {
	tb.Helper()
	key, err := k.CreateKey(context.Background(), &kms.CreateKeyOptions{Spec: spec, Origin: kms.OriginExternal})
	must(tb, err)
	if key.State != kms.KeyStatePendingImport || key.PrimaryVersion != 0 || len(key.Versions) != 0 {
		tb.Fatalf("a new external key is %+v", key)
	}
	return key.ID
}

// What OpenSSL wraps, as an operator would, is imported: every wrapping, size of
// RSA key, and spec.
func TestImportFromOpenSSL(t *testing.T) {
	needTools(t, "openssl")
	ctx := t.Context()
	k := open(t, memstore.New(), nil)
	for spec, material := range map[kms.KeySpec][]byte{kms.KeySpecAES256: material1, kms.KeySpecSM4: material1[:16]} {
		for _, wrapping := range []kms.WrappingAlgorithm{
			kms.WrappingRSAOAEPSHA256, kms.WrappingRSAOAEPSHA256 + "/RSA_2048", kms.WrappingRSAOAEPSHA256 + "/RSA_4096",
			kms.WrappingRSAAESKeyWrapSHA256, kms.WrappingRSAAESKeyWrapSHA256 + "/RSA_3072",
		} {
			t.Run(string(spec)+"/"+string(wrapping), func(t *testing.T) {
				key := newExternalKey(t, k, spec)
				p, err := k.ImportParameters(ctx, key, wrapping)
				must(t, err)
				must(t, k.ImportKeyMaterial(ctx, key, &kms.ImportKeyMaterialOptions{
					Token: p.Token, EncryptedMaterial: wrapWithOpenSSL(t, p.PublicKey, material, wrapping),
				}))
				ct := encrypt(t, k, key, password, nil)
				if got, err := k.Decrypt(ctx, ct, nil); err != nil || !bytes.Equal(got, password) {
					t.Errorf("decrypted %q, %v", got, err)
				}
				if got := openWith(t, spec, material, ct); !bytes.Equal(got, password) {
					t.Errorf("under the material it is %q", got)
				}
			})
		}
	}
}

// openWith opens a ciphertext without a context under raw material.
func openWith(t *testing.T, spec kms.KeySpec, material, ct []byte) []byte {
	t.Helper()
	id := map[kms.KeySpec]suite.ID{kms.KeySpecAES256: suite.AES256, kms.KeySpecSM4: suite.SM4}[spec]
	e, err := suite.Parse(ct)
	must(t, err)
	keys, err := suite.NewKeys(id, e.KeyID(), e.Version(), material, gm.Default())
	must(t, err)
	k, err := keys.Key(suite.Data)
	must(t, err)
	plaintext, err := k.Open(nil, e, suite.Context{})
	must(t, err)
	return plaintext
}

func wrapWithOpenSSL(t *testing.T, public, material []byte, wrapping kms.WrappingAlgorithm) []byte {
	t.Helper()
	d := newDesk(t)
	oaep := opensslOptions[kms.AlgorithmRSAESOAEPSHA256]
	if strings.HasPrefix(string(wrapping), "RSAES") {
		return d.encrypt(public, material, oaep...)
	}
	kek := make([]byte, 32)
	rand.Read(kek)
	d.put("material", material)
	wrapped := d.run("enc", "-id-aes256-wrap-pad", "-K", hex.EncodeToString(kek), "-iv", "A65959A6", "-in", "material")
	return append(d.encrypt(public, kek, oaep...), wrapped...)
}

// An imported key is rotated by importing a new version, and each version takes
// back its own material only.
func TestImportVersions(t *testing.T) {
	ctx := t.Context()
	k := open(t, memstore.New(), nil)
	key := newExternalKey(t, k, "")
	must(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{NewVersion: true})) // the first is new anyway
	ct1 := encrypt(t, k, key, password, nil)
	must(t, importMaterial(t, k, key, material2, kms.ImportKeyMaterialOptions{NewVersion: true}))
	ct2 := encrypt(t, k, key, password, nil)
	for i, ct := range [][]byte{ct1, ct2} {
		if info, err := kms.ParseCiphertext(ct); err != nil || info.KeyVersion != uint32(i+1) {
			t.Errorf("%+v, %v", info, err)
		}
		if got, err := k.Decrypt(ctx, ct, nil); err != nil || !bytes.Equal(got, password) {
			t.Errorf("version %d: %q, %v", i+1, got, err)
		}
	}
	must(t, k.DeleteImportedKeyMaterial(ctx, key))
	_, err := k.Decrypt(ctx, ct1, nil)
	want(t, err, kms.ErrKeyPendingImport)
	must(t, k.DeleteImportedKeyMaterial(ctx, key)) // again: nothing to do
	want(t, importMaterial(t, k, key, material3, kms.ImportKeyMaterialOptions{}), kms.ErrInvalidKeyMaterial)
	must(t, importMaterial(t, k, key, material2, kms.ImportKeyMaterialOptions{}))
	if got, err := k.Decrypt(ctx, ct2, nil); err != nil || !bytes.Equal(got, password) {
		t.Errorf("decrypted %q, %v", got, err)
	}
	_, err = k.Decrypt(ctx, ct1, nil)
	want(t, err, kms.ErrKeyPendingImport) // the key is enabled, this version not
	must(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{}))
	if got, err := k.Decrypt(ctx, ct1, nil); err != nil || !bytes.Equal(got, password) {
		t.Errorf("decrypted %q, %v", got, err)
	}
	d, err := k.DescribeKey(ctx, key)
	must(t, err)
	if d.PrimaryVersion != 2 || d.Versions[0].Origin != kms.OriginExternal || d.State != kms.KeyStateEnabled {
		t.Errorf("%+v", d)
	}
	want(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{NewVersion: true}), kms.ErrInvalidKeyMaterial)
}

// Material ends by the clock, at once and without Maintain, which removes the
// bytes; the same material brings the key back to what it was.
func TestImportValidTo(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	k := open(t, store, &kms.Options{Now: c.now, MaxStale: -1})
	key := newExternalKey(t, k, "")
	want(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{ValidTo: c.Time}), kms.ErrInvalidArgument)
	must(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{ValidTo: c.Add(time.Hour)}))
	ct := encrypt(t, k, key, password, nil)
	must(t, k.ArchiveKey(ctx, key))
	c.advance(time.Hour - time.Millisecond)
	_, err := k.Decrypt(ctx, ct, nil)
	must(t, err)
	c.advance(time.Millisecond)
	_, err = k.Decrypt(ctx, ct, nil)
	want(t, err, kms.ErrKeyPendingImport)
	_, err = k.Encrypt(ctx, key, password, nil)
	want(t, err, kms.ErrKeyPendingImport)
	if d, err := k.DescribeKey(ctx, key); err != nil || d.State != kms.KeyStatePendingImport {
		t.Errorf("%+v, %v", d, err)
	}
	for _, expired := range []int{1, 0} {
		if r, err := k.Maintain(ctx); err != nil || r.MaterialsExpired != expired {
			t.Errorf("%+v, %v", r, err)
		}
	}
	must(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{}))
	if d, err := k.DescribeKey(ctx, key); err != nil || d.State != kms.KeyStateArchived || !d.Versions[0].ValidTo.IsZero() {
		t.Errorf("%+v, %v", d, err)
	}
	c.advance(2000 * day)
	_, err = k.Decrypt(ctx, ct, nil)
	must(t, err)
	// Importing what is there changes when it ends.
	must(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{ValidTo: c.Add(time.Second)}))
	c.advance(time.Second)
	_, err = k.Decrypt(ctx, ct, nil)
	want(t, err, kms.ErrKeyPendingImport)
}

// An old version whose material ends leaves the key enabled.
func TestImportValidToOfOldVersion(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	k := open(t, memstore.New(), &kms.Options{Now: c.now})
	key := newExternalKey(t, k, "")
	must(t, importMaterial(t, k, key, material1, kms.ImportKeyMaterialOptions{ValidTo: c.Add(time.Second)}))
	old := encrypt(t, k, key, password, nil)
	must(t, importMaterial(t, k, key, material2, kms.ImportKeyMaterialOptions{NewVersion: true}))
	_, err := k.Decrypt(ctx, old, nil)
	must(t, err)
	c.advance(time.Second)
	_, err = k.Decrypt(ctx, old, nil)
	want(t, err, kms.ErrKeyPendingImport)
	encrypt(t, k, key, password, nil)
}

// What is going to be destroyed says so, also when its material has ended by the
// clock of who has it loaded.
func TestImportValidToOfTheCondemned(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	k := open(t, memstore.New(), &kms.Options{Now: c.now, MaxStale: time.Minute})
	ends := kms.ImportKeyMaterialOptions{ValidTo: c.Add(time.Second)}
	ofKey, ofVersion := newExternalKey(t, k, ""), newExternalKey(t, k, "")
	var cts [][]byte
	for _, key := range []string{ofKey, ofVersion} {
		must(t, importMaterial(t, k, key, material1, ends))
		cts = append(cts, encrypt(t, k, key, password, nil))
	}
	must(t, importMaterial(t, k, ofVersion, material2, kms.ImportKeyMaterialOptions{NewVersion: true}))
	_, err := k.ScheduleKeyDeletion(ctx, ofKey, 7*day)
	must(t, err)
	_, err = k.ScheduleVersionDestruction(ctx, ofVersion, 1, 7*day)
	must(t, err)
	for range 2 {
		for _, ct := range cts {
			_, err := k.Decrypt(ctx, ct, nil)
			want(t, err, kms.ErrKeyPendingDeletion)
		}
		c.advance(time.Second)
	}
}

// Each cause of refusal has its sentinel, changes nothing, says nothing of the
// material, and leaves the token in force.
func TestImportRefusals(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k := open(t, store, nil)
	key, other := newExternalKey(t, k, ""), newExternalKey(t, k, "")
	p, err := k.ImportParameters(ctx, key, fastWrapping)
	must(t, err)
	kwp, err := k.ImportParameters(ctx, key, kms.WrappingRSAAESKeyWrapSHA256+"/RSA_2048")
	must(t, err)
	good := wrap(t, p, material1)
	kek := make([]byte, 32)
	rand.Read(kek)
	wrapped, err := keywrap.Wrap(kek, material1)
	must(t, err)
	goodKWP := append(wrap(t, kwp, kek), wrapped...)
	for name, bad := range map[string]struct {
		key      string
		token    []byte
		material []byte
		want     error
	}{
		"no token":                      {key, nil, good, kms.ErrInvalidImportToken},
		"cut token":                     {key, p.Token[:48], good, kms.ErrInvalidImportToken},
		"long token":                    {key, append(slices.Clone(p.Token), 0), good, kms.ErrInvalidImportToken},
		"token format":                  {key, flipped(p.Token, 0), good, kms.ErrInvalidImportToken},
		"token ID":                      {key, flipped(p.Token, 5), good, kms.ErrInvalidImportToken},
		"token secret":                  {key, flipped(p.Token, 48), good, kms.ErrInvalidImportToken},
		"another key":                   {other, p.Token, good, kms.ErrInvalidImportToken},
		"empty material":                {key, p.Token, nil, kms.ErrInvalidKeyMaterial},
		"not wrapped":                   {key, p.Token, material1, kms.ErrInvalidKeyMaterial},
		"altered":                       {key, p.Token, flipped(good, 9), kms.ErrInvalidKeyMaterial},
		"another token's":               {key, p.Token, wrap(t, kwp, material1), kms.ErrInvalidKeyMaterial},
		"31 bytes":                      {key, p.Token, wrap(t, p, material1[:31]), kms.ErrInvalidKeyMaterial},
		"33 bytes":                      {key, p.Token, wrap(t, p, append(slices.Clone(material1), 1)), kms.ErrInvalidKeyMaterial},
		"16 bytes":                      {key, p.Token, wrap(t, p, material1[:16]), kms.ErrInvalidKeyMaterial},
		"nothing":                       {key, p.Token, wrap(t, p, nil), kms.ErrInvalidKeyMaterial},
		"all zero":                      {key, p.Token, wrap(t, p, make([]byte, 32)), kms.ErrInvalidKeyMaterial},
		"another wrapping":              {key, p.Token, goodKWP, kms.ErrInvalidKeyMaterial},
		"no key wrap":                   {key, kwp.Token, wrap(t, kwp, kek), kms.ErrInvalidKeyMaterial},
		"altered key wrap":              {key, kwp.Token, flipped(goodKWP, len(goodKWP)-1), kms.ErrInvalidKeyMaterial},
		"altered kek":                   {key, kwp.Token, flipped(goodKWP, 1), kms.ErrInvalidKeyMaterial},
		"kek of 31 bytes":               {key, kwp.Token, append(wrap(t, kwp, kek[:31]), wrapped...), kms.ErrInvalidKeyMaterial},
		"material in place of key wrap": {key, kwp.Token, append(wrap(t, kwp, kek), material1...), kms.ErrInvalidKeyMaterial},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Collect(records(t, store, ""))
			err := k.ImportKeyMaterial(ctx, bad.key, &kms.ImportKeyMaterialOptions{Token: bad.token, EncryptedMaterial: bad.material})
			want(t, err, bad.want)
			if strings.Contains(err.Error(), "bytes") {
				t.Errorf("%v says how long the material is", err)
			}
			if after := slices.Collect(records(t, store, "")); !sameRecords(before, after) {
				t.Error("something was changed")
			}
		})
	}
}

// How material does not unwrap does not show.
func TestImportUnwrapsOrNot(t *testing.T) {
	ctx := t.Context()
	k := open(t, memstore.New(), nil)
	key := newExternalKey(t, k, "")
	p, err := k.ImportParameters(ctx, key, kms.WrappingRSAAESKeyWrapSHA256+"/RSA_2048")
	must(t, err)
	kek := bytes.Repeat([]byte{7}, 32)
	wrapped, err := keywrap.Wrap(kek, material1)
	must(t, err)
	good := append(wrap(t, p, kek), wrapped...)
	texts := map[string]bool{}
	for _, bad := range [][]byte{nil, flipped(good, 1), flipped(good, len(good)-1), good[:len(good)-8], good[:300]} {
		err := k.ImportKeyMaterial(ctx, key, &kms.ImportKeyMaterialOptions{Token: p.Token, EncryptedMaterial: bad})
		want(t, err, kms.ErrInvalidKeyMaterial)
		texts[err.Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("how unwrapping fails shows: %v", texts)
	}
	must(t, k.ImportKeyMaterial(ctx, key, &kms.ImportKeyMaterialOptions{Token: p.Token, EncryptedMaterial: good}))
}

// A token ends when it is used, and after a day.
func TestImportTokenEnds(t *testing.T) {
	ctx, c := t.Context(), newClock()
	k := open(t, memstore.New(), &kms.Options{Now: c.now})
	key := newExternalKey(t, k, "")
	var opts [2]kms.ImportKeyMaterialOptions
	for i := range opts {
		p, err := k.ImportParameters(ctx, key, fastWrapping)
		must(t, err)
		if !p.ExpiresAt.Equal(c.Add(24 * time.Hour)) {
			t.Errorf("the token expires at %v", p.ExpiresAt)
		}
		opts[i] = kms.ImportKeyMaterialOptions{Token: p.Token, EncryptedMaterial: wrap(t, p, material1)}
	}
	c.advance(24*time.Hour - time.Millisecond)
	must(t, k.ImportKeyMaterial(ctx, key, &opts[0]))
	want(t, k.ImportKeyMaterial(ctx, key, &opts[0]), kms.ErrInvalidImportToken)
	c.advance(time.Millisecond)
	want(t, k.ImportKeyMaterial(ctx, key, &opts[1]), kms.ErrExpiredImportToken)
	for _, removed := range []int{0, 1} { // the other was used
		if r, err := k.Maintain(ctx); err != nil || r.TokensRemoved != removed {
			t.Errorf("%+v, %v", r, err)
		}
		c.advance(24 * time.Hour)
	}
	want(t, k.ImportKeyMaterial(ctx, key, &opts[1]), kms.ErrInvalidImportToken)
}

func TestImportArguments(t *testing.T) {
	ctx := t.Context()
	k := open(t, memstore.New(), nil)
	key := newExternalKey(t, k, "")
	for _, wrapping := range []kms.WrappingAlgorithm{
		"", "RSA", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256/RSA_1024", "RSAES_OAEP_SHA_256/", "/RSA_2048",
	} {
		_, err := k.ImportParameters(ctx, key, wrapping)
		want(t, err, kms.ErrUnsupportedAlgorithm)
	}
	_, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Origin: "AWS"})
	want(t, err, kms.ErrInvalidArgument)
	_, err = k.CreateKey(ctx, &kms.CreateKeyOptions{Origin: kms.OriginExternal, RotationPeriod: 30 * day})
	want(t, err, kms.ErrInvalidArgument)
}

// flipped returns b with one bit of byte i flipped.
func flipped(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

// Of any number of calls with one token, one imports.
func TestImportTokenOnce(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k, k2 := open(t, store, nil), open(t, store, nil)
	key := newExternalKey(t, k, "")
	p, err := k.ImportParameters(ctx, key, fastWrapping)
	must(t, err)
	results := make(chan error, 8)
	for i := range cap(results) {
		material := bytes.Repeat([]byte{byte(i + 1)}, 32)
		wrapped := wrap(t, p, material)
		importer := []*kms.KMS{k, k2}[i%2]
		go func() {
			results <- importer.ImportKeyMaterial(ctx, key, &kms.ImportKeyMaterialOptions{
				Token: p.Token, EncryptedMaterial: wrapped, NewVersion: true,
			})
		}()
	}
	done := 0
	for range cap(results) {
		switch err := <-results; {
		case err == nil:
			done++
		case !errors.Is(err, kms.ErrInvalidImportToken):
			t.Error(err)
		}
	}
	if d, err := k.DescribeKey(ctx, key); done != 1 || err != nil || len(d.Versions) != 1 {
		t.Errorf("%d imports; %+v, %v", done, d, err)
	}
}

func sameRecords(a, b []keystore.Record) bool {
	return slices.EqualFunc(a, b, func(a, b keystore.Record) bool {
		return a.Key == b.Key && a.Rev == b.Rev && bytes.Equal(a.Data, b.Data)
	})
}

func TestImportPublicKey(t *testing.T) {
	k := open(t, memstore.New(), nil)
	key := newExternalKey(t, k, kms.KeySpecSM4)
	for wrapping, bits := range map[kms.WrappingAlgorithm]int{
		kms.WrappingRSAOAEPSHA256: 3072, kms.WrappingRSAAESKeyWrapSHA256 + "/RSA_2048": 2048,
	} {
		p, err := k.ImportParameters(t.Context(), key, wrapping)
		must(t, err)
		public, err := x509.ParsePKIXPublicKey(p.PublicKey)
		must(t, err)
		if n := public.(*rsa.PublicKey).N.BitLen(); n != bits {
			t.Errorf("%s: %d bits", wrapping, n)
		}
	}
}
