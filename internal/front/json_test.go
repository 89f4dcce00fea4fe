package front

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseJSON(t *testing.T) {
	for _, c := range []struct {
		text string
		want any
	}{
		{`{}`, map[string]any{}},
		{` {"a":"b","c":1.50,"d":true,"e":null,"f":["x",{}]} `, map[string]any{
			"a": "b", "c": json.Number("1.50"), "d": true, "e": nil, "f": []any{"x", map[string]any{}},
		}},
		{`{"a":"\ud83d\ude00 \\ud83d \u00e4 \ufffd"}`, map[string]any{"a": "😀 \\ud83d ä \ufffd"}},
		{`{"":"<&>"}`, map[string]any{"": "<&>"}},
		{`"text"`, "text"},
		{`[]`, []any{}},
		{`{"a":{"a":{"a":"b"}}}`, map[string]any{"a": map[string]any{"a": map[string]any{"a": "b"}}}},
	} {
		got, err := parseJSON([]byte(c.text))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, %v", c.text, got, err)
		}
	}
}

// What two readers may understand differently is refused.
func TestParseJSONStrictly(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                  ``,
		"only space":               ` `,
		"two names":                `{"a":"1","a":"2"}`,
		"two names, one escaped":   `{"a":"1","\u0061":"2"}`,
		"two names deep":           `{"x":[{"a":"1","a":"2"}]}`,
		"not UTF-8":                "{\"a\":\"\xff\"}",
		"name is not UTF-8":        "{\"\xc3\":\"\"}",
		"first half of a pair":     `{"a":"\ud83d"}`,
		"first half, then text":    `{"a":"\ud83dxude00"}`,
		"two first halves":         `{"a":"\ud83d\ud83d"}`,
		"second half":              `{"a":"\ude00"}`,
		"half after a backslash":   `{"a":"\\\ude00"}`,
		"something behind":         `{} {}`,
		"a comma behind":           `{"a":"b",}`,
		"not closed":               `{"a":"b"`,
		"closed twice":             `{"a":"b"}}`,
		"no quotes":                `{a:"b"}`,
		"single quotes":            `{'a':'b'}`,
		"a number with zeros":      `{"a":01}`,
		"not a number":             `{"a":NaN}`,
		"control character":        "{\"a\":\"\x01\"}",
		"a mark of the byte order": "\ufeff{}",
		"a comment":                `{/**/}`,
		"too deep":                 strings.Repeat(`{"a":`, 9) + `1` + strings.Repeat(`}`, 9),
		"far too deep":             strings.Repeat(`[`, 100_000),
	} {
		if got, err := parseJSON([]byte(text)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, text := range []string{`[]`, `"a"`, `null`, `1`} {
		if got, err := parseObject([]byte(text)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%s as an object: %v, %v", text, got, err)
		}
	}
}

// What is read and written again is the same for every reader.
func FuzzParseJSON(f *testing.F) {
	for _, text := range []string{
		`{"a":"b","c":[1,true,null]}`, `{"a":"\ud83d\ude00"}`, `{"a":"\ud83d"}`, `{"a":1,"a":2}`, `\\u`, `"\u`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := parseJSON(text)
		if err != nil {
			if err != ErrSyntax {
				t.Fatal(err)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q was read", text)
		}
		written, err := encode(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseJSON(written)
		if err != nil || !reflect.DeepEqual(v, again) {
			t.Fatalf("%q became %q: %v", text, written, err)
		}
	})
}
