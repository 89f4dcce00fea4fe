package front

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrSyntax says that JSON, a query or a form is not as it must be here.
var ErrSyntax = errors.New("parameters are malformed")

const maxDepth = 8 // of nested objects and lists: more than any operation has

// parseJSON reads JSON (RFC 8259) into strings, json.Numbers, bools, nil, []any and
// map[string]any. What readers may understand differently is ErrSyntax: two members
// of one name, and text that is not UTF-8 or has half a surrogate pair, which
// [json.Decoder] would quietly change.
func parseJSON(text []byte) (any, error) {
	if !utf8.Valid(text) || hasLoneSurrogate(text) {
		return nil, ErrSyntax
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := parseValue(d, maxDepth)
	if err != nil {
		return nil, ErrSyntax
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, ErrSyntax
	}
	return v, nil
}

// parseObject reads a JSON object.
func parseObject(text []byte) (map[string]any, error) {
	v, err := parseJSON(text)
	object, ok := v.(map[string]any)
	if err != nil || !ok {
		return nil, ErrSyntax
	}
	return object, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil || depth == 0 {
		return nil, ErrSyntax
	}
	switch t {
	case json.Delim('{'):
		return parseMembers(d, depth)
	case json.Delim('['):
		return parseItems(d, depth)
	}
	return t, nil
}

func parseMembers(d *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, ErrSyntax
		}
		text, _ := name.(string) // or the decoder would have refused it
		if _, twice := object[text]; twice {
			return nil, ErrSyntax
		}
		if object[text], err = parseValue(d, depth-1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

func parseItems(d *json.Decoder, depth int) (any, error) {
	items := []any{}
	for d.More() {
		v, err := parseValue(d, depth-1)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	_, err := d.Token()
	return items, err
}

// hasLoneSurrogate reports whether a \uXXXX escape in a JSON text is half of a
// UTF-16 pair without the other half.
func hasLoneSurrogate(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return false
		}
		text = text[i:]
		first, ok := escaped(text)
		if !ok || !utf16.IsSurrogate(first) {
			text = text[min(2, len(text)):] // an escaped backslash included
			continue
		}
		second, ok := escaped(text[6:])
		if !ok || utf16.DecodeRune(first, second) == utf8.RuneError {
			return true
		}
		text = text[12:]
	}
}

// escaped returns the rune of the \uXXXX that text starts with.
func escaped(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n), err == nil
}

// encode writes JSON as people would: < and & stay what they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
