package main

import (
	"bytes"
	"sync"
	"testing"
)

// plaintexts of every size that is measured.
func plaintexts(most int) [][]byte {
	var all [][]byte
	for _, size := range append([]int{dataKeySize}, tableSizes...) {
		if most == 0 || size <= most {
			all = append(all, random(size))
		}
	}
	return all
}

func TestSubjects(t *testing.T) {
	names := map[string]bool{}
	for _, s := range subjects() {
		if names[s.name] {
			t.Errorf("two subjects are %s", s.name)
		}
		names[s.name] = true
		t.Run(s.name, func(t *testing.T) { testSubject(t, s) })
	}
	if len(names) < 16 {
		t.Errorf("%d subjects", len(names))
	}
}

func TestPairings(t *testing.T) {
	for _, p := range pairings() {
		for _, s := range []subject{p.bare, p.kms} {
			s.most = dataKeySize
			t.Run(s.name, func(t *testing.T) { testSubject(t, s) })
		}
	}
}

// testSubject checks that a subject does what is measured: it opens what it has
// sealed, and where it claims to bind a context, in no other.
func testSubject(t *testing.T, s subject) {
	x, err := s.make()
	if err != nil {
		t.Fatal(err)
	}
	for _, plaintext := range plaintexts(s.most) {
		roundTrip(t, x, plaintext, s.has.context != "")
	}
	keys := dataKeys(x)
	wrapped, err := keys.generate(bound)
	if err == nil {
		err = keys.unwrap(wrapped, bound)
	}
	if err != nil {
		t.Errorf("data key: %v", err)
	}
	if err := keys.unwrap(wrapped, other); (err == nil) == (s.has.context != "") {
		t.Errorf("data key in another context: %v", err)
	}
	if s.single {
		return
	}
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for range 20 {
				roundTrip(t, x, random(64), s.has.context != "")
			}
		})
	}
	both.Wait()
}

func roundTrip(t *testing.T, x box, plaintext []byte, binds bool) {
	ciphertext, err := x.seal(make([]byte, 0, len(plaintext)+spare), plaintext, bound)
	if err != nil {
		t.Errorf("%d bytes: %v", len(plaintext), err)
		return
	}
	if bytes.Contains(ciphertext, plaintext) {
		t.Errorf("%d bytes are in their ciphertext", len(plaintext))
	}
	got, err := x.open(make([]byte, 0, len(plaintext)+spare), ciphertext, bound)
	if err != nil || !bytes.Equal(got, plaintext) {
		t.Errorf("%d bytes do not come back: %v", len(plaintext), err)
	}
	if got, err := x.open(nil, ciphertext, other); binds && err == nil {
		t.Errorf("%d bytes open in another context: %x", len(plaintext), got)
	}
}

// The encoding that bytes-only subjects get is the library's own, so that ratios
// compare like with like: docs/envelope.md has these bytes.
func TestBinding(t *testing.T) {
	b := newBinding("a", "b", "tenant", "acme")
	want := "\x01\x00\x02\x00\x01a\x00\x01b\x00\x06tenant\x00\x04acme"
	if string(b.encoded) != want || len(b.padded) != headerBytes+len(want) || len(b.pairs) != 2 {
		t.Errorf("%q, padded %d", b.encoded, len(b.padded))
	}
	if string(unbound.encoded) != "\x00" || unbound.pairs != nil {
		t.Errorf("nothing is %q, %v", unbound.encoded, unbound.pairs)
	}
}

// A bare AEAD's data keys take as many allocations as it returns slices: the unit
// is at its best there, too.
func TestBareDataKeysAllocate(t *testing.T) {
	for _, s := range named(rawName, bareSM4Name, "XChaCha20-Poly1305") {
		x, err := s.make()
		if err != nil {
			t.Fatal(err)
		}
		keys := dataKeys(x)
		if got := testing.AllocsPerRun(100, func() { _, err = keys.generate(bound) }); got > 2 || err != nil {
			t.Errorf("%s: %v allocations, %v, want the key and its ciphertext", s.name, got, err)
		}
	}
}

// The unit authenticates as many bytes as an envelope, neither fewer nor more.
func TestUnit(t *testing.T) {
	x, err := rawGCM()
	if err != nil {
		t.Fatal(err)
	}
	ciphertext, err := x.seal(nil, []byte("hello"), bound)
	if err != nil {
		t.Fatal(err)
	}
	aad := make([]byte, 67+3+2+3+2+4+2+7+2+6) // the header, and the pairs with their lengths
	copy(aad[67:], bound.encoded)
	if _, err := x.(aeadBox).Open(nil, ciphertext[:12], ciphertext[12:], aad); err != nil {
		t.Errorf("not bound to %d bytes: %v", len(aad), err)
	}
}
