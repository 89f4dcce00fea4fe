package suite

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// boundContexts are contexts of which each is told from every other, among them
// those that differ in one byte, or only in where one string ends.
func boundContexts() []Context {
	pairs := func(s ...string) Context {
		m := map[string]string{}
		for i := 0; i < len(s); i += 2 {
			m[s[i]] = s[i+1]
		}
		return Context{Map: m}
	}
	many := map[string]string{}
	for _, c := range "abcdefghijklmnop" {
		many[string(c)] = strings.Repeat(string(c), 8)
	}
	mapBytes, _ := pairs("a", "b").Append(nil)
	return []Context{
		{}, {Raw: []byte{0}}, {Raw: mapBytes}, {Raw: mapBytes[1:]},
		pairs("a", "b"), pairs("a", "c"), pairs("b", "b"), pairs("a", ""), pairs("ab", "c"), pairs("a", "bc"),
		pairs("a", "b", "c", "d"), pairs("a", "b", "c", "e"), pairs("a", "b", "d", "d"), pairs("a", "b", "cd", ""),
		{Map: many}, pairs("k", strings.Repeat("v", maxKeptContext)),
		pairs("k", strings.Repeat("v", 96)), pairs("k", strings.Repeat("v", 97)), // the longest that an opened keeps, and one more
		pairs("", "v"), pairs("a", "\xff"), pairs("\xff", "b"), pairs("a", "b", "", "d"), // errors
		pairs("k", strings.Repeat("v", MaxContextMap)), {Raw: make([]byte, MaxContextRaw+1)},
	}
}

func TestEncodedAs(t *testing.T) {
	for i, a := range boundContexts() {
		b, err := a.Append(nil)
		if err != nil {
			continue
		}
		for j, c := range boundContexts() {
			if c.encodedAs(b) != (i == j) {
				t.Errorf("%v is taken for %v: %v", c, a, i != j)
			}
			if c.encodedAs(nil) {
				t.Errorf("%v is taken for what was never encoded", c)
			}
		}
	}
}

// Whatever was bound before, errors too, what is bound next is as if it were the
// first.
func TestBoundTo(t *testing.T) {
	b, contexts := newBoundTo(), boundContexts()
	head := []byte(strings.Repeat("h", offN2))
	copy(b.aad, head)
	for range 10_000 {
		c := contexts[rand.N(len(contexts))]
		want, wantErr := c.Append(head[:offN2:offN2])
		got, err := b.with(c)
		if string(got) != string(want) || (err == nil) != (wantErr == nil) || err != nil && !errors.Is(err, ErrContext) {
			t.Fatalf("%v: %x, %v, want %x, %v", c, got, err, want, wantErr)
		}
		if cap(b.aad) > 2*maxKeptContext {
			t.Fatalf("a buffer of %d bytes is kept", cap(b.aad))
		}
	}
}

// What a context costs: to encode it, to find that it is the last one, and to put
// other values of the same length in the place of that one's.
func BenchmarkContext(b *testing.B) {
	of := func(env string) Context { return Context{Map: map[string]string{"env": env, "service": "orders"}} }
	one, other := of("prod"), of("test")
	buf := newBoundTo()
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			one.Append(buf.aad)
		}
	})
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			buf.with(one)
		}
	})
	b.Run("other values", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			buf.with([]Context{one, other}[i%2])
		}
	})
}

// Messages of one session open under their own contexts and no other, in any
// order.
func TestSessionOfManyContexts(t *testing.T) {
	for _, id := range suites {
		k := newKey(t, id, Data)
		s := k.session(0)
		var contexts []Context
		var messages []Envelope
		for _, c := range boundContexts() {
			if _, err := c.Append(nil); err != nil {
				continue
			}
			k.sealing.Put(s) // which a pool may lose: then there are more sessions than one
			contexts, messages = append(contexts, c), append(messages, seal(t, k, []byte("x"), c))
		}
		for range 1000 {
			i, j := rand.N(len(contexts)), rand.N(len(contexts))
			out, err := k.Open(nil, messages[i], contexts[j])
			if i == j && (err != nil || string(out) != "x") || i != j && (err != ErrInvalid || out != nil) {
				t.Fatalf("bound to %v, opened with %v: %q, %v", contexts[i], contexts[j], out, err)
			}
		}
	}
}

// What is remembered of a session is shown to many at a time: it is never written
// again, not even for values as long as those it has. And it is short.
func TestOpened(t *testing.T) {
	r := reference{AES256, Data, testID, 1, count(32)}
	pair := func(value string) Context { return Context{Map: map[string]string{"k": value}} }
	long := strings.Repeat("v", len(opened{}.bound))
	for first, kept := range map[string]bool{"a": true, long: false} {
		k := newKey(t, AES256, Data)
		open := func(c Context, n2 byte) Envelope {
			b, err := c.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			e := Envelope(r.seal(append(make([]byte, 23), n2), []byte("x"), b))
			if out, err := k.Open(nil, e, c); err != nil || string(out) != "x" {
				t.Fatalf("%v: %q, %v", c, out, err)
			}
			return e
		}
		open(pair(first), 0)
		e := open(pair(first), 0)
		o := k.opened.Load().lookup(e.n1())
		if (o.size > 0) != kept {
			t.Errorf("%d bytes are kept of a context of %d", o.size, len(first))
		}
		before := *o
		for i, c := range []Context{pair("b"), pair(long[1:] + "w"), {}, {Raw: []byte("a")}} {
			open(c, byte(i+1))
		}
		if o.unbound != before.unbound || o.bound != before.bound || o.size != before.size {
			t.Error("what is remembered has changed")
		}
	}
}
