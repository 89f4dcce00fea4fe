package front

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/kmstest"
)

func TestKeyIDs(t *testing.T) {
	k := kmstest.New(t)
	key, err := k.CreateKey(t.Context(), nil)
	must(t, err)
	keys, err := newKeys(k, map[string]string{"key-hzz": key.ID})
	must(t, err)
	for _, c := range [][2]string{
		{keys.Here("key-hzz"), key.ID}, {keys.There(key.ID), "key-hzz"}, {keys.Here(key.ID), key.ID},
		{keys.Here("alias/a"), "alias/a"}, {keys.There("other"), "other"}, {keys.With(k.DryRun()).Here("key-hzz"), key.ID},
	} {
		if c[0] != c[1] {
			t.Errorf("%s, want %s", c[0], c[1])
		}
	}
	for name, ids := range map[string]map[string]string{
		"no ID": {"": key.ID}, "an alias": {"a": "alias/a"}, "two IDs": {"a": key.ID, "b": key.ID}, "nothing": {"a": ""},
	} {
		if _, err := newKeys(k, ids); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := newKeys(nil, nil); err == nil {
		t.Error("no KMS is taken")
	}
}

// A key has the one alias that it got last, and a failure leaves what it had.
func TestRename(t *testing.T) {
	ctx := t.Context()
	keys, err := newKeys(kmstest.New(t), nil)
	must(t, err)
	a, err := keys.CreateKey(ctx, &kms.CreateKeyOptions{Alias: "alias/a"})
	must(t, err)
	_, err = keys.CreateKey(ctx, &kms.CreateKeyOptions{Alias: "alias/b"})
	must(t, err)
	must(t, keys.CreateAlias(ctx, "alias/also-a", a.ID))
	for _, c := range []struct {
		name string
		err  error
		want []string
	}{
		{"b", kms.ErrAliasExists, []string{"a", "also-a"}},
		{"c", nil, []string{"c"}},
		{"c", nil, []string{"c"}},
		{"a", nil, []string{"a"}},
		{"", kms.ErrInvalidKeyRef, []string{"a"}},
	} {
		err := keys.Rename(ctx, a.ID, c.name)
		names, _ := keys.Names(ctx)
		slices.Sort(names[a.ID])
		if !errors.Is(err, c.err) || !slices.Equal(names[a.ID], c.want) {
			t.Errorf("%q: %v, %v", c.name, names[a.ID], err)
		}
	}
	if err := keys.Rename(ctx, "0d0466b0-e727-4d9c-b35d-f84bb474a37f", "d"); !errors.Is(err, kms.ErrKeyNotFound) {
		t.Errorf("a key that is none: %v", err)
	}
}

func TestTranslate(t *testing.T) {
	a, b, other := &Fault{400, "a", "is a"}, &Fault{404, "b", "is b"}, &Fault{500, "other", ""}
	table := []Translation{{kms.ErrKeyNotFound, a}, {kms.ErrAliasNotFound, b}}
	for _, c := range []struct {
		err  error
		want *Fault
	}{
		{&kms.Error{Op: kms.OpEncrypt, Err: kms.ErrKeyNotFound}, a},
		{fmt.Errorf("x: %w", kms.ErrAliasNotFound), b},
		{fmt.Errorf("x: %w", b), b},
		{errors.New("x"), other},
	} {
		if got := Translate(c.err, table, other); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}

func TestRespondJSON(t *testing.T) {
	w := httptest.NewRecorder()
	RespondJSON(w, 201, "application/json", map[string]string{"a": "<&>ä"})
	if w.Code != 201 || w.Body.String() != `{"a":"<&>ä"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	want := http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {"13"}, "Cache-Control": {"no-store"},
		"X-Content-Type-Options": {"nosniff"},
	}
	if fmt.Sprint(w.Header()) != fmt.Sprint(want) {
		t.Errorf("%v", w.Header())
	}
}
