package rootkey_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/embedkms/kms/rootkey"
)

const secret = "a secret key, just of 32 bytes ."

// roots returns a root of each sort that all hold secret.
func roots(t *testing.T) map[string]rootkey.Provider {
	file, err := rootkey.File(write(t, []byte(secret), 0o600), nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]rootkey.Provider{
		"Static":     static(t, []byte(secret)),
		"File":       file,
		"Passphrase": cheap(t, secret),
	}
}

func TestSecretsUnprintable(t *testing.T) {
	for name, p := range roots(t) {
		nested := struct {
			Root rootkey.Provider
			root rootkey.Provider
		}{p, p}
		for _, v := range []any{p, nested, &nested, reflect.ValueOf(p).Elem(), []any{p}} {
			for _, out := range prints(t, v) {
				if shows(out) {
					t.Errorf("%s: %T printed as %s", name, v, out)
				}
			}
		}
		if s := fmt.Sprint(p); s != p.ID() {
			t.Errorf("%s: printed as %s, want %s", name, s, p.ID())
		}
	}
}

// prints returns v as every verb that can show bytes, and every logger, has it.
func prints(t *testing.T, v any) []string {
	var out []string
	for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %#x %d %o %b %c %U") {
		out = append(out, fmt.Sprintf(verb, v))
	}
	if _, ok := v.(reflect.Value); !ok {
		b, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		out = append(out, string(b))
	}
	for _, h := range []func(io.Writer) slog.Handler{
		func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		var log strings.Builder
		slog.New(h(&log)).Info("root", "root", v)
		out = append(out, log.String())
	}
	return out
}

// shows says whether out has a piece of the secret in any usual notation.
func shows(out string) bool {
	piece := []byte(secret)[9:15] // two whole groups of base64
	notations := []string{base64.StdEncoding.EncodeToString(piece)}
	for _, format := range []string{"%s", "%x", "%X", "%d", "%o", "%b", "%c", "%U"} {
		notations = append(notations, strings.Trim(fmt.Sprintf(format, piece), "[]"))
	}
	goSyntax := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", piece), "[]byte{"), "}")
	notations = append(notations, goSyntax)
	for _, s := range notations {
		if strings.Contains(out, s) {
			return true
		}
	}
	return false
}

// A test that looks for secrets has to find them where they are.
func TestShows(t *testing.T) {
	for i, out := range prints(t, struct{ Key []byte }{[]byte(secret)}) {
		if !shows(out) {
			t.Errorf("%d: not seen in %s", i, out)
		}
	}
}

// Dumpers go where fmt does not: through every pointer and unexported field.
func TestSecretsUnreachable(t *testing.T) {
	for name, p := range roots(t) {
		if reaches(reflect.ValueOf(p)) {
			t.Errorf("%s: its secret can be reached by reflection", name)
		}
	}
	careless := struct{ p *struct{ key []byte } }{&struct{ key []byte }{[]byte(secret)}}
	if !reaches(reflect.ValueOf(&careless)) {
		t.Error("a secret in plain sight was not reached")
	}
}

// reaches says whether the secret is somewhere in v.
func reaches(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return !v.IsNil() && reaches(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if reaches(v.Field(i)) {
				return true
			}
		}
	case reflect.Slice, reflect.Array, reflect.String:
		return strings.Contains(fmt.Sprintf("%s", v), secret)
	}
	return false
}
