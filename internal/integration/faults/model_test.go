package faults_test

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/embedkms/kms/keystore"
)

// A method of a store.
type method string

const (
	get    method = "Get"
	put    method = "Put"
	remove method = "Delete"
)

// A call is one of these methods with its arguments.
type call struct {
	method
	key  string
	rev  uint64
	data string
}

// A verdict is what the caller learns.
type verdict string

const (
	done     verdict = "done"
	absent   verdict = "not found"
	conflict verdict = "conflict"
	unknown  verdict = "unknown" // a write that has happened, will happen or never will
)

// A reply is what a call returned; rev and data are of a Get that is done.
type reply struct {
	verdict
	rev  uint64
	data string
}

// A state is what is stored under a key; rev is 0 where nothing is.
type state struct {
	rev  uint64
	data string
}

// model is the contract of keystore.Store for the single record. A write whose
// outcome is unknown has no return, so it may take its place anywhere behind its
// call: where it changes something, or at the end, where nobody saw it.
var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(s, in, out any) (bool, any) { return step(s.(state), in.(call), out.(reply)) },
}

// step reports whether a store in state s may give reply r to c, and its next
// state.
func step(s state, c call, r reply) (bool, state) {
	var fits bool
	var next state
	switch c.method {
	case get:
		if r.verdict == absent {
			return s.rev == 0, s
		}
		return s.rev != 0 && s == state{r.rev, r.data}, s
	case put:
		fits, next = s.rev == c.rev-1, state{c.rev, c.data}
	case remove:
		fits = s.rev == c.rev && s.rev != 0
	}
	switch r.verdict {
	case done:
		return fits, next
	case absent:
		return c.method == remove && s.rev == 0, s
	case conflict:
		return !fits && (c.method == put || s.rev != 0), s
	}
	if fits {
		return true, next
	}
	return true, s
}

// never is the return of a call whose outcome is unknown.
const never = math.MaxInt64

// do makes a call. It returns false for a Get that failed, which says nothing.
func (c call) do(
	ctx context.Context, s keystore.Store, start time.Time,
) (porcupine.Operation, bool) {
	op := porcupine.Operation{Input: c, Call: int64(time.Since(start))}
	var rec keystore.Record
	var err error
	switch c.method {
	case get:
		rec, err = s.Get(ctx, c.key)
	case put:
		err = s.Put(ctx, keystore.Record{Key: c.key, Rev: c.rev, Data: []byte(c.data)})
	case remove:
		err = s.Delete(ctx, c.key, c.rev)
	}
	op.Return = int64(time.Since(start))
	r := reply{done, rec.Rev, string(rec.Data)}
	switch {
	case errors.Is(err, keystore.ErrNotFound):
		r = reply{verdict: absent}
	case errors.Is(err, keystore.ErrConflict):
		r = reply{verdict: conflict}
	case err != nil:
		r, op.Return = reply{verdict: unknown}, never
	}
	op.Output = r
	return op, err == nil || c.method != get || r.verdict == absent
}
