package main

import (
	"crypto/rand"

	"github.com/embedkms/kms"
)

// A subject is one way to encrypt a few bytes under a key that is at hand.
type subject struct {
	name   string
	module string // whose version counts; empty for the standard library
	class  class
	make   func() (box, error)
	has    traits
	most   int  // bytes of the largest plaintext, 0 for no limit that matters here
	single bool // its key serves one goroutine at a time
	note   string
}

// A class is what subjects are compared as.
type class string

const (
	primitive class = "primitive" // a cipher and a key, with nothing around them
	ours      class = "kms"       // this library
	library   class = "library"   // what else a program could embed
)

// traits are what a ciphertext of a subject is good for. The zero value has none.
type traits struct {
	commits  bool   // no two keys open it
	context  string // what it is bound to: "pairs", "bytes" or nothing
	key      string // how it names its key; empty for not at all
	version  string // how it names the version of the key; likewise
	messages string // how many one key may seal
}

// A binding is the context of a ciphertext, in the forms that subjects take it in.
// They are made once, in favour of those that take bytes: with them, a caller who
// has a map would have to encode it for every call.
type binding struct {
	pairs   kms.EncryptionContext
	encoded []byte // as docs/envelope.md encodes pairs
	padded  []byte // encoded, behind as many bytes as the envelope authenticates
}

// headerBytes are those before the context that an envelope authenticates.
const headerBytes = 67

// newBinding returns the binding of a few short names and values, the names in
// ascending order.
func newBinding(pairs ...string) *binding {
	b := &binding{encoded: []byte{0}}
	if len(pairs) > 0 {
		b.pairs, b.encoded = kms.EncryptionContext{}, []byte{1, 0, byte(len(pairs) / 2)}
	}
	for i, s := range pairs {
		if i%2 == 0 {
			b.pairs[s] = pairs[i+1]
		}
		b.encoded = append(append(b.encoded, 0, byte(len(s))), s...)
	}
	b.padded = append(make([]byte, headerBytes), b.encoded...)
	return b
}

var (
	bound   = newBinding("env", "prod", "service", "orders") // what nearly everything is bound to
	other   = newBinding("env", "test", "service", "orders") // what nothing is
	unbound = newBinding()
)

// A box is a subject with a key. What it returns is in dst if it can be, and
// else allocated. It is safe for concurrent use unless its subject is single.
type box interface {
	seal(dst, plaintext []byte, b *binding) ([]byte, error)
	open(dst, ciphertext []byte, b *binding) ([]byte, error)
}

// A dataKeyBox has data keys of its own, which it makes and wraps in one call.
type dataKeyBox interface {
	generate(b *binding) (ciphertext []byte, err error)
	unwrap(ciphertext []byte, b *binding) error
}

const dataKeySize = 32

// dataKeys returns the data keys of a box. Without its own they are what its
// caller does: draw 32 bytes, seal them, and open them.
func dataKeys(b box) dataKeyBox {
	if d, ok := b.(dataKeyBox); ok {
		return d
	}
	return drawn{b}
}

type drawn struct{ box }

func (d drawn) generate(b *binding) ([]byte, error) {
	key := make([]byte, dataKeySize)
	rand.Read(key)
	return d.seal(nil, key, b)
}

func (d drawn) unwrap(ciphertext []byte, b *binding) error {
	_, err := d.open(nil, ciphertext, b)
	return err
}

// random returns n bytes, such as a key.
func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
