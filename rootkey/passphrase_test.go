package rootkey_test

import (
	"strings"
	"testing"

	"github.com/embedkms/kms/rootkey"
)

// cheap returns a passphrase's root at the lowest cost.
func cheap(t testing.TB, passphrase string) rootkey.Provider {
	t.Helper()
	p, err := rootkey.Passphrase([]byte(passphrase),
		&rootkey.PassphraseOptions{Memory: 19456, Time: 1, Parallelism: 1})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPassphrase(t *testing.T) {
	p := cheap(t, "passphrase")
	wrapped := wrap(t, p)
	opens(t, p, wrapped)
	refuses(t, cheap(t, "passphrase\n"), wrapped, "aad", rootkey.ErrWrongKey)
	refuses(t, p, wrapped, "other", rootkey.ErrTampered)
	refuses(t, static(t, key(1)), wrapped, "aad", rootkey.ErrWrongKey)
}

// What a wrap cost is in the wrap, not in the options of who opens it.
func TestPassphraseDefaults(t *testing.T) {
	p, err := rootkey.Passphrase([]byte("passphrase"), nil)
	if err != nil {
		t.Fatal(err)
	}
	wrapped := wrap(t, p)
	const want = "\x00\x01\x00\x00\x00\x00\x00\x03\x04" // 65,536 KiB, 3 passes, 4 lanes
	if got := string(wrapped[18:27]); got != want {
		t.Errorf("parameters %x, want %x", got, want)
	}
	opens(t, cheap(t, "passphrase"), wrapped)
	opens(t, p, wrap(t, cheap(t, "passphrase")))
}

func TestPassphraseCopied(t *testing.T) {
	passphrase := []byte("passphrase")
	p, err := rootkey.Passphrase(passphrase,
		&rootkey.PassphraseOptions{Memory: 19456, Time: 1, Parallelism: 1})
	if err != nil {
		t.Fatal(err)
	}
	clear(passphrase)
	opens(t, cheap(t, "passphrase"), wrap(t, p))
}

func TestPassphraseID(t *testing.T) {
	for _, passphrase := range []string{"one", "two"} {
		if id := cheap(t, passphrase).ID(); id != "passphrase" {
			t.Errorf("ID %q", id)
		}
	}
	long := strings.Repeat("i", 255)
	p, err := rootkey.Passphrase([]byte("one"), &rootkey.PassphraseOptions{ID: long})
	if err != nil || p.ID() != long {
		t.Errorf("%v, %v", p, err)
	}
}

func TestPassphraseRefused(t *testing.T) {
	for _, v := range []struct {
		passphrase string
		opts       rootkey.PassphraseOptions
		says       string
	}{
		{"", rootkey.PassphraseOptions{}, "empty"},
		{"s3cret", rootkey.PassphraseOptions{ID: strings.Repeat("i", 256)}, "255"},
		{"s3cret", rootkey.PassphraseOptions{Memory: 19455}, "19456"},
		{"s3cret", rootkey.PassphraseOptions{Memory: 1048577}, "1048576"},
		{"s3cret", rootkey.PassphraseOptions{Time: 17}, "16"},
		{"s3cret", rootkey.PassphraseOptions{Parallelism: 17}, "16"},
	} {
		p, err := rootkey.Passphrase([]byte(v.passphrase), &v.opts)
		if p != nil || err == nil || !strings.Contains(err.Error(), v.says) ||
			strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%+v: %v, %v", v.opts, p, err)
		}
	}
}
