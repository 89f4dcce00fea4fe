package kms_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/memstore"
)

func TestGenerateRandom(t *testing.T) {
	ctx := t.Context()
	g := &gatekeeper{}
	k := open(t, memstore.New(), &kms.Options{Auditor: g, Authorizer: g})
	for _, n := range []int{math.MinInt, -1, 0, 1025, math.MaxInt} {
		b, err := k.GenerateRandom(ctx, n)
		if want(t, err, kms.ErrInvalidArgument); b != nil || !strings.Contains(err.Error(), "1 to 1024") {
			t.Errorf("%d: %x, %v", n, b, err)
		}
		if requests, events := g.take(); len(requests) != 0 || len(events) != 1 || events[0].Err != err {
			t.Errorf("asked %+v, told %+v", requests, events)
		}
		_, err = k.DryRun().GenerateRandom(ctx, n)
		want(t, err, kms.ErrInvalidArgument)
		g.take()
	}
	seen := map[string]bool{}
	for _, n := range []int{1, 16, 32, 1024} {
		for range 2 {
			b, err := k.GenerateRandom(ctx, n)
			if err != nil || len(b) != n || n > 1 && (seen[string(b)] || bytes.Equal(b, make([]byte, n))) {
				t.Errorf("%d: %x, %v", n, b, err)
			}
			seen[string(b)] = true
			if requests, events := g.take(); len(requests) != 1 || len(events) != 1 || events[0].Err != nil ||
				events[0].Op != kms.OpGenerateRandom || requests[0].Op != kms.OpGenerateRandom {
				t.Errorf("asked %+v, told %+v", requests, events)
			}
		}
	}
	_, err := k.DryRun().GenerateRandom(ctx, 1)
	want(t, err, kms.ErrDryRun)
	must(t, k.Close())
	_, err = k.GenerateRandom(ctx, 0)
	want(t, err, kms.ErrClosed)
}

// An Auditor is told of the additional data that was given, not of what was written
// over it.
func TestAuditOverlap(t *testing.T) {
	g := &gatekeeper{}
	k := open(t, memstore.New(), &kms.Options{Auditor: g})
	key := newKey(t, k, kms.KeySpecAES256)
	buf := make([]byte, 1024)
	raw := func() kms.AdditionalData { return buf[:copy(buf, "invoice 4711")] }
	g.take()
	ct, err := k.AppendEncrypt(t.Context(), buf[:0], key, password, raw())
	must(t, err)
	_, err = k.AppendDecrypt(t.Context(), buf[:0], bytes.Clone(ct), raw())
	must(t, err)
	_, events := g.take()
	for _, e := range events {
		if got, _ := e.AAD.(kms.AdditionalData); string(got) != "invoice 4711" {
			t.Errorf("%s: told of %q", e.Op, got)
		}
	}
}

// What SlogAuditor logs.
func TestSlogAuditor(t *testing.T) {
	ctx := t.Context()
	var out bytes.Buffer
	level := new(slog.LevelVar)
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	k := open(t, memstore.New(), &kms.Options{
		Auditor: kms.SlogAuditor(logger), MaxStale: -1, Now: func() time.Time { return now },
	})
	d, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: "alias/a"})
	must(t, err)
	key := d.ID
	logged := func(call, wanted string) {
		t.Helper()
		wanted = strings.ReplaceAll("time=2030-01-02T03:04:05.000Z "+wanted+"\n", "KEY", key)
		if got := out.String(); got != wanted {
			t.Errorf("%s logged\n%swant\n%s", call, got, wanted)
		}
		out.Reset()
	}
	logged("CreateKey", "level=INFO msg=kms op=CreateKey duration=0s key=KEY alias=alias/a version=1")
	ct := encrypt(t, k, "alias/a", password, prod)
	logged("Encrypt", "level=INFO msg=kms op=Encrypt duration=0s key=KEY alias=alias/a version=1 context.env=prod context.service=orders")
	raw := encrypt(t, k, key, password, kms.AdditionalData("s3cret"))
	logged("Encrypt", "level=INFO msg=kms op=Encrypt duration=0s key=KEY version=1 aad_bytes=6")
	_, err = k.DryRun().Decrypt(ctx, ct, prod)
	want(t, err, kms.ErrDryRun)
	logged("DryRun", `level=INFO msg=kms op=Decrypt duration=0s key=KEY version=1 context.env=prod context.service=orders `+
		`error="kms: Decrypt KEY: dry run: the call is valid and was not made"`)
	_, err = k.Decrypt(ctx, raw, kms.AdditionalData{})
	want(t, err, kms.ErrInvalidCiphertext)
	logged("Decrypt", `level=WARN msg=kms op=Decrypt duration=0s key=KEY version=1 aad_bytes=0 error="kms: Decrypt: ciphertext is invalid"`)
	_, err = k.Encrypt(ctx, "alias/none\nop=Forged", password, kms.EncryptionContext{"a b\n": "\nop=Forged"})
	want(t, err, kms.ErrInvalidKeyRef)
	if n := strings.Count(out.String(), "\n"); n != 1 || strings.Contains(out.String(), " op=Forged") {
		t.Errorf("forged %s", &out)
	}
	out.Reset()
	encrypt(t, k, key, password, kms.EncryptionContext{})
	logged("no context", "level=INFO msg=kms op=Encrypt duration=0s key=KEY version=1")
	level.Set(slog.LevelWarn)
	encrypt(t, k, key, password, nil)
	if out.Len() != 0 {
		t.Errorf("logged %s", &out)
	}
	_, err = k.Encrypt(ctx, "nonsense", password, nil)
	want(t, err, kms.ErrInvalidKeyRef)
	logged("Encrypt", `level=WARN msg=kms op=Encrypt duration=0s error="kms: Encrypt nonsense: key reference is neither a key ID nor alias/<name>"`)
	level.Set(slog.LevelError)
	_, err = k.Encrypt(ctx, "nonsense", password, nil)
	if want(t, err, kms.ErrInvalidKeyRef); out.Len() != 0 {
		t.Errorf("logged %s", &out)
	}
}

// failingLog is a handler whose log cannot be written.
type failingLog struct{ slog.Handler }

func (failingLog) Handle(context.Context, slog.Record) error { return errors.New("disk: full") }

func TestSlogAuditorLogFails(t *testing.T) {
	logger := slog.New(failingLog{slog.NewTextHandler(&bytes.Buffer{}, nil)})
	k := open(t, memstore.New(), &kms.Options{Auditor: kms.SlogAuditor(logger)})
	encrypt(t, k, newKey(t, k, ""), password, nil)
}

// An auditFunc is an Auditor that does what the test says.
type auditFunc func(*kms.Event)

func (f auditFunc) Audit(_ context.Context, e *kms.Event) { f(e) }

// panics reports whether call does.
func panics(call func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	call()
	return false
}

// An Auditor that panics takes the result, not what was done, and leaves nothing
// locked.
func TestAuditorPanics(t *testing.T) {
	ctx := t.Context()
	c, store := newClock(), memstore.New()
	armed := true
	k := open(t, store, &kms.Options{Now: c.now, Auditor: auditFunc(func(*kms.Event) {
		if armed {
			panic("auditor")
		}
	})})
	plain := open(t, store, &kms.Options{Now: c.now})
	due, key := newPeriodic(t, plain), newKey(t, plain, "")
	ct := encrypt(t, plain, key, password, nil)
	dek, err := plain.GenerateDataKey(ctx, key, 32, nil)
	must(t, err)
	for name, call := range everyCall(k, key, ct, dek.Ciphertext) {
		if !panics(func() { _ = call(ctx) }) {
			t.Errorf("%s told nobody", name)
		}
	}
	c.advance(40 * day)
	if !panics(func() { _, _ = k.Maintain(ctx) }) {
		t.Error("Maintain told nobody")
	}
	armed = false
	made := 0
	for d, err := range k.Keys(ctx, "") {
		must(t, err)
		if d.ID != key && d.ID != due { // it was created, and the caller not told
			encrypt(t, k, d.ID, password, nil)
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d keys were created", made)
	}
	for name, call := range everyCall(k, key, ct, dek.Ciphertext) {
		if err := call(ctx); errors.Is(err, kms.ErrStoreUnavailable) || errors.Is(err, kms.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := k.Maintain(ctx); err != nil {
		t.Error(err)
	}
	if d, err := k.DescribeKey(ctx, due); err != nil || d.PrimaryVersion != 2 {
		t.Errorf("%+v, %v", d, err)
	}
}

// An Auditor that blocks delays the call that it is told of, and no other.
func TestAuditorBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		store := memstore.New()
		plain := open(t, store, nil)
		key := newKey(t, plain, "")
		ct := encrypt(t, plain, key, password, nil)
		dek, err := plain.GenerateDataKey(ctx, key, 32, nil)
		must(t, err)
		blocked := make(chan struct{})
		stuck := 0
		var told atomic.Int64
		k := open(t, store, &kms.Options{Auditor: auditFunc(func(*kms.Event) {
			told.Add(1)
			<-blocked
		})})
		for _, call := range everyCall(k, key, ct, dek.Ciphertext) {
			stuck++
			go call(ctx)
		}
		synctest.Wait()
		if n := int(told.Load()); n != stuck {
			t.Errorf("%d of %d calls came to their end", n, stuck)
		}
		close(blocked)
		synctest.Wait()
		encrypt(t, k, newKey(t, plain, ""), password, nil)
		k.Close()
		plain.Close()
	})
}
