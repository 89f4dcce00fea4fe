package kms

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// An Auditor is told of each operation once, when its result is certain: also
// of those that were denied, failed or made on a DryRun view. It never sees a
// plaintext, key material or a data key. It must be safe for concurrent use.
//
// It runs in the caller's goroutine, with no lock held, after the operation is
// done. One that blocks delays this call and no other. One that panics takes
// the call's result with it, but not the operation: a key that was created or
// rotated stays so. It may call the KMS, whose calls it is told of in turn, and
// must not keep an event's Err longer than it likes to keep what caused it.
type Auditor interface {
	Audit(ctx context.Context, e *Event)
}

// An Event is one operation. Its maps and slices are copies.
type Event struct {
	Time       time.Time // when the operation began
	Op         string    // an Op constant
	KeyID      string    // empty if no key was resolved, nor named by a ciphertext
	KeyVersion uint32    // that encrypted, decrypted or was changed; 0 if none did
	Alias      string    // alias/<name>, if the caller named the key by one
	AAD        AAD       // of the call
	Err        error     // what the caller got
	Duration   time.Duration
}

// started is when an audited call began, by both clocks.
type started struct {
	at      time.Time
	elapsed time.Duration
}

func (c *core) startAudit() *started { return &started{c.now(), c.elapsed()} }

func (k *KMS) tellAuditor(ctx context.Context, c *call, aad AAD, err error) {
	e := &Event{
		Time: c.audit.at, Op: c.op, KeyID: c.keyID(), KeyVersion: c.version,
		Alias: c.alias(), AAD: aad, Err: err, Duration: k.elapsed() - c.audit.elapsed,
	}
	k.auditor.Audit(ctx, e)
}

// SlogAuditor returns an Auditor that logs each event: those without an error,
// and dry runs that would have had none, at level Info, others at Warn. The
// names and values of an EncryptionContext are logged, as they are no secret;
// of AdditionalData the size is.
func SlogAuditor(l *slog.Logger) Auditor { return slogAuditor{l} }

type slogAuditor struct{ *slog.Logger }

func (a slogAuditor) Audit(ctx context.Context, e *Event) {
	attrs := []slog.Attr{slog.String("op", e.Op), slog.Duration("duration", e.Duration)}
	text := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	text("key", e.KeyID)
	text("alias", e.Alias)
	if e.KeyVersion != 0 {
		attrs = append(attrs, slog.Uint64("version", uint64(e.KeyVersion)))
	}
	if aad := aadAttr(e.AAD); aad.Key != "" {
		attrs = append(attrs, aad)
	}
	level := slog.LevelInfo
	if e.Err != nil {
		text("error", e.Err.Error())
		if !errors.Is(e.Err, ErrDryRun) {
			level = slog.LevelWarn
		}
	}
	r := slog.NewRecord(e.Time, level, "kms", 0)
	r.AddAttrs(attrs...)
	if a.Enabled(ctx, level) {
		_ = a.Handler().Handle(ctx, r) // a log that fails must not fail the call
	}
}

func aadAttr(aad AAD) slog.Attr {
	switch aad := aad.(type) {
	case EncryptionContext:
		var pairs []any
		for _, name := range slices.Sorted(maps.Keys(aad)) {
			pairs = append(pairs, slog.String(name, aad[name]))
		}
		return slog.Group("context", pairs...)
	case AdditionalData:
		return slog.Int("aad_bytes", len(aad))
	}
	return slog.Attr{}
}
