package suite

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	mrand "math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms/gm"
)

var (
	testID   = [16]byte(unhex("0d0466b0e7274d9cb35df84bb474a37f"))
	testMap  = Context{Map: map[string]string{"a": "b", "tenant": "acme"}}
	testRaw  = Context{Raw: []byte("123aad")}
	suites   = map[string]ID{"AES": AES256, "SM4": SM4}
	purposes = map[string]Purpose{"data": Data, "datakey": DataKey, "privatekey": PrivateKey}
	contexts = map[string]Context{"map": testMap, "raw": testRaw, "none": {}}
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// testPKCS8 returns the EC_P256 key that is count(32), as PKCS #8.
func testPKCS8() []byte {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), count(32))
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return der
}

// count returns 00 01 02 … of n bytes.
func count(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func newKey(t testing.TB, id ID, p Purpose) *Key {
	t.Helper()
	k, err := keyOf(id, p, testID, 1, count(id.KeySize()))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func keyOf(id ID, p Purpose, keyID [16]byte, version uint32, material []byte) (*Key, error) {
	k, err := NewKeys(id, keyID, version, material, gm.Default())
	if err != nil {
		return nil, err
	}
	return k.Key(p)
}

func seal(t testing.TB, k *Key, plaintext []byte, c Context) Envelope {
	t.Helper()
	b, err := k.Seal(nil, plaintext, c, 0)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Parse(b)
	if err != nil {
		t.Fatalf("parse %x: %v", b, err)
	}
	return e
}

func TestKnownAnswers(t *testing.T) {
	file, err := os.ReadFile("testdata/envelope.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, vectors, _ := strings.Cut(string(file), "\n\n")
	lines := strings.Split(strings.TrimSpace(vectors), "\n")
	if len(lines) != 7 {
		t.Fatalf("%d vectors, want 7", len(lines))
	}
	for _, line := range lines {
		f := strings.Fields(line)
		id, purpose, context, want := suites[f[0]], purposes[f[1]], contexts[f[2]], unhex(f[3])
		t.Run(strings.Join(f[:3], " "), func(t *testing.T) {
			plaintext := map[Purpose][]byte{
				Data: []byte("hello world"), DataKey: count(id.KeySize()), PrivateKey: testPKCS8(),
			}[purpose]
			encoded, _ := context.Append(nil)
			r := reference{id, purpose, testID, 1, count(id.KeySize())}
			nonce := count(0x58)[0x40:]
			if got := r.seal(nonce, plaintext, encoded); !bytes.Equal(got, want) {
				t.Errorf("the reference seals\n%x, want\n%x", got, want)
			}
			e, err := Parse(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := newKey(t, id, purpose).Open(nil, e, context)
			if err != nil || !bytes.Equal(got, plaintext) {
				t.Errorf("opened %x, %v, want %x", got, err, plaintext)
			}
		})
	}
}

// What the package seals, the reference seals too when given the nonces.
func TestSealIsTheSpecification(t *testing.T) {
	for _, id := range suites {
		for _, purpose := range purposes {
			k := newKey(t, id, purpose)
			r := reference{id, purpose, testID, 1, count(id.KeySize())}
			for n := 1; n <= 130; n++ {
				for _, c := range contexts {
					plaintext := make([]byte, n)
					rand.Read(plaintext)
					e := seal(t, k, plaintext, c)
					encoded, _ := c.Append(nil)
					if want := r.seal(e[offN1:offText], plaintext, encoded); !bytes.Equal(e, want) {
						t.Fatalf("sealed\n%x, want\n%x", e, want)
					}
				}
			}
		}
	}
}

func TestFields(t *testing.T) {
	k, err := keyOf(SM4, DataKey, testID, 0x01020304, count(16))
	if err != nil {
		t.Fatal(err)
	}
	e := seal(t, k, []byte("12345"), Context{})
	if e.Suite() != SM4 || e.Purpose() != DataKey || e.KeyID() != testID ||
		e.Version() != 0x01020304 || e.PlaintextSize() != 5 {
		t.Errorf("fields %d %d %x %x %d",
			e.Suite(), e.Purpose(), e.KeyID(), e.Version(), e.PlaintextSize())
	}
}

func TestParse(t *testing.T) {
	good := seal(t, newKey(t, AES256, Data), []byte("x"), Context{})
	change := func(off int, b byte) []byte {
		c := bytes.Clone(good)
		c[off] = b
		return c
	}
	long := func(p Purpose, n int) []byte {
		return append(change(offPurpose, byte(p)), make([]byte, n-1)...)
	}
	for name, ok := range map[string][]byte{
		"good": good, "data": long(Data, MaxData), "data key": long(DataKey, MaxDataKey),
		"private key": long(PrivateKey, MaxPrivateKey),
	} {
		if e, err := Parse(ok); err != nil || !bytes.Equal(e, ok) {
			t.Errorf("%s: %v", name, err)
		}
	}
	noVersion := bytes.Clone(good)
	clear(noVersion[offVersion:offCommitment])
	for name, bad := range map[string][]byte{
		"nil": nil, "format": change(offFormat, 0xC2), "suite 0": change(offSuite, 0),
		"suite 3": change(offSuite, 3), "purpose 0": change(offPurpose, 0),
		"purpose 4": change(offPurpose, 4), "purpose 5": change(offPurpose, 5),
		"version 0": noVersion, "no plaintext": good[:Overhead],
		"long data": long(Data, MaxData+1), "long data key": long(DataKey, MaxDataKey+1),
		"long private key": long(PrivateKey, MaxPrivateKey+1),
	} {
		if _, err := Parse(bad); err != ErrInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every bit flipped, every truncation, an extension, and every near relative
// of the key and the context: one error, nothing returned, whether or not what it
// was made of has just been opened.
func TestTamper(t *testing.T) {
	for _, id := range suites {
		t.Run(fmt.Sprint(id), func(t *testing.T) { testTamper(t, id, false) })
		t.Run(fmt.Sprint(id, " opened"), func(t *testing.T) { testTamper(t, id, true) })
	}
}

func testTamper(t *testing.T, id ID, opened bool) {
	k := newKey(t, id, Data)
	e := seal(t, k, []byte("hello world"), testMap)
	reject := func(name string, b []byte, k *Key, c Context) {
		t.Helper()
		e, err := Parse(b)
		if err == nil {
			var out []byte
			if out, err = k.Open(nil, e, c); out != nil {
				t.Fatalf("%s: returned %x", name, out)
			}
		}
		if err != ErrInvalid {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if opened {
		for range 2 { // a session is remembered from its second message on
			if _, err := k.Open(nil, e, testMap); err != nil {
				t.Fatal(err)
			}
		}
	}
	for bit := range len(e) * 8 {
		bad := bytes.Clone(e)
		bad[bit/8] ^= 1 << (bit % 8)
		reject(fmt.Sprint("bit ", bit), bad, k, testMap)
	}
	for n := range e {
		reject(fmt.Sprint("cut to ", n), e[:n], k, testMap)
	}
	reject("extended", append(bytes.Clone(e), 0), k, testMap)
	for name, c := range map[string]Context{
		"none": {}, "raw": testRaw, "less": {Map: map[string]string{"a": "b"}},
		"swapped": {Map: map[string]string{"b": "a", "tenant": "acme"}},
		"value":   {Map: map[string]string{"a": "b", "tenant": "acmf"}},
	} {
		reject(name, e, k, c)
	}
	other := func(id ID, p Purpose, keyID [16]byte, version uint32, first byte) *Key {
		material := count(id.KeySize())
		material[0] = first
		k, err := keyOf(id, p, keyID, version, material)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	reject("material", e, other(id, Data, testID, 1, 1), testMap)
	reject("purpose", e, other(id, DataKey, testID, 1, 0), testMap)
	reject("key ID", e, other(id, Data, [16]byte{1}, 1, 0), testMap)
	reject("version", e, other(id, Data, testID, 2, 0), testMap)
	reject("suite", e, other(3-id, Data, testID, 1, 0), testMap)
}

func TestMaterialSize(t *testing.T) {
	for _, id := range suites {
		for _, n := range []int{0, 15, 17, 24, 31, 33} {
			if _, err := keyOf(id, Data, testID, 1, make([]byte, n)); err == nil {
				t.Errorf("suite %d took material of %d bytes", id, n)
			}
		}
	}
}

func TestSessions(t *testing.T) {
	k := newKey(t, AES256, Data)
	s := k.session(0)
	if s.sealed.Load() != 0 || s.ends != sessionLife {
		t.Fatalf("a new session has sealed %d messages and ends at %v", s.sealed.Load(), s.ends)
	}
	for name, c := range map[string]struct {
		sealed uint64
		now    time.Duration
		same   bool
	}{
		"young": {sessionMessages - 1, sessionLife - 1, true}, "used up": {sessionMessages, 1, false},
		"old": {1, sessionLife, false}, "clock went back": {1, -1, false},
	} {
		t.Run(name, func(t *testing.T) {
			// A pool may drop what it holds, and under -race does so at random.
			for range 100 {
				s := &session{s.aead, new(sessionCount), sessionLife, boundTo{bytes.Clone(s.bound.aad)}}
				s.sealed.Store(c.sealed)
				k.sealing.Put(s)
				if got := k.session(c.now) == s; got == c.same {
					return
				}
				if !c.same {
					t.Fatal("an ended session was used")
				}
			}
			t.Error("a session was never used again")
		})
	}
}

// One session's messages share N1; N2 never repeats.
func TestNonces(t *testing.T) {
	k := newKey(t, AES256, Data)
	seen := map[string]bool{}
	for range 1000 {
		e := seal(t, k, []byte("x"), Context{})
		if seen[string(e[offN1:offText])] {
			t.Fatal("a nonce was used twice")
		}
		seen[string(e[offN1:offText])] = true
	}
}

func TestOpenCache(t *testing.T) {
	k := newKey(t, AES256, Data)
	r := reference{AES256, Data, testID, 1, count(32)}
	envelopes := make([]Envelope, 3*maxOpened)
	for i := range envelopes {
		nonce := make([]byte, 24)
		nonce[0] = byte(i + 1)
		envelopes[i] = r.seal(nonce, []byte("x"), []byte{0})
	}
	forged := bytes.Clone(envelopes[0])
	forged[len(forged)-1] ^= 1
	if _, err := k.Open(nil, forged, Context{}); err != ErrInvalid || k.opened.Load() != nil {
		t.Fatalf("a forgery was remembered: %v", err)
	}
	open := func(e Envelope, times int) {
		for range times {
			if _, err := k.Open(nil, e, Context{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	remembered := func(when string, from, to int) {
		for i, e := range envelopes {
			if hit := k.opened.Load().lookup(e.n1()) != nil; hit != (from <= i && i < to) {
				t.Errorf("%s: session %d of %d remembered: %v", when, i, len(envelopes), hit)
			}
		}
	}
	inTurn := func() {
		for _, e := range envelopes {
			open(e, 1)
		}
	}
	inTurn()
	inTurn()
	remembered("too many in turn", 0, 0)
	for _, e := range envelopes[:2*maxOpened] {
		open(e, 2)
	}
	remembered("twice each", maxOpened, 2*maxOpened)
	inTurn()
	remembered("others once", maxOpened, 2*maxOpened)
}

func TestConcurrent(t *testing.T) {
	for _, id := range suites {
		k := newKey(t, id, Data)
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 300 {
					want := fmt.Appendf(nil, "%d/%d", g, i)
					c := Context{Raw: want}
					b, err := k.Seal(nil, want, c, time.Duration(i)*time.Second)
					if err != nil {
						t.Error(err)
						return
					}
					got, err := k.Open(nil, Envelope(b), c)
					if err != nil || !bytes.Equal(got, want) {
						t.Errorf("opened %q, %v, want %q", got, err, want)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

// Wherever dst lies in memory, the result is that of separate buffers.
func TestOverlap(t *testing.T) {
	for _, id := range suites {
		k := newKey(t, id, Data)
		const n = 40
		want := []byte(strings.Repeat("0123456789", n/10))
		size := n + Overhead
		for from := 0; from <= size; from++ {
			for _, head := range []int{0, 7} {
				// dst's spare room starts at size, the plaintext moves over it.
				buf := make([]byte, 4*size)
				dst := buf[size-head : size : 3*size]
				plaintext := buf[from+size-n:][:n]
				copy(plaintext, want)
				before := bytes.Clone(dst)
				out, err := k.Seal(dst, plaintext, testRaw, 0)
				if err != nil || !bytes.Equal(out[:head], before) {
					t.Fatalf("seal at %d: %v", from, err)
				}
				got, err := k.Open(nil, out[head:], testRaw)
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("seal at %d: opened %q, %v", from, got, err)
				}
				// The same with the envelope under dst.
				sealed := bytes.Clone(out[head:])
				buf = make([]byte, 4*size)
				e := buf[from:][:size]
				copy(e, sealed)
				dst = buf[size-head : size : 3*size]
				before = bytes.Clone(dst)
				out, err = k.Open(dst, e, testRaw)
				if err != nil || !bytes.Equal(out[:head], before) || !bytes.Equal(out[head:], want) {
					t.Fatalf("open at %d: %q, %v", from, out, err)
				}
			}
		}
	}
}

// A plaintext that is written over its own envelope is not what is remembered of
// it: whoever chose it would choose which session is looked for in vain.
func TestOverlapRemembered(t *testing.T) {
	for name, c := range contexts {
		victim := seal(t, newKey(t, AES256, Data), []byte("hello"), c)
		e := seal(t, newKey(t, AES256, Data), victim[:offText], c)
		k, n1 := newKey(t, AES256, Data), bytes.Clone(e.n1())
		for range 2 {
			e := bytes.Clone(e)
			if _, err := k.Open(e[:0], Envelope(e), c); err != nil {
				t.Fatal(err)
			}
		}
		if k.opened.Load().lookup(n1) == nil {
			t.Errorf("%s: the session is not remembered", name)
		}
		if out, err := k.Open(nil, victim, c); err != nil || string(out) != "hello" {
			t.Errorf("%s: an envelope of another session: %q, %v", name, out, err)
		}
	}
}

// A forged envelope under dst stays as it was.
func TestOverlapForged(t *testing.T) {
	k := newKey(t, AES256, Data)
	e := seal(t, k, []byte("hello world"), Context{})
	e[len(e)-1] ^= 1
	before := bytes.Clone(e)
	if out, err := k.Open(e[:0], e, Context{}); err != ErrInvalid || out != nil {
		t.Fatalf("opened %x, %v", out, err)
	}
	if !bytes.Equal(e, before) {
		t.Error("a forgery was overwritten")
	}
}

func TestContextVectors(t *testing.T) {
	for want, c := range map[string]Context{
		"00": {}, "020006313233616164": testRaw,
		"010002000161000162000674656e616e74000461636d65": testMap,
		"01000100016b0000": {Map: map[string]string{"k": ""}},
	} {
		got, err := c.Append([]byte("head"))
		if err != nil || string(got) != "head"+string(unhex(want)) {
			t.Errorf("%+v: %x, %v, want %s", c, got, err, want)
		}
	}
	for _, empty := range []Context{{Map: map[string]string{}}, {Raw: []byte{}}} {
		if got, _ := empty.Append(nil); !bytes.Equal(got, []byte{0}) {
			t.Errorf("%+v: %x", empty, got)
		}
	}
}

func TestContextLimits(t *testing.T) {
	fill := func(n int) string { return strings.Repeat("v", n) }
	many := map[string]string{}
	for i := range 1000 {
		many[fmt.Sprintf("key%04d", i)] = "value"
	}
	for name, c := range map[string]Context{
		"largest map": {Map: map[string]string{"k": fill(MaxContextMap - 8)}},
		"largest raw": {Raw: make([]byte, MaxContextRaw)},
		"many pairs":  {Map: many},
	} {
		if b, err := c.Append(nil); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if back, err := decode(b); err != nil || !same(back, c) {
			t.Errorf("%s: decoded %v", name, err)
		}
	}
	for name, c := range map[string]Context{
		"large map":   {Map: map[string]string{"k": fill(MaxContextMap - 7)}},
		"huge value":  {Map: map[string]string{"k": fill(1 << 17)}},
		"large raw":   {Raw: make([]byte, MaxContextRaw+1)},
		"empty key":   {Map: map[string]string{"": "v"}},
		"key UTF-8":   {Map: map[string]string{"\xff": "v"}},
		"value UTF-8": {Map: map[string]string{"k": "\xff"}},
	} {
		if _, err := c.Append(nil); !errors.Is(err, ErrContext) {
			t.Errorf("%s: %v", name, err)
		}
		k := newKey(t, AES256, Data)
		if out, err := k.Seal(nil, []byte("x"), c, 0); !errors.Is(err, ErrContext) || out != nil {
			t.Errorf("%s: sealed %x, %v", name, out, err)
		}
		e := seal(t, k, []byte("x"), Context{})
		if out, err := k.Open(nil, e, c); !errors.Is(err, ErrContext) || out != nil {
			t.Errorf("%s: opened %x, %v", name, out, err)
		}
	}
}

// decode is the inverse of Context.Append. That it exists is what makes the
// encoding injective.
func decode(b []byte) (Context, error) {
	bad := errors.New("no encoding")
	text := func() (string, bool) {
		if len(b) < 2 {
			return "", false
		}
		n := int(b[0])<<8 | int(b[1])
		if len(b) < 2+n {
			return "", false
		}
		s := string(b[2 : 2+n])
		b = b[2+n:]
		return s, true
	}
	if len(b) == 0 {
		return Context{}, bad
	}
	kind := b[0]
	b = b[1:]
	switch {
	case kind == contextNone && len(b) == 0:
		return Context{}, nil
	case kind == contextRaw:
		if s, ok := text(); ok && s != "" && len(b) == 0 {
			return Context{Raw: []byte(s)}, nil
		}
	case kind == contextMap && len(b) >= 2:
		n := int(b[0])<<8 | int(b[1])
		b = b[2:]
		m, last := map[string]string{}, ""
		for range n {
			k, ok := text()
			v, ok2 := text()
			if !ok || !ok2 || k <= last {
				return Context{}, bad
			}
			m[k], last = v, k
		}
		if n > 0 && len(b) == 0 {
			return Context{Map: m}, nil
		}
	}
	return Context{}, bad
}

func same(a, b Context) bool {
	return maps.Equal(a.Map, b.Map) && bytes.Equal(a.Raw, b.Raw)
}

// FuzzContext cuts its input into two contexts and checks that they have one
// encoding only if they are one, and that what is encoded decodes to itself.
func FuzzContext(f *testing.F) {
	f.Add([]byte("a\x00bc"), []byte("ab\x00c"), true, true)
	f.Add([]byte("a\x00b"), []byte("a\x00b"), true, false)
	f.Add([]byte("\x00\x01\x00\x01a\x00\x01b"), []byte("a\x00b"), false, true)
	f.Add([]byte(""), []byte(""), true, false)
	f.Add([]byte("k\x00"), []byte("k"), true, true)
	f.Fuzz(func(t *testing.T, a, b []byte, aMap, bMap bool) {
		ca, cb := contextOf(a, aMap), contextOf(b, bMap)
		ea, err1 := ca.Append(nil)
		eb, err2 := cb.Append(nil)
		for _, err := range []error{err1, err2} {
			if err != nil && !errors.Is(err, ErrContext) {
				t.Fatal(err)
			}
		}
		if err1 == nil && cb.encodedAs(ea) != (err2 == nil && same(ca, cb)) {
			t.Fatalf("%v is taken for %v", cb, ca)
		}
		if err1 != nil || err2 != nil {
			return
		}
		if bytes.Equal(ea, eb) != same(ca, cb) {
			t.Fatalf("%v and %v: %x and %x", ca, cb, ea, eb)
		}
		back, err := decode(ea)
		if err != nil || !same(back, ca) {
			t.Fatalf("%v: %x decodes to %v, %v", ca, ea, back, err)
		}
	})
}

// contextOf takes b as raw bytes, or as keys and values between NULs.
func contextOf(b []byte, isMap bool) Context {
	if !isMap {
		return Context{Raw: b}
	}
	m := map[string]string{}
	for pair := range slices.Chunk(strings.Split(string(b), "\x00"), 2) {
		if len(pair) == 2 {
			m[pair[0]] = pair[1]
		}
	}
	return Context{Map: m}
}

// Opening never panics, whatever a map's order and size.
func TestContextOrder(t *testing.T) {
	k := newKey(t, AES256, Data)
	for n := range 20 {
		m := map[string]string{}
		for range n {
			m[fmt.Sprint(mrand.Uint32())] = fmt.Sprint(mrand.Uint32())
		}
		e := seal(t, k, []byte("x"), Context{Map: m})
		for range 10 {
			if _, err := k.Open(nil, e, Context{Map: maps.Clone(m)}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
