package rootkey

import (
	"bytes"
	"errors"
	"testing"
)

// wrongly says whether err is one of Unwrap's own.
func wrongly(err error) bool {
	return errors.Is(err, ErrTampered) || errors.Is(err, ErrWrongKey) ||
		errors.Is(err, ErrFormatTooNew)
}

// FuzzUnwrap looks for bytes that open without having been wrapped, or panic.
func FuzzUnwrap(f *testing.F) {
	g := readGolden(f, "static")
	p, err := newStatic(g.secret)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(g.wrapped, g.aad)
	f.Add(g.wrapped[:73], g.aad)
	f.Add(readGolden(f, "passphrase").wrapped, g.aad)
	f.Fuzz(func(t *testing.T, wrapped, aad []byte) {
		out, err := p.Unwrap(t.Context(), wrapped, aad)
		if bytes.Equal(wrapped, g.wrapped) && bytes.Equal(aad, g.aad) {
			if err != nil || !bytes.Equal(out, g.plaintext) {
				t.Errorf("unwrapped %x, %v", out, err)
			}
			return
		}
		if out != nil || !wrongly(err) {
			t.Errorf("unwrapped %x, %v", out, err)
		}
	})
}

// FuzzParseHead looks for a head that would make Argon2id run beyond its limits.
func FuzzParseHead(f *testing.F) {
	f.Add(readGolden(f, "passphrase").wrapped)
	f.Add(readGolden(f, "static").wrapped)
	f.Fuzz(func(t *testing.T, wrapped []byte) {
		w, err := parse(wrapped, kindPassphrase)
		if err != nil {
			if w != nil || !wrongly(err) {
				t.Errorf("parsed %x, %v", w, err)
			}
			return
		}
		salt, c, err := parseHead(w.head())
		if err != nil {
			if salt != nil || !errors.Is(err, ErrTampered) {
				t.Errorf("salt %x, %v", salt, err)
			}
			return
		}
		if c.check() != nil || !bytes.Equal(c.head(salt), w.head()) {
			t.Errorf("%x is %x, %v", w.head(), salt, c)
		}
	})
}
