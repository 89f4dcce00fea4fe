package dump_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/embedkms/kms/internal/dump"
)

// open returns an open dump of entries with bodies of ones.
func open(t *testing.T, entries int) *dump.Dump {
	t.Helper()
	root, all := static(t, 1), samples(entries)
	for i := range all {
		all[i].Body = bytes.Repeat([]byte{1}, 100*(i+1))
	}
	d, err := dump.Open(t.Context(), bytes.NewReader(write(t, root, all...)), root)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// However a yield ends, the body it saw is clear afterwards.
func TestBodyCleared(t *testing.T) {
	var bodies [][]byte
	for e, err := range open(t, 3).Entries() {
		// An append must not reach what is behind the body.
		if err != nil || cap(e.Body) != len(e.Body) || zero(e.Body) {
			t.Fatalf("%x, capacity %d, %v", e.Body, cap(e.Body), err)
		}
		bodies = append(bodies, e.Body)
		for _, old := range bodies[:len(bodies)-1] {
			if !zero(old) {
				t.Errorf("left %x", old)
			}
		}
	}
	body := bodies[2]
	if !zero(body) {
		t.Errorf("left %x", body)
	}
	for e := range open(t, 1).Entries() {
		body = e.Body
		break
	}
	if !zero(body) {
		t.Errorf("left %x by a break", body)
	}
	func() {
		defer func() { _ = recover() }()
		for e := range open(t, 1).Entries() {
			body = e.Body
			panic("as a caller may")
		}
	}()
	if !zero(body) {
		t.Errorf("left %x by a panic", body)
	}
}

// Add leaves nothing of an entry in the Writer and does not touch it, also when
// it fails.
func TestPlainCleared(t *testing.T) {
	for _, out := range []io.Writer{io.Discard, &flaky{err: errIO}} {
		w, err := dump.NewWriter(t.Context(), out, static(t, 1), at)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{10, 8192, 1} {
			body := bytes.Repeat([]byte{1}, n)
			if err := w.Add(dump.Entry{Body: body}); err != nil && !errors.Is(err, errIO) {
				t.Fatal(err)
			}
			if !zero(w.Plain()) || !bytes.Equal(body, bytes.Repeat([]byte{1}, n)) {
				t.Errorf("%d bytes: left %x", n, w.Plain())
			}
		}
	}
}

// Equal entries under one root key make dumps that have nothing in common.
func TestFresh(t *testing.T) {
	root := static(t, 1)
	a, b := write(t, root, samples(1)...), write(t, root, samples(1)...)
	if bytes.Equal(a[2:18], b[2:18]) || bytes.Equal(a[len(a)-48:], b[len(b)-48:]) {
		t.Errorf("%x and %x", a, b)
	}
}
