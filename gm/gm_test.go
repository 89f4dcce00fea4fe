package gm_test

import (
	"bytes"
	"crypto/fips140"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/gm/gmtest"
)

func TestDefault(t *testing.T) {
	gmtest.Run(t, gm.Default())
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

// A log line that prints a cipher or a key must not print what is secret in it.
func TestPrintsNoKey(t *testing.T) {
	skipEnforced(t)
	key, d := [16]byte([]byte("sixteen key byte")), [32]byte([]byte("a private key of thirty-two byte"))
	block, err1 := gm.Default().NewSM4(&key)
	aead, err2 := gm.Default().NewSM4GCM(&key)
	private, err3 := gm.Default().SM2Private(&d)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	aead.Seal(nil, make([]byte, 12), nil, nil)
	if _, err := private.SignDigest(&d); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		printed any
		secret  []byte
	}{{block, key[:]}, {aead, key[:]}, {private, d[:]}} {
		number := new(big.Int).SetBytes(c.secret).String()
		list := strings.Trim(fmt.Sprint(c.secret), "[]")
		for _, format := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
			text := fmt.Sprintf(format, c.printed)
			for _, secret := range []string{list, number, string(c.secret), hex.EncodeToString(c.secret)} {
				if strings.Contains(text, secret) {
					t.Errorf("%s of a %T shows the key", format, c.printed)
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
