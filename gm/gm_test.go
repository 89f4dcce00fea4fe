package gm_test

import (
	"bytes"
	"crypto/fips140"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/gm/gmtest"
)

func TestDefault(t *testing.T) {
	gmtest.Run(t, gm.Default())
}

func TestSM2IsNotOffered(t *testing.T) {
	_, private := gm.Default().SM2Private(new([32]byte))
	_, public := gm.Default().SM2Public(new([65]byte))
	for _, err := range []error{private, public} {
		if !errors.Is(err, gm.ErrUnsupportedAlgorithm) || !strings.Contains(err.Error(), "SM2") {
			t.Errorf("got %v", err)
		}
	}
}

// One write of 256 MiB and more than an int of 32 bits can count in bits.
func TestSM3WriteLongerThanAnInt(t *testing.T) {
	if strconv.IntSize > 32 {
		t.Skip("an int can count the bits of any write here")
	}
	message := make([]byte, 1<<28+1)
	whole, parts := gm.Default().NewSM3(), gm.Default().NewSM3()
	whole.Write(message)
	for range 1 << 8 {
		parts.Write(message[:1<<20])
	}
	parts.Write(message[:1])
	if got, want := whole.Sum(nil), parts.Sum(nil); !bytes.Equal(got, want) {
		t.Errorf("one write hashes to %x, parts to %x", got, want)
	}
}

// A log line that prints a cipher must not print its key.
func TestPrintsNoKey(t *testing.T) {
	skipEnforced(t)
	key := [16]byte([]byte("sixteen key byte"))
	block, err := gm.Default().NewSM4(&key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := gm.Default().NewSM4GCM(&key)
	if err != nil {
		t.Fatal(err)
	}
	aead.Seal(nil, make([]byte, 12), nil, nil)
	list := strings.Trim(fmt.Sprint(key), "[]")
	for _, v := range []any{block, aead} {
		for _, format := range []string{"%v", "%+v", "%#v", "%x", "%s"} {
			text := fmt.Sprintf(format, v)
			for _, secret := range []string{list, string(key[:]), hex.EncodeToString(key[:])} {
				if strings.Contains(text, secret) {
					t.Errorf("%s of a %T shows the key", format, v)
				}
			}
		}
	}
}

// skipEnforced skips what needs a cipher where there is none.
func skipEnforced(t testing.TB) {
	if fips140.Enforced() {
		t.Skip("FIPS 140-3 mode is enforced")
	}
}
