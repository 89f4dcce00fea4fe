package kms_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

// A gatekeeper is an Authorizer and an Auditor that keeps what it was told.
type gatekeeper struct {
	mu       sync.Mutex
	deny     func(*kms.Request) error
	requests []kms.Request
	events   []kms.Event
}

func (g *gatekeeper) Authorize(_ context.Context, r *kms.Request) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = append(g.requests, *r)
	if g.deny == nil {
		return nil
	}
	return g.deny(r)
}

func (g *gatekeeper) Audit(_ context.Context, e *kms.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(g.events, *e)
}

// take returns what was told since the last take.
func (g *gatekeeper) take() ([]kms.Request, []kms.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	requests, events := g.requests, g.events
	g.requests, g.events = nil, nil
	return requests, events
}

var errDenied = errors.New("policy: no")

// everyCall returns every operation, on a key that can be used or on none.
func everyCall(k *kms.KMS, ref string, ct, dek []byte) map[string]func(context.Context) error {
	calls := everyCallWithKey(k, ref)
	maps.Copy(calls, everyPairCall(k, ref))
	add := func(name string, call func(context.Context) error) { calls[name] = call }
	add("DecryptWith", func(ctx context.Context) error { _, err := k.DecryptWith(ctx, ref, ct, nil); return err })
	add("DecryptDataKeyWith", func(ctx context.Context) error {
		_, err := k.DecryptDataKeyWith(ctx, ref, dek, nil)
		return err
	})
	add("Decrypt", func(ctx context.Context) error { _, err := k.Decrypt(ctx, ct, nil); return err })
	add("DecryptDataKey", func(ctx context.Context) error { _, err := k.DecryptDataKey(ctx, dek, nil); return err })
	add("DecryptDataKeyPair", func(ctx context.Context) error {
		_, err := k.DecryptDataKeyPair(ctx, form(3), nil)
		return err
	})
	add("ReEncrypt", func(ctx context.Context) error { _, _, err := k.ReEncrypt(ctx, ct, nil, nil); return err })
	add("CreateKey", func(ctx context.Context) error { _, err := k.CreateKey(ctx, nil); return err })
	add("Encrypt", calls["Encrypt"])
	add("AppendEncrypt", func(ctx context.Context) error { _, err := k.AppendEncrypt(ctx, nil, ref, password, nil); return err })
	add("AppendDecrypt", func(ctx context.Context) error { _, err := k.AppendDecrypt(ctx, nil, ct, nil); return err })
	alias := "alias/none"
	if strings.HasPrefix(ref, "alias/") {
		alias = ref
	}
	add("UpdateAlias", func(ctx context.Context) error { return k.UpdateAlias(ctx, alias, ref) })
	add("DeleteAlias", func(ctx context.Context) error { return k.DeleteAlias(ctx, alias) })
	addStoreCalls(k, calls)
	return calls
}

// addStoreCalls adds every operation that is about no single key.
func addStoreCalls(k *kms.KMS, calls map[string]func(context.Context) error) {
	root, err := rootkey.Static(bytes.Repeat([]byte{9}, 32))
	if err != nil {
		panic(err)
	}
	maps.Copy(calls, map[string]func(context.Context) error{
		"Keys": func(ctx context.Context) error {
			for _, err := range k.Keys(ctx, "") {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"Aliases": func(ctx context.Context) error {
			for _, err := range k.Aliases(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"GenerateRandom":   func(ctx context.Context) error { _, err := k.GenerateRandom(ctx, 32); return err },
		"Check":            func(ctx context.Context) error { _, err := k.Check(ctx); return err },
		"Maintain":         func(ctx context.Context) error { _, err := k.Maintain(ctx); return err },
		"Roots":            func(ctx context.Context) error { _, err := k.Roots(ctx); return err },
		"AddRoot":          func(ctx context.Context) error { return k.AddRoot(ctx, root) },
		"RemoveRoot":       func(ctx context.Context) error { return k.RemoveRoot(ctx, root.ID()) },
		"RotateStorageKey": func(ctx context.Context) error { return k.RotateStorageKey(ctx) },
		"Export":           func(ctx context.Context) error { return k.Export(ctx, io.Discard, root) },
	})
}

// Every exported method passes the gate: it asks the Authorizer before it does
// anything, and tells the Auditor once. A method that is new, and so is in none
// of these tables, fails.
func TestEveryMethodPassesTheGate(t *testing.T) {
	ctx := t.Context()
	store := faultstore.New(memstore.New())
	admin := open(t, store, nil)
	key := newKey(t, admin, "")
	must(t, admin.CreateAlias(ctx, "alias/a", key))
	ct := encrypt(t, admin, key, password, nil)
	dek, err := admin.GenerateDataKey(ctx, key, 32, nil)
	must(t, err)
	g := &gatekeeper{deny: func(*kms.Request) error { return errDenied }}
	k := open(t, store, &kms.Options{Authorizer: g, Auditor: g})
	calls := everyCall(k, "alias/a", ct, dek.Ciphertext)
	writes := store.Calls("Put") + store.Calls("Delete")
	lists := store.Calls("List")
	typ := reflect.TypeOf(k)
	for i := range typ.NumMethod() {
		name := typ.Method(i).Name
		if name == "Close" || name == "DryRun" {
			continue // no operations
		}
		call := calls[name]
		if call == nil {
			t.Errorf("%s: no test calls it through the gate", name)
			continue
		}
		want(t, call(ctx), kms.ErrAccessDenied)
		if name == "Signer" || name == "Decrypter" {
			name = kms.OpPublicKey // which is all that they get by themselves
		}
		requests, events := g.take()
		if len(requests) != 1 || len(events) != 1 || !strings.HasPrefix(name, events[0].Op) &&
			!strings.HasPrefix(name, "Append"+events[0].Op) {
			t.Errorf("%s: asked %+v, told %+v", name, requests, events)
		}
		if !errors.Is(events[0].Err, errDenied) {
			t.Errorf("%s: told %v", name, events[0].Err)
		}
	}
	if n := store.Calls("Put") + store.Calls("Delete") - writes; n != 0 {
		t.Errorf("denied calls wrote %d times", n)
	}
	if n := store.Calls("List") - lists; n != 0 {
		t.Errorf("denied calls listed %d times", n)
	}
}

// Those who may not use a key cannot tell whether it exists, or in what state.
func TestDeniedLooksAlike(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	admin := open(t, store, nil)
	key := newKey(t, admin, "")
	must(t, admin.CreateAlias(ctx, "alias/a", key))
	ct := encrypt(t, admin, key, password, nil)
	dek, err := admin.GenerateDataKey(ctx, key, 32, nil)
	must(t, err)
	must(t, admin.DisableKey(ctx, key))
	g := &gatekeeper{deny: func(*kms.Request) error { return errDenied }}
	k := open(t, store, &kms.Options{Authorizer: g, Auditor: g})
	for _, view := range []*kms.KMS{k, k.DryRun()} {
		for _, ref := range []string{key, "alias/a", unknown, "alias/none"} {
			wrongVersion := slices.Clone(ct)
			wrongVersion[22] = 9
			for _, ct := range [][]byte{ct, form(1), wrongVersion} {
				for name, call := range everyCall(view, ref, ct, dek.Ciphertext) {
					err := call(ctx)
					want(t, err, kms.ErrAccessDenied)
					requests, events := g.take()
					if !errors.Is(err, errDenied) || len(requests) != 1 || len(events) != 1 || events[0].Err != err {
						t.Errorf("%s %s: %v; asked %d times, told %d", name, ref, err, len(requests), len(events))
					}
				}
			}
		}
	}
}

// What is no reference at all is nothing to ask about.
func TestMalformedIsNotAskedAbout(t *testing.T) {
	g := &gatekeeper{deny: func(*kms.Request) error { return errDenied }}
	k := open(t, memstore.New(), &kms.Options{Authorizer: g})
	for _, ref := range []string{"orders", "alias/", "alias/a b", unknown + "0"} {
		_, err := k.Encrypt(t.Context(), ref, password, nil)
		want(t, err, kms.ErrInvalidKeyRef)
		if requests, _ := g.take(); len(requests) > 0 {
			t.Errorf("%q: asked %+v", ref, requests)
		}
	}
}

func TestRequestsAndEvents(t *testing.T) {
	ctx := t.Context()
	g := &gatekeeper{}
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	k := open(t, memstore.New(), &kms.Options{Authorizer: g, Auditor: g, Now: func() time.Time {
		now = now.Add(time.Microsecond)
		return now
	}})
	tags := map[string]string{"team": "payments"}
	d, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Spec: kms.KeySpecSM4, Alias: "alias/a", Tags: tags})
	must(t, err)
	key := d.ID
	requests, events := g.take()
	if len(requests) != 1 || requests[0].Op != kms.OpCreateKey || requests[0].Alias != "alias/a" ||
		requests[0].Spec != kms.KeySpecSM4 || !maps.Equal(requests[0].Tags, tags) {
		t.Errorf("requests %+v", requests)
	}
	if len(events) != 1 || events[0].KeyID != key || events[0].KeyVersion != 1 || events[0].Err != nil {
		t.Errorf("events %+v", events)
	}
	_, err = k.RotateKey(ctx, key)
	must(t, err)
	g.take()
	check := func(op, alias string, version uint32, aad kms.AAD, asked ...string) {
		t.Helper()
		requests, events := g.take()
		var ops []string
		for _, r := range requests {
			ops = append(ops, r.Op)
			if r.KeyID != key || r.Spec != kms.KeySpecSM4 || !maps.Equal(r.Tags, tags) || !sameAAD(r.AAD, aad) {
				t.Errorf("%s: request %+v", op, r)
			}
		}
		if !slices.Equal(ops, asked) || requests[0].Alias != alias {
			t.Errorf("%s: asked about %v", op, requests)
		}
		if len(events) != 1 {
			t.Fatalf("%s: %d events", op, len(events))
		}
		if e := events[0]; e.Op != op || e.KeyID != key || e.KeyVersion != version || e.Alias != alias ||
			!sameAAD(e.AAD, aad) || e.Err != nil || e.Time.IsZero() || e.Duration <= 0 {
			t.Errorf("%s: event %+v", op, e)
		}
	}
	raw := kms.AdditionalData("raw")
	ct := encrypt(t, k, "alias/a", password, prod)
	check(kms.OpEncrypt, "alias/a", 2, prod, kms.OpEncrypt)
	_, err = k.Decrypt(ctx, ct, prod)
	must(t, err)
	check(kms.OpDecrypt, "", 2, prod, kms.OpDecrypt)
	_, err = k.DecryptWith(ctx, "alias/a", ct, prod)
	must(t, err)
	check(kms.OpDecrypt, "alias/a", 2, prod, kms.OpDecrypt)
	dek, err := k.GenerateDataKey(ctx, key, 32, raw)
	must(t, err)
	check(kms.OpGenerateDataKey, "", 2, raw, kms.OpGenerateDataKey)
	_, err = k.DecryptDataKey(ctx, dek.Ciphertext, raw)
	must(t, err)
	check(kms.OpDecryptDataKey, "", 2, raw, kms.OpDecryptDataKey)
	_, _, err = k.ReEncrypt(ctx, ct, prod, nil)
	must(t, err)
	check(kms.OpReEncrypt, "", 2, prod, kms.OpReEncryptFrom, kms.OpReEncryptTo)
	must(t, k.CreateAlias(ctx, "alias/b", "alias/a"))
	check(kms.OpCreateAlias, "alias/b", 0, nil, kms.OpCreateAlias)
	must(t, k.DisableKey(ctx, key))
	check(kms.OpDisableKey, "", 0, nil, kms.OpDisableKey)
	// A failed call is told too, with what the caller got.
	_, err = k.Encrypt(ctx, key, password, nil)
	want(t, err, kms.ErrKeyDisabled)
	if _, events := g.take(); len(events) != 1 || events[0].Err != err || events[0].KeyVersion != 0 {
		t.Errorf("events %+v", events)
	}
	_, err = k.Encrypt(ctx, "nonsense", password, nil)
	if _, events := g.take(); len(events) != 1 || events[0].Err != err || events[0].KeyID != "" {
		t.Errorf("events %+v", events)
	}
}

func sameAAD(a, b kms.AAD) bool {
	switch a := a.(type) {
	case kms.EncryptionContext:
		b, ok := b.(kms.EncryptionContext)
		return ok && maps.Equal(a, b)
	case kms.AdditionalData:
		b, ok := b.(kms.AdditionalData)
		return ok && string(a) == string(b)
	}
	return a == b
}

// What the Authorizer and the Auditor get is theirs: changing it changes nothing.
func TestGateGetsCopies(t *testing.T) {
	spoil := func(r *kms.Request) error {
		switch a := r.AAD.(type) {
		case kms.EncryptionContext:
			a["spoilt"] = "yes"
		case kms.AdditionalData:
			a[0] ^= 1
		}
		r.Tags["spoilt"] = "yes"
		return nil
	}
	g := &gatekeeper{deny: spoil}
	store := memstore.New()
	plain := open(t, store, nil)
	k := open(t, store, &kms.Options{Authorizer: g})
	d, err := plain.CreateKey(t.Context(), &kms.CreateKeyOptions{Tags: map[string]string{"team": "a"}})
	must(t, err)
	for _, aad := range []kms.AAD{kms.EncryptionContext{"a": "b"}, kms.AdditionalData("raw")} {
		ct := encrypt(t, k, d.ID, password, aad)
		if _, err := plain.Decrypt(t.Context(), ct, aad); err != nil {
			t.Error(err)
		}
		encrypt(t, k, d.ID, password, nil)
		if r, _ := g.take(); r[1].Tags["team"] != "a" || len(r[1].Tags) != 2 {
			t.Errorf("tags %v", r[1].Tags)
		}
	}
}

// The Authorizer is asked about a damaged key by its ID, not as about none.
func TestDamagedKeyIsNamed(t *testing.T) {
	ctx, store := t.Context(), memstore.New()
	admin := open(t, store, nil)
	key, mine := newKey(t, admin, ""), newKey(t, admin, "")
	must(t, admin.CreateAlias(ctx, "alias/prod", key))
	g := &gatekeeper{deny: func(r *kms.Request) error {
		if r.KeyID == key {
			return errDenied
		}
		return nil
	}}
	k := open(t, store, &kms.Options{Authorizer: g})
	damage(t, store, "key/"+key)
	want(t, k.UpdateAlias(ctx, "alias/prod", mine), kms.ErrAccessDenied)
	want(t, k.DeleteAlias(ctx, "alias/prod"), kms.ErrAccessDenied)
}
