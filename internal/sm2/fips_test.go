package sm2_test

import (
	"crypto/fips140"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

// FIPS 140-3 mode is chosen when a process starts, so the test for it runs in a
// process of its own.
func TestFIPS(t *testing.T) {
	if !fips140.Enforced() {
		cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^TestFIPS$")
		cmd.Env = append(os.Environ(), "GODEBUG="+os.Getenv("GODEBUG")+",fips140=only")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestFIPS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	lax := newFake() // a provider that does not refuse
	_, private := sm2.NewPrivateKey(lax, privateA[:])
	_, public := sm2.NewPublicKey(lax, publicA[:])
	var k *sm2.PublicKey
	fips140.WithoutEnforcement(func() {
		var err error
		k, err = sm2.NewPublicKey(lax, publicA[:])
		must(t, err)
	})
	_, digest := k.Digest(nil, nil)
	for _, err := range []error{private, public, digest} {
		if !errors.Is(err, gm.ErrUnsupportedAlgorithm) || !strings.Contains(err.Error(), "FIPS 140-3") {
			t.Errorf("got %v", err)
		}
	}
}
