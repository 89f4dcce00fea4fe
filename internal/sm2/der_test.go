package sm2_test

import (
	"slices"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// tlv returns an element of DER.
func tlv(tag byte, content ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.Tag(tag), func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(content...)) })
	return b.BytesOrPanic()
}

// A node is an element of DER, with what is nested in it.
type node struct {
	tag     byte
	content []byte
	nested  []*node
}

// readDER returns the elements of b. An OCTET STRING is looked into if octets
// is set.
func readDER(t *testing.T, b []byte, octets bool) (nodes []*node) {
	s := cryptobyte.String(b)
	for !s.Empty() {
		var content cryptobyte.String
		var tag asn1.Tag
		if !s.ReadAnyASN1(&content, &tag) {
			t.Fatalf("%x is not DER", b)
		}
		n := &node{tag: byte(tag), content: content}
		if tag&0x20 != 0 || octets && tag == asn1.OCTET_STRING && content[0] == 0x30 {
			n.nested = readDER(t, content, false)
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// A form is a way to write an element.
type form func(tag byte, content []byte) []byte

// write returns nodes as DER, but at in another form.
func write(nodes []*node, at *node, as form) (out []byte) {
	for _, n := range nodes {
		content := n.content
		if n.nested != nil {
			content = write(n.nested, at, as)
		}
		if n == at {
			out = append(out, as(n.tag, content)...)
		} else {
			out = append(out, tlv(n.tag, content)...)
		}
	}
	return out
}

func each(nodes []*node, visit func(*node)) {
	for _, n := range nodes {
		visit(n)
		each(n.nested, visit)
	}
}

// wrongForms are all BER that is not DER, or not the element that was there.
var wrongForms = map[string]form{
	"long length": func(tag byte, b []byte) []byte {
		if len(b) < 0x80 {
			return slices.Concat([]byte{tag, 0x81, byte(len(b))}, b)
		}
		return slices.Concat([]byte{tag, 0x83, 0, byte(len(b) >> 8), byte(len(b))}, b)
	},
	"indefinite": func(tag byte, b []byte) []byte { return slices.Concat([]byte{tag, 0x80}, b, []byte{0, 0}) },
	"huge":       func(tag byte, b []byte) []byte { return append([]byte{tag, 0x84, 0xff, 0xff, 0xff, 0xff}, b...) },
	"overlong":   func(tag byte, b []byte) []byte { return append([]byte{tag, 0x88, 1, 0, 0, 0, 0, 0, 0, 0}, b...) },
	"other tag":  func(tag byte, b []byte) []byte { return tlv(tag^1, b) },
	"primitive":  func(tag byte, b []byte) []byte { return tlv(tag^0x20, b) },
	"private":    func(tag byte, b []byte) []byte { return tlv(tag^0x40, b) },
	"high tag":   func(tag byte, b []byte) []byte { return append([]byte{tag | 0x1f, tag & 0x1f, byte(len(b))}, b...) },
	"empty":      func(tag byte, _ []byte) []byte { return []byte{tag, 0} },
	"tag only":   func(tag byte, _ []byte) []byte { return []byte{tag} },
	"twice":      func(tag byte, b []byte) []byte { return slices.Concat(tlv(tag, b), tlv(tag, b)) },
	"NULL after": func(tag byte, b []byte) []byte { return append(tlv(tag, b), 5, 0) },
	"NULL before": func(tag byte, b []byte) []byte {
		return append([]byte{5, 0}, tlv(tag, b)...)
	},
}

// strictDER fails the test unless accepts takes der, and nothing that differs
// from it in the form of an element, or ends before or after it. Where octets
// is set, an OCTET STRING holds another element.
func strictDER(t *testing.T, der []byte, octets bool, accepts func([]byte) bool) {
	t.Helper()
	if !accepts(der) {
		t.Errorf("%x is refused", der)
	}
	nodes := readDER(t, der, octets)
	each(nodes, func(at *node) {
		for name, as := range wrongForms {
			if wrong := write(nodes, at, as); accepts(wrong) {
				t.Errorf("%s of element %02x: %x is accepted", name, at.tag, wrong)
			}
		}
	})
	for n := range der {
		if accepts(der[:n]) {
			t.Errorf("the first %d bytes are accepted", n)
		}
	}
	for _, b := range []byte{0, 5, 0x30} {
		if accepts(append(slices.Clone(der), b)) {
			t.Errorf("a trailing %02x is accepted", b)
		}
	}
}
