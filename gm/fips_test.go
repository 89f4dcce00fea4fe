package gm_test

import (
	"bytes"
	"crypto/cipher"
	"crypto/fips140"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/embedkms/kms/gm"
)

// FIPS 140-3 mode is chosen when a process starts, so the tests for it run in a
// process of their own.
func TestFIPS(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("the tests below run in this process")
	}
	const run = "-test.run=^(TestDefault|TestRefusalNamesFIPS|TestWithoutEnforcement)$"
	cmd := exec.Command(os.Args[0], "-test.v", run)
	cmd.Env = append(os.Environ(), "GODEBUG="+os.Getenv("GODEBUG")+",fips140=only")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	// A test that was skipped, or whose name no longer matches, fails nothing.
	for _, name := range []string{
		"TestDefault/FIPS_140-3_mode", "TestRefusalNamesFIPS", "TestWithoutEnforcement",
	} {
		if !strings.Contains(string(out), "--- PASS: "+name) {
			t.Errorf("%s did not pass:\n%s", name, out)
		}
	}
}

func TestRefusalNamesFIPS(t *testing.T) {
	needEnforced(t)
	p := gm.Default()
	_, sm4 := p.NewSM4(new([16]byte))
	_, gcm := p.NewSM4GCM(new([16]byte))
	_, private := p.SM2Private(new([32]byte))
	_, public := p.SM2Public(new([65]byte))
	for _, err := range []error{sm4, gcm, private, public} {
		if !strings.Contains(err.Error(), "FIPS 140-3") {
			t.Errorf("got %v", err)
		}
	}
}

// An AEAD that was made where enforcement was lifted works elsewhere, for more
// callers at once than it had when it was made.
func TestWithoutEnforcement(t *testing.T) {
	needEnforced(t)
	var aead cipher.AEAD
	var want []byte
	nonce := make([]byte, 12)
	fips140.WithoutEnforcement(func() {
		var err error
		if aead, err = gm.Default().NewSM4GCM(new([16]byte)); err != nil {
			t.Fatal(err)
		}
		want = aead.Seal(nil, nonce, nonce, nil)
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				if got := aead.Seal(nil, nonce, nonce, nil); !bytes.Equal(got, want) {
					t.Errorf("sealed %x, want %x", got, want)
				}
			}
		})
	}
	wg.Wait()
}

func needEnforced(t *testing.T) {
	if !fips140.Enforced() {
		t.Skip("TestFIPS runs this in a process of its own")
	}
}
