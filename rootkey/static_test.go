package rootkey_test

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/embedkms/kms/rootkey"
)

// idOfOnes is the ID of the key that is 32 bytes of value 1.
const idOfOnes = "key-3ac9d136fc278b0e"

// key returns 32 bytes of one value.
func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// static returns the root of a key.
func static(t testing.TB, key []byte) rootkey.Provider {
	t.Helper()
	p, err := rootkey.Static(key)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// wrap wraps "secret", bound to "aad".
func wrap(t testing.TB, p rootkey.Provider) []byte {
	t.Helper()
	wrapped, err := p.Wrap(t.Context(), []byte("secret"), []byte("aad"))
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

// opens fails unless p unwraps what wrap wrapped.
func opens(t testing.TB, p rootkey.Provider, wrapped []byte) {
	t.Helper()
	out, err := p.Unwrap(t.Context(), wrapped, []byte("aad"))
	if err != nil || string(out) != "secret" {
		t.Errorf("unwrapped %q, %v", out, err)
	}
}

// refuses fails unless p returns want and nothing else.
func refuses(t testing.TB, p rootkey.Provider, wrapped []byte, aad string, want error) {
	t.Helper()
	out, err := p.Unwrap(t.Context(), wrapped, []byte(aad))
	if out != nil || !errors.Is(err, want) {
		t.Errorf("unwrapped %q, %v, want %v", out, err, want)
	}
}

func TestStatic(t *testing.T) {
	p := static(t, key(1))
	wrapped := wrap(t, p)
	opens(t, p, wrapped)
	opens(t, static(t, key(1)), wrapped)
	refuses(t, static(t, key(2)), wrapped, "aad", rootkey.ErrWrongKey)
	refuses(t, p, wrapped, "other", rootkey.ErrTampered)
	refuses(t, p, wrapped, "", rootkey.ErrTampered)
	refuses(t, cheap(t, "passphrase"), wrapped, "aad", rootkey.ErrWrongKey)
	if again := wrap(t, p); bytes.Equal(again, wrapped) {
		t.Error("two wraps are alike")
	}
}

func TestStaticKey(t *testing.T) {
	for _, bad := range [][]byte{nil, key(1)[:31], append(key(1), 1), key(0)} {
		if p, err := rootkey.Static(bad); err == nil || p != nil {
			t.Errorf("%d bytes: %v, %v", len(bad), p, err)
		}
	}
	k := key(1)
	p := static(t, k)
	wrapped := wrap(t, p)
	clear(k)
	opens(t, p, wrapped)
	opens(t, static(t, key(1)), wrapped)
}

func TestStaticID(t *testing.T) {
	a, b := static(t, key(1)).ID(), static(t, key(2)).ID()
	for _, id := range []string{a, b} {
		if !regexp.MustCompile(`^key-[0-9a-f]{16}$`).MatchString(id) {
			t.Errorf("ID %q", id)
		}
	}
	if a == b || a != static(t, key(1)).ID() {
		t.Errorf("IDs %q, %q", a, b)
	}
	if a != idOfOnes {
		t.Errorf("ID %q, want %q for ever", a, idOfOnes)
	}
}

// Wrap and Unwrap keep to what they are given.
func TestArgumentsUntouched(t *testing.T) {
	p := static(t, key(1))
	room := append(make([]byte, 0, 100), "secretaad"...)
	wrapped, err := p.Wrap(t.Context(), room[:6], room[6:9])
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(wrapped)
	opens(t, p, wrapped)
	if !bytes.Equal(wrapped, before) {
		t.Error("Unwrap changed its argument")
	}
	if !bytes.Equal(room[:cap(room)], append([]byte("secretaad"), make([]byte, 91)...)) {
		t.Error("Wrap changed its arguments")
	}
}

// TestFIPS runs itself again in FIPS 140-3 mode, where any algorithm that is
// not approved fails.
func TestFIPS(t *testing.T) {
	if os.Getenv("GODEBUG") != "fips140=only" {
		out := runSelf(t, "TestFIPS", "GODEBUG=fips140=only").wait(t)
		if !strings.Contains(out, "--- PASS: TestFIPS") {
			t.Error(out)
		}
		return
	}
	p := static(t, key(1))
	opens(t, p, wrap(t, p))
	refuses(t, static(t, key(2)), wrap(t, p), "aad", rootkey.ErrWrongKey)
	if p.ID() != idOfOnes {
		t.Errorf("ID %q, want %q", p.ID(), idOfOnes)
	}
	f, err := rootkey.File(write(t, key(1), 0o600), nil)
	if err != nil {
		t.Fatal(err)
	}
	opens(t, f, wrap(t, p))
	if p, err := rootkey.Passphrase([]byte("passphrase"), nil); p != nil ||
		!errors.Is(err, rootkey.ErrUnsupportedAlgorithm) || !strings.Contains(err.Error(), "FIPS 140-3") {
		t.Errorf("Passphrase: %v, %v", p, err)
	}
}
