package rootkey

import (
	"bytes"
	"context"
	"errors"
	"testing"
)

var (
	testKey       = bytes.Repeat([]byte{7}, keySize)
	testPlaintext = []byte("the storage key, of 32 bytes ...")
	testAAD       = []byte("a store")
)

// flipped returns b with one bit flipped.
func flipped(b []byte, bit int) []byte {
	b = bytes.Clone(b)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}

// check fails unless out is nothing and err is want.
func check(t *testing.T, what string, n int, out []byte, err, want error) {
	t.Helper()
	if out != nil || !errors.Is(err, want) {
		t.Errorf("%s %d: %x, %v, want %v", what, n, out, err, want)
	}
}

func TestEveryBitOfKeyWrap(t *testing.T) {
	p, err := newStatic(testKey)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := p.Wrap(t.Context(), testPlaintext, testAAD)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(wrapped) * 8 {
		want := ErrTampered
		switch {
		case bit/8 < 2:
			want = ErrFormatTooNew
		case bit/8 < 2+commitmentSize:
			want = ErrWrongKey
		}
		out, err := p.Unwrap(t.Context(), flipped(wrapped, bit), testAAD)
		check(t, "bit", bit, out, err, want)
	}
	for n := range wrapped {
		want := ErrTampered
		out, err := p.Unwrap(t.Context(), wrapped[:n], testAAD)
		check(t, "cut to", n, out, err, want)
	}
	out, err := p.Unwrap(t.Context(), append(wrapped, 0), testAAD)
	check(t, "longer by", 1, out, err, ErrTampered)
}

// The bits of a passphrase's wrap, opened with the secret that Argon2id would
// have made, so that it runs for none of them.
func TestEveryBitOfPassphraseWrap(t *testing.T) {
	head := cost{19 << 10, 1, 1}.head(make([]byte, saltSize))
	wrapped := seal(testKey, head, testPlaintext, testAAD)
	open := func(b []byte) ([]byte, error) {
		w, err := parse(b, kindPassphrase)
		if err != nil {
			return nil, err
		}
		return w.open(testKey, testAAD)
	}
	if out, err := open(wrapped); err != nil || !bytes.Equal(out, testPlaintext) {
		t.Fatalf("opened %q, %v", out, err)
	}
	for bit := range len(wrapped) * 8 {
		want := ErrTampered
		switch {
		case bit/8 < 2:
			want = ErrFormatTooNew
		case bit/8 < len(head)+commitmentSize:
			want = ErrWrongKey
		}
		out, err := open(flipped(wrapped, bit))
		check(t, "bit", bit, out, err, want)
	}
	for n := range wrapped {
		out, err := open(wrapped[:n])
		check(t, "cut to", n, out, err, ErrTampered)
	}
}

// A caller's aad never runs into what stands before it.
func TestOpenBindsPrefix(t *testing.T) {
	head := []byte{format, kindKey}
	wrapped := wrap(seal(testKey, head, testPlaintext, []byte("aad")))
	if _, err := wrapped.open(testKey, []byte("aad")); err != nil {
		t.Fatal(err)
	}
	for _, aad := range []string{"", "aa", "aad ", "Aad"} {
		out, err := wrapped.open(testKey, []byte(aad))
		check(t, aad, 0, out, err, ErrTampered)
	}
}

func TestParse(t *testing.T) {
	for _, v := range []struct {
		name string
		head []byte
		size int // in all; the rest is zeros
		kind byte
		want error
	}{
		{"no bytes", nil, 0, kindKey, ErrTampered},
		{"format alone", []byte{format}, 1, kindKey, ErrTampered},
		{"another format", []byte{0xd3}, 1, kindKey, ErrFormatTooNew},
		{"kind 0", []byte{format, 0}, 200, kindKey, ErrFormatTooNew},
		{"kind 3", []byte{format, 3}, 2, kindKey, ErrFormatTooNew},
		{"key, shortest", []byte{format, 1}, 74, kindKey, nil},
		{"key, too short", []byte{format, 1}, 73, kindKey, ErrTampered},
		{"passphrase, shortest", []byte{format, 2}, 99, kindPassphrase, nil},
		{"passphrase, too short", []byte{format, 2}, 98, kindPassphrase, ErrTampered},
		{"passphrase to a key", []byte{format, 2}, 99, kindKey, ErrWrongKey},
		{"key to a passphrase", []byte{format, 1}, 99, kindPassphrase, ErrWrongKey},
	} {
		b := make([]byte, v.size)
		copy(b, v.head)
		if _, err := parse(b, v.kind); err != v.want {
			t.Errorf("%s: %v, want %v", v.name, err, v.want)
		}
	}
}

func TestSizes(t *testing.T) {
	p, err := newStatic(testKey)
	if err != nil {
		t.Fatal(err)
	}
	const most = 65535 - 74
	for _, n := range []int{0, 1, 32, most} {
		plaintext := make([]byte, n)
		wrapped, err := p.Wrap(t.Context(), plaintext, nil)
		if err != nil || len(wrapped) != n+74 {
			t.Fatalf("%d bytes: wrapped %d, %v", n, len(wrapped), err)
		}
		out, err := p.Unwrap(t.Context(), wrapped, nil)
		if err != nil || !bytes.Equal(out, plaintext) {
			t.Errorf("%d bytes: unwrapped %d, %v", n, len(out), err)
		}
	}
	if out, err := p.Wrap(t.Context(), make([]byte, most+1), nil); err == nil {
		t.Errorf("wrapped %d bytes into %d", most+1, len(out))
	}
}

func TestDoneContext(t *testing.T) {
	static, err := newStatic(testKey)
	if err != nil {
		t.Fatal(err)
	}
	passphrase, err := Passphrase([]byte("secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i, p := range []Provider{static, passphrase} {
		out, err := p.Wrap(ctx, testPlaintext, testAAD)
		check(t, "wrap", i, out, err, context.Canceled)
		out, err = p.Unwrap(ctx, nil, testAAD)
		check(t, "unwrap", i, out, err, context.Canceled)
	}
}
