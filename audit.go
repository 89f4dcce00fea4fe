package kms

import (
	"context"
	"time"
)

// An Auditor is told of each operation once, when its result is certain: also
// of those that were denied, failed or made on a DryRun view. It never sees a
// plaintext, key material or a data key. It runs in the caller's goroutine, so
// one that blocks delays the call; it must be safe for concurrent use.
type Auditor interface {
	Audit(ctx context.Context, e *Event)
}

// An Event is one operation. Its maps and slices are copies.
type Event struct {
	Time       time.Time // when the operation began
	Op         string    // an Op constant
	KeyID      string    // empty if no key was resolved
	KeyVersion uint32    // that encrypted or decrypted; 0 if none did
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
