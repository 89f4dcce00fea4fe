package front

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/embedkms/kms"
)

// read returns what a reader of parameters reads from JSON.
func read[T any](t *testing.T, text string, read func(*Params) T) (T, error) {
	t.Helper()
	p, err := ParseJSON([]byte(text), false)
	must(t, err)
	v := read(p)
	return v, p.Err()
}

func TestParams(t *testing.T) {
	for _, c := range []struct {
		name string
		read func(*Params) any
		good map[string]any     // by the JSON of the parameter
		bad  map[string]Problem // likewise
	}{
		{
			"text", func(p *Params) any { return p.Text("x", Size(1, 3)) },
			map[string]any{`"a"`: "a", `"abc"`: "abc"},
			map[string]Problem{
				`null`: Missing, `""`: Invalid, `"abcd"`: Invalid, `"äö"`: Invalid, `1`: Mistyped, `{}`: Mistyped, `["a"]`: Mistyped,
			},
		},
		{
			"optional text", func(p *Params) any { return p.OptText("x", "none", Chars(1, 3)) },
			map[string]any{`null`: "none", `"äöü"`: "äöü"},
			map[string]Problem{`""`: Invalid, `"abcd"`: Invalid, `true`: Mistyped},
		},
		{
			"pattern", func(p *Params) any { return p.Text("x", Pattern("a|b")) },
			map[string]any{`"a"`: "a", `"b"`: "b"},
			map[string]Problem{`"ab"`: Invalid, `"a\n"`: Invalid, `"\na"`: Invalid, `"c"`: Invalid},
		},
		{
			"word", func(p *Params) any { return p.Text("x", OneOf("RAW", "DIGEST")) },
			map[string]any{`"RAW"`: "RAW"},
			map[string]Problem{`"raw"`: Invalid, `""`: Invalid},
		},
		{
			"number", func(p *Params) any { return p.Int("x", 7, 30) },
			map[string]any{`7`: int64(7), `30`: int64(30)},
			map[string]Problem{
				`null`: Missing, `6`: Invalid, `31`: Invalid, `-7`: Invalid, `99999999999999999999`: Invalid,
				`7.0`: Mistyped, `1e1`: Mistyped, `"7"`: Mistyped, `true`: Mistyped,
			},
		},
		{
			"optional number", func(p *Params) any { return p.OptInt("x", 32, 1, 64) },
			map[string]any{`null`: int64(32), `1`: int64(1)},
			map[string]Problem{`0`: Invalid, `{}`: Mistyped},
		},
		{
			"number that need not be whole", func(p *Params) any { return p.OptNumber("x") },
			map[string]any{`null`: 0.0, `7`: 7.0, `-1.5`: -1.5, `1e3`: 1000.0},
			map[string]Problem{`1e300`: Invalid, `1e999`: Invalid, `"7"`: Mistyped, `true`: Mistyped},
		},
		{
			"context as an object", func(p *Params) any { return fmt.Sprint(p.ContextObject("x")) },
			map[string]any{`null`: "<nil>", `{}`: "<nil>", `{"a":"b"}`: "map[a:b]"},
			map[string]Problem{
				`"{}"`: Mistyped, `[]`: Mistyped, `{"a":1}`: Mistyped, `{"a":null}`: Mistyped,
			},
		},
		{
			"truth", func(p *Params) any { return p.Bool("x") },
			map[string]any{`null`: false, `true`: true, `false`: false},
			map[string]Problem{`"true"`: Mistyped, `1`: Mistyped},
		},
		{
			"base64", func(p *Params) any { return string(p.Base64("x", 1, 3)) },
			map[string]any{`"YQ=="`: "a", `"YWJj"`: "abc"},
			map[string]Problem{
				`null`: Missing, `""`: Invalid, `"YWJjZA=="`: Invalid, `"YQ"`: Invalid, `"YR=="`: Invalid,
				`"YQ=="`[:5] + `\n="`: Invalid, `"Y-_="`: Invalid, `1`: Mistyped,
			},
		},
		{
			"hex", func(p *Params) any { return string(p.Hex("x", 1, 2)) },
			map[string]any{`"61"`: "a", `"4A4b"`: "JK"},
			map[string]Problem{`""`: Invalid, `"6"`: Invalid, `"616161"`: Invalid, `"zz"`: Invalid, `"6 1"`: Invalid},
		},
		{
			"texts", func(p *Params) any { return strings.Join(p.Texts("x", 2, Size(1, 3)), "|") },
			map[string]any{`null`: "", `[]`: "", `["a","b"]`: "a|b"},
			map[string]Problem{`"a"`: Mistyped, `["a","b","c"]`: Invalid, `[1]`: Mistyped, `[""]`: Invalid, `[null]`: Mistyped},
		},
		{
			"context", func(p *Params) any { return fmt.Sprint(p.Context("x", 12)) },
			map[string]any{`null`: "<nil>", `{}`: "<nil>", `{"a":"b"}`: "map[a:b]", `"{\"a\":\"b\"}"`: "map[a:b]", `"{}"`: "<nil>"},
			map[string]Problem{
				`{"a":1}`: Invalid, `{"a":null}`: Invalid, `{"a":{}}`: Invalid, `[]`: Mistyped, `1`: Mistyped, `""`: Invalid,
				`"[]"`: Invalid, `"{\"a\":\"b\",\"a\":\"b\"}"`: Invalid, `{"a":"1234567"}`: Invalid, `"{\"a\":\"b\"}     "`: Invalid,
			},
		},
		{
			"tags", func(p *Params) any { return fmt.Sprint(p.Tags("x", 2, "k", "v")) },
			map[string]any{`null`: "map[]", `[{"k":"a","v":"b"},{"k":"c"}]`: "map[a:b c:]"},
			map[string]Problem{
				`{}`: Mistyped, `["a"]`: Mistyped, `[{"v":"b"}]`: Invalid, `[{"k":1}]`: Invalid, `[{"k":"a","v":1}]`: Invalid,
				`[{"k":"a"},{"k":"a"}]`: Invalid, `[{"k":"a"},{"k":"b"},{"k":"c"}]`: Invalid,
			},
		},
	} {
		for text, want := range c.good {
			if got, err := read(t, `{"x":`+text+`}`, c.read); err != nil || got != want {
				t.Errorf("%s %s: %v, %v", c.name, text, got, err)
			}
		}
		for text, want := range c.bad {
			_, err := read(t, `{"x":`+text+`}`, c.read)
			if e, ok := errors.AsType[*ParamError](err); !ok || *e != (ParamError{"x", want}) {
				t.Errorf("%s %s: %v", c.name, text, err)
			}
		}
	}
}

// The first error stays, whatever is read behind it.
func TestFirstError(t *testing.T) {
	p, err := ParseJSON([]byte(`{"a":1,"b":"YQ=="}`), false)
	must(t, err)
	p.Text("a", Any)
	p.Text("c", Any)
	if b := p.Base64("b", 1, 1); b != nil {
		t.Errorf("%q was read behind an error", b)
	}
	p.Refuse("b")
	if want := (&ParamError{"a", Mistyped}); !reflect.DeepEqual(p.Err(), want) {
		t.Errorf("%v, want %v", p.Err(), want)
	}
}

func TestRefuse(t *testing.T) {
	p, err := ParseJSON([]byte(`{"a":null,"b":""}`), false)
	must(t, err)
	p.Refuse("a", "c")
	must(t, p.Err())
	p.Refuse("b")
	if want := (&ParamError{"b", Unsupported}); !reflect.DeepEqual(p.Err(), want) {
		t.Errorf("%v, want %v", p.Err(), want)
	}
}

// In a query everything is text.
func TestFlatParams(t *testing.T) {
	p := FlatParams(map[string]string{
		"n": "12", "yes": "true", "ids.0": "a", "ids.1": "b", "ids.3": "d", "from1.1": "x", "c": `{"k":"v"}`,
		"tags.1.k": "a", "tags.1.v": "b", "tags.2.k": "c", "json": `[{"k":"a","v":"b"}]`,
	})
	for _, c := range []struct{ got, want any }{
		{p.Int("n", 1, 20), int64(12)},
		{p.Bool("yes"), true},
		{p.Texts("ids", 5, Any), []string{"a", "b"}},
		{p.Texts("from1", 5, Any), []string{"x"}},
		{p.Texts("none", 5, Any), []string(nil)},
		{p.Context("c", 100), kms.EncryptionContext{"k": "v"}},
		{p.Tags("tags", 2, "k", "v"), map[string]string{"a": "b", "c": ""}},
		{p.Tags("json", 2, "k", "v"), map[string]string{"a": "b"}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
	must(t, p.Err())
	for name, read := range map[string]func(*Params){
		"not a number":    func(p *Params) { p.Int("x", 0, 9) },
		"not a truth":     func(p *Params) { p.Bool("x") },
		"too many texts":  func(p *Params) { p.Texts("l", 1, Any) },
		"too many tags":   func(p *Params) { p.Tags("t", 1, "k", "v") },
		"tags not JSON":   func(p *Params) { p.Tags("x", 1, "k", "v") },
		"context no JSON": func(p *Params) { p.Context("x", 9) },
		"signed number":   func(p *Params) { p.Int("plus", 0, 9) },
	} {
		p := FlatParams(map[string]string{
			"x": "+", "plus": "+1", "l.0": "a", "l.1": "b", "t.0.k": "a", "t.1.k": "b",
		})
		if read(p); p.Err() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// No reading of arbitrary parameters panics, and what is read keeps the limits.
func FuzzParams(f *testing.F) {
	f.Add([]byte(`{"x":"YQ=="}`), true)
	f.Add([]byte(`{"x":[{"k":"a"}],"x.0":"b"}`), false)
	f.Add([]byte(`{"x":-9223372036854775809}`), true)
	f.Fuzz(func(t *testing.T, text []byte, textual bool) {
		for _, flat := range []bool{false, true} {
			reads := []func(*Params) bool{
				func(p *Params) bool { return len(p.Text("x", Size(1, 3))) <= 3 },
				func(p *Params) bool { n := p.Int("x", -3, 3); return -3 <= n && n <= 3 },
				func(p *Params) bool { p.Bool("x"); return true },
				func(p *Params) bool { return len(p.OptBase64("x", 0, 3)) <= 3 },
				func(p *Params) bool { return len(p.Hex("x", 0, 3)) <= 3 },
				func(p *Params) bool { return len(p.Texts("x", 2, Any)) <= 2 },
				func(p *Params) bool { return len(p.Tags("x", 2, "k", "v")) <= 2 },
				func(p *Params) bool { p.Context("x", 20); return true },
			}
			for i, read := range reads {
				p, err := ParseJSON(bytes.Clone(text), textual)
				if err != nil {
					return
				}
				p.flat = flat
				if ok := read(p); !ok && p.Err() == nil {
					t.Fatalf("reader %d takes %q", i, text)
				}
			}
		}
	})
}
