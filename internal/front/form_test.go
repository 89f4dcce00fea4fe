package front

import (
	"errors"
	"maps"
	"strings"
	"testing"
)

func TestParseForm(t *testing.T) {
	for _, c := range []struct {
		texts []string
		want  map[string]string
	}{
		{nil, map[string]string{}},
		{[]string{"", ""}, map[string]string{}},
		{[]string{"a=b&c=%C3%A4+1"}, map[string]string{"a": "b", "c": "ä 1"}},
		{[]string{"a=b", "c=&d"}, map[string]string{"a": "b", "c": "", "d": ""}},
	} {
		if got, err := ParseForm(c.texts...); err != nil || !maps.Equal(got, c.want) {
			t.Errorf("%q: %q, %v", c.texts, got, err)
		}
	}
	for _, c := range []struct {
		name  string
		texts []string
		want  error
	}{
		{"twice", []string{"a=1&a=1"}, ErrSyntax},
		{"once in each", []string{"a=1", "a=1"}, ErrSyntax},
		{"escaped once", []string{"a=1&%61=1"}, ErrSyntax},
		{"name is not UTF-8", []string{"%FF=1"}, ErrSyntax},
		{"value is not UTF-8", []string{"a=%C3"}, ErrSyntax},
		{"half an escape", []string{"a=%4"}, ErrSyntax},
		{"semicolon", []string{"a=1;b=2"}, ErrSyntax},
		{"too many", []string{strings.Repeat("&", maxParameters)}, ErrTooLarge},
		{"too many in the second", []string{"", strings.Repeat("&", maxParameters)}, ErrTooLarge},
	} {
		if got, err := ParseForm(c.texts...); !errors.Is(err, c.want) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}
