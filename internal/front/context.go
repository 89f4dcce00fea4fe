package front

import (
	"unicode/utf8"

	"github.com/embedkms/kms"
)

// Context reads an encryption context of at most so many characters as JSON, nil
// if it is not there or empty. It is an object with text only, or the JSON of one.
func (p *Params) Context(name string, most int) kms.AAD {
	object, ok := p.object(name, most)
	if !ok {
		return nil
	}
	return p.pairs(name, object, Invalid)
}

// ContextObject reads an encryption context as Context does, but only where it is
// an object, and of any size. A value that is not text is of the wrong type.
func (p *Params) ContextObject(name string) kms.AAD {
	object, ok := p.values[name].(map[string]any)
	if !ok && p.Has(name) {
		p.fail(name, Mistyped)
	}
	return p.pairs(name, object, Mistyped)
}

// pairs makes a context of an object. What is not text in it is the problem given.
func (p *Params) pairs(name string, object map[string]any, problem Problem) kms.AAD {
	if len(object) == 0 {
		return nil
	}
	c := make(kms.EncryptionContext, len(object))
	for k, v := range object {
		text, ok := v.(string)
		if !ok {
			p.fail(name, problem)
		}
		c[k] = text
	}
	return c
}

// object reads an object, or the JSON of one.
func (p *Params) object(name string, most int) (map[string]any, bool) {
	switch v := p.values[name].(type) {
	case nil:
		return nil, false
	case map[string]any:
		text, err := encode(v)
		if err != nil || utf8.RuneCount(text) > most {
			p.fail(name, Invalid)
		}
		return v, p.err == nil
	case string:
		object, err := parseObject([]byte(v))
		if err != nil || utf8.RuneCountInString(v) > most {
			p.fail(name, Invalid)
		}
		return object, p.err == nil
	}
	p.fail(name, Mistyped)
	return nil, false
}
