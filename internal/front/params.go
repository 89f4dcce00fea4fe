package front

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Problem is what may be wrong with a parameter.
type Problem int

const (
	Missing     Problem = iota // and compulsory
	Mistyped                   // text where a number must be, or the like
	Invalid                    // out of its limits, or of another form
	Unsupported                // it has a meaning that is not available here
)

// A ParamError says that a parameter is not as it must be.
type ParamError struct {
	Name    string // of the parameter; never what was sent
	Problem Problem
}

func (e *ParamError) Error() string {
	return "parameter " + e.Name + " is " +
		[...]string{"missing", "of the wrong type", "invalid", "not supported"}[e.Problem]
}

// Params are the parameters of a request. Its methods read one each, and remember
// the first that is not as it must be, which Err returns: read all, then look. A
// parameter that is null counts as absent. What the methods return after an error
// is of no use.
type Params struct {
	values map[string]any

	// textual has it that numbers and truth values may be text.
	textual bool

	// flat has it that all values are text, lists are Name.0, Name.1, …, and what
	// else has a structure is JSON.
	flat bool

	err error
}

// ParseJSON reads parameters from a JSON object, strictly: see ErrSyntax. An empty
// body is an empty object. If textual, numbers and truth values may also be text.
func ParseJSON(body []byte, textual bool) (*Params, error) {
	if len(body) == 0 {
		return &Params{textual: textual}, nil
	}
	values, err := parseObject(body)
	if err != nil {
		return nil, err
	}
	return &Params{values: values, textual: textual}, nil
}

// FlatParams are parameters by name that are all text, of a query or a form.
func FlatParams(values map[string]string) *Params {
	p := &Params{values: make(map[string]any, len(values)), textual: true, flat: true}
	for name, v := range values {
		p.values[name] = v
	}
	return p
}

// Err returns the first error: a *ParamError.
func (p *Params) Err() error { return p.err }

// fail remembers an error.
func (p *Params) fail(name string, problem Problem) {
	if p.err == nil {
		p.err = &ParamError{name, problem}
	}
}

// Fail says that a parameter is not as it must be, which the caller found out.
func (p *Params) Fail(name string, problem Problem) { p.fail(name, problem) }

// Has reports whether a parameter is there.
func (p *Params) Has(name string) bool { return p.values[name] != nil }

// Refuse fails if a parameter is there that has a meaning, but none here.
func (p *Params) Refuse(names ...string) {
	for _, name := range names {
		if p.Has(name) {
			p.fail(name, Unsupported)
		}
	}
}

// A Rule says what text a parameter may have.
type Rule func(string) bool

// Any is the rule of any text.
func Any(string) bool { return true }

// Size is the rule of text of least to most bytes.
func Size(least, most int) Rule {
	return func(s string) bool { return least <= len(s) && len(s) <= most }
}

// Chars is the rule of text of least to most characters.
func Chars(least, most int) Rule {
	return func(s string) bool {
		n := utf8.RuneCountInString(s)
		return least <= n && n <= most
	}
}

// Pattern is the rule of text that matches a regular expression as a whole.
func Pattern(expr string) Rule { return regexp.MustCompile(`\A(?:` + expr + `)\z`).MatchString }

// OneOf is the rule of a few words.
func OneOf(words ...string) Rule {
	return func(s string) bool {
		for _, word := range words {
			if s == word {
				return true
			}
		}
		return false
	}
}

// Text reads text that must be there.
func (p *Params) Text(name string, rule Rule) string {
	if !p.Has(name) {
		p.fail(name, Missing)
		return ""
	}
	return p.OptText(name, "", rule)
}

// OptText reads text, absent if it is not there.
func (p *Params) OptText(name, absent string, rule Rule) string {
	v, ok := p.values[name]
	if !ok || v == nil {
		return absent
	}
	s, ok := v.(string)
	if !ok {
		p.fail(name, Mistyped)
		return ""
	}
	if !rule(s) {
		p.fail(name, Invalid)
	}
	return s
}

// Int reads a whole number that must be there, from least to most.
func (p *Params) Int(name string, least, most int64) int64 {
	if !p.Has(name) {
		p.fail(name, Missing)
		return least
	}
	return p.OptInt(name, least, least, most)
}

// OptInt reads a whole number, absent if it is not there.
func (p *Params) OptInt(name string, absent, least, most int64) int64 {
	var digits string
	switch v := p.values[name].(type) {
	case nil:
		return absent
	case json.Number:
		digits = string(v)
	case string:
		digits = v
		if !p.textual {
			p.fail(name, Mistyped)
		}
	default:
		p.fail(name, Mistyped)
		return least
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil && !isWhole(digits), strings.HasPrefix(digits, "+"):
		p.fail(name, Mistyped)
		return least
	case err != nil || n < least || n > most:
		p.fail(name, Invalid)
		return least
	}
	return n
}

var isWhole = Pattern(`-?[0-9]+`)

// OptNumber reads a number that need not be whole, of at most 2^53 either way, 0 if
// it is not there.
func (p *Params) OptNumber(name string) float64 {
	switch v := p.values[name].(type) {
	case nil:
		return 0
	case json.Number:
		n, err := v.Float64()
		if err != nil || math.Abs(n) > 1<<53 {
			p.fail(name, Invalid)
		}
		return n
	}
	p.fail(name, Mistyped)
	return 0
}

// Bool reads a truth value, false if it is not there.
func (p *Params) Bool(name string) bool {
	switch v := p.values[name].(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		if p.textual && (v == "true" || v == "false") {
			return v == "true"
		}
	}
	p.fail(name, Mistyped)
	return false
}

// Base64 reads bytes that must be there, in standard base64 (RFC 4648) of least to
// most bytes.
func (p *Params) Base64(name string, least, most int) []byte {
	return p.decode(name, least, most, func(s string) ([]byte, error) {
		if strings.ContainsAny(s, "\r\n") {
			return nil, base64.CorruptInputError(0) // which DecodeString would pass over
		}
		return base64.StdEncoding.Strict().DecodeString(s)
	})
}

// OptBase64 reads bytes as Base64 does, nil if they are not there.
func (p *Params) OptBase64(name string, least, most int) []byte {
	if !p.Has(name) {
		return nil
	}
	return p.Base64(name, least, most)
}

// Hex reads bytes that must be there, in hexadecimal of either case.
func (p *Params) Hex(name string, least, most int) []byte {
	return p.decode(name, least, most, hex.DecodeString)
}

func (p *Params) decode(name string, least, most int, decode func(string) ([]byte, error)) []byte {
	s := p.Text(name, Any)
	if p.err != nil {
		return nil
	}
	b, err := decode(s)
	if err != nil || len(b) < least || len(b) > most {
		clear(b)
		p.fail(name, Invalid)
		return nil
	}
	return b
}
