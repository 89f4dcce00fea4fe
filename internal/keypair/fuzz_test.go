package keypair_test

import (
	"bytes"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keypair"
)

// Whatever is a key has one form, which is read as that same key; whatever is
// none is ErrInvalidKey, as it is.
func FuzzParse(f *testing.F) {
	for spec := range specs {
		f.Add(file(f, spec))
	}
	for _, c := range encodings(f) {
		f.Add(c.der)
	}
	for _, c := range invalidKeys(f) {
		f.Add(c.der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		pair, err := keypair.Parse(der, gm.Default())
		if err != nil {
			if err != keypair.ErrInvalidKey || pair != nil {
				t.Fatalf("%v, %v", pair, err)
			}
			return
		}
		canonical := pkcs8(t, pair)
		again := parse(t, canonical)
		if !bytes.Equal(pkcs8(t, again), canonical) {
			t.Errorf("%x, then %x", canonical, pkcs8(t, again))
		}
		if again.Spec() != pair.Spec() || specs[pair.Spec()] == nil {
			t.Errorf("spec %s, then %s", pair.Spec(), again.Spec())
		}
		if !bytes.Equal(spki(t, again), spki(t, pair)) {
			t.Errorf("public key %x, then %x", spki(t, pair), spki(t, again))
		}
	})
}
