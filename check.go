package kms

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/rootkey"
)

const (
	maxProblems    = 100
	overdueAfter   = day             // Maintain is called hourly
	maxClockBehind = time.Minute     // dates are of days
	answerLimit    = 3 * time.Second // for a write, and for what waits for writers
)

// Check finds out whether the store and the root keys are as they should be: it
// asks the root keys of this process to open the keyring, reads and opens every
// record, and writes one, meta/canary, which holds nothing but the time. What it
// finds is in the Health, also that the store does not answer. The error is
// for a check that was not made to its end: ErrAccessDenied, ErrDryRun,
// ErrClosed, or that of ctx. The Health is never nil.
//
// It reads as much as Maintain does, a page at a time, and keeps 16 bytes for
// each key. Call it from a ticker, every minute or hour, and answer probes with
// what the last call has found. Give it a ctx with a deadline: a store that hangs
// is waited for. Any number may run at a time.
func (k *KMS) Check(ctx context.Context) (*Health, error) {
	c := k.begin(OpCheck, "")
	e := &examination{KMS: k, health: Health{Time: k.timestamp()}}
	err := e.run(ctx, &c)
	found := e.health // alone: who keeps it keeps nothing else
	return &found, k.end(ctx, &c, nil, err)
}

// An examination is one run of Check.
type examination struct {
	*KMS
	health Health

	lost    bool    // the store does not answer
	partial bool    // some of it cannot be read
	ids     []keyID // of all keys, in order
	waiting string  // the record of the key that waits longest for Maintain
	ahead   string  // the record of the latest time
}

func (e *examination) run(ctx context.Context, c *call) error {
	if err := e.admitStore(ctx, c); err != nil {
		return err
	}
	for _, look := range []func(context.Context){
		e.keyring, e.canary, e.driver, e.records, e.strangers, e.times,
	} {
		look(ctx)
		if err := e.ended(ctx); err != nil {
			return err
		}
		if e.lost {
			return nil
		}
	}
	e.health.Complete = true
	return nil
}

// ended returns why the check cannot go on. What calls have met then is no
// problem of the store's.
func (e *examination) ended(ctx context.Context) error {
	return cmp.Or(e.alive(), storeError(ctx.Err()))
}

func (e *examination) add(ctx context.Context, p Problem) {
	switch {
	case e.ended(ctx) != nil:
	case len(e.health.Problems) >= maxProblems && p.Kind != ProblemOverdue && p.Kind != ProblemClockSkew:
		e.health.Omitted++
	default:
		e.health.Problems = append(e.health.Problems, p)
	}
}

// addRead adds what reading a record, or those under a prefix, has met.
func (e *examination) addRead(ctx context.Context, key string, err error) {
	p := Problem{Kind: kindOf(err), Record: key, Err: err}
	if p.Kind == ProblemStoreUnreadable {
		e.partial = true
		if e.probe(ctx) != nil && e.ended(ctx) == nil {
			e.lost, e.health.Ready = true, false
			p.Kind, p.Record = ProblemStoreUnreachable, ""
		}
	}
	e.add(ctx, p)
}

// keyring looks at the keyring, and at the root keys that should open it.
func (e *examination) keyring(ctx context.Context) {
	known, start := e.ring.Load(), e.elapsed()
	rec, err := e.get(ctx, keyring.Key)
	e.health.ReadTime = e.elapsed() - start
	err = storeError(e.takeRing(ctx, known, rec, err))
	e.health.Ready = err == nil
	e.health.StorageKeys = 1 + e.ring.Load().OlderVersions()
	if rec.Rev > 0 {
		e.roots(ctx, rec)
	}
	told := slices.ContainsFunc(e.health.Problems, func(p Problem) bool { return p.Kind == kindOf(err) })
	if err != nil && !told {
		e.addRead(ctx, keyring.Key, err)
	}
	e.saw(keyring.Key, e.ring.Load().PrimarySince())
}

// roots asks every root key that this process has to open the keyring. Whether
// one that is kept elsewhere does, a drill shows.
func (e *examination) roots(ctx context.Context, rec keystore.Record) {
	if e.lockRing(ctx) != nil {
		return
	}
	own := e.root
	e.unlockRing()
	ids, err := keyring.RootIDs(rec)
	if err == nil && !slices.Contains(ids, own.ID()) { // it may have been exchanged just now
		if again, failed := e.get(ctx, keyring.Key); failed == nil {
			rec = again
			ids, err = keyring.RootIDs(rec)
		}
	}
	if err != nil {
		e.addRead(ctx, rec.Key, storeError(err))
		return
	}
	for _, id := range ids {
		e.health.Roots = append(e.health.Roots, RootHealth{RootInfo: RootInfo{id, id == own.ID()}})
	}
	alone := len(ids) == 1
	for _, p := range e.recovery {
		if !slices.Contains(ids, p.ID()) {
			e.missing(ctx, p.ID(), "it does not open the store")
			alone = false
		}
	}
	if alone {
		e.missing(ctx, "", "whoever loses the one root key loses every key")
	}
	for i, p := range append([]rootkey.Provider{own}, e.recovery...) {
		if i > 0 && (p.ID() == own.ID() || !slices.Contains(ids, p.ID())) {
			continue
		}
		if !e.open(ctx, rec, p) {
			return
		}
	}
}

func (e *examination) missing(ctx context.Context, id, why string) {
	e.add(ctx, Problem{Kind: ProblemMissingRecoveryRoot, Root: id, Err: fmt.Errorf("%w: %s: AddRoot it", ErrWrongRootKey, why)})
}

// open opens the keyring with a root key, and reports whether another may do so:
// not if it is the keyring that is wrong.
func (e *examination) open(ctx context.Context, rec keystore.Record, p rootkey.Provider) bool {
	if _, err := e.openRing(ctx, rec, p); err != nil {
		err = storeError(err)
		e.add(ctx, Problem{Kind: kindOf(err), Record: rec.Key, Root: p.ID(), Err: err})
		return errors.Is(err, ErrWrongRootKey) || errors.Is(err, ErrRootUnavailable)
	}
	for i := range e.health.Roots {
		if r := &e.health.Roots[i]; r.ID == p.ID() {
			r.Opens = true
		}
	}
	return true
}

// driver asks the store what only it can see.
func (e *examination) driver(ctx context.Context) {
	s, ok := e.store.(keystore.Checker)
	if !ok {
		return
	}
	limited, stop := context.WithTimeout(ctx, answerLimit)
	defer stop()
	for _, err := range s.Check(limited) {
		p := Problem{Kind: ProblemStoreWarning, Err: err}
		switch {
		case err == nil:
			continue
		case errors.Is(err, keystore.ErrLeftover):
			p.Kind = ProblemLeftover
		case errors.Is(err, keystore.ErrTooNew):
			p.Kind, p.Err = ProblemNewerFormat, storeError(err)
		}
		e.add(ctx, p)
	}
}

// records opens every record. Keys come before aliases, which are put after
// their keys.
func (e *examination) records(ctx context.Context) {
	for _, s := range []sweep{
		{keyPrefix, e.key}, {keyring.AliasPrefix, e.alias}, {tokenPrefix, e.token}, {usagePrefix, e.count},
	} {
		err := e.pages(ctx, s.prefix, "", func(p page) bool {
			for _, rec := range p.records {
				e.visit(ctx, s, rec, p)
				if e.lost || e.ended(ctx) != nil {
					return false
				}
			}
			return true
		})
		if err != nil {
			e.addRead(ctx, s.prefix, err)
		}
		if e.lost {
			return
		}
	}
}

// visit makes what the visit of a record returns a problem.
func (e *examination) visit(ctx context.Context, s sweep, rec keystore.Record, p page) {
	rec, err := e.shown(ctx, rec)
	if err == nil && rec.Rev > 0 {
		err = storeError(s.visit(ctx, rec, p))
	}
	if err != nil {
		e.addRead(ctx, rec.Key, err)
	}
}

func (e *examination) key(ctx context.Context, rec keystore.Record, p page) error {
	id, key, body, err := e.listedKey(ctx, rec, p.keys)
	defer clear(body)
	e.health.Keys++
	if id != (keyID{}) {
		e.ids = append(e.ids, id)
	}
	if err != nil {
		return err
	}
	if _, err := specOf(key); err != nil {
		return err
	}
	e.saw(rec.Key, key.CreatedAt)
	for i := range key.Versions {
		e.saw(rec.Key, key.Versions[i].CreatedAt)
	}
	d := &duty{kms: e.KMS, now: e.now()}
	e.due(rec.Key, d.since(key))
	return d.full(key)
}

// due counts a key for which Maintain has something to do.
func (e *examination) due(key string, since time.Time) {
	if since.IsZero() {
		return
	}
	e.health.Due++
	if e.waiting == "" || since.Before(e.health.DueSince) {
		e.waiting, e.health.DueSince = key, since
	}
}

// saw takes note of when a process has written something.
func (e *examination) saw(key string, at time.Time) {
	if d := at.Sub(e.now()); d > e.health.ClockBehind {
		e.ahead, e.health.ClockBehind = key, d
	}
}

func (e *examination) alias(ctx context.Context, rec keystore.Record, p page) error {
	a, _, err := e.listedAlias(ctx, rec, p.aliases)
	if err != nil || !a.DeletedAt.IsZero() {
		return err
	}
	e.health.Aliases++
	e.saw(rec.Key, a.CreatedAt)
	if e.partial || e.knows(a.KeyID) {
		return nil
	}
	return e.orphan(ctx, rec, a)
}

func (e *examination) knows(id keyID) bool {
	_, ok := slices.BinarySearchFunc(e.ids, id, func(a, b keyID) int { return bytes.Compare(a[:], b[:]) })
	return ok
}

// orphan looks again at an alias whose key was not there when keys were looked
// at: both may have been made since.
func (e *examination) orphan(ctx context.Context, rec keystore.Record, a *record.Alias) error {
	key, err := e.find(ctx, keyID(a.KeyID).recordKey())
	if err != nil || key.Rev > 0 {
		return err
	}
	again, err := e.find(ctx, rec.Key)
	if err != nil || again.Rev != rec.Rev {
		return err
	}
	e.add(ctx, Problem{Kind: ProblemOrphanAlias, Record: rec.Key, Err: fmt.Errorf("%w: %s", ErrKeyNotFound, keyID(a.KeyID))})
	return nil
}

func (e *examination) token(ctx context.Context, rec keystore.Record, _ page) error {
	e.health.Tokens++
	t, err := e.openToken(ctx, rec)
	if err == nil {
		t.clear()
	}
	return err
}

func (e *examination) count(ctx context.Context, rec keystore.Record, _ page) error {
	_, err := e.openUsage(ctx, rec)
	return err
}

// knownPrefixes are those of the records that have a scan of their own.
var knownPrefixes = []string{keyring.AliasPrefix, keyPrefix, tokenPrefix, usagePrefix}

const (
	strangerPage = 100
	pastPrefix   = "~" // sorts after everything that a record key may have
)

// strangers looks for records under other names, from one gap between the known
// prefixes to the next. What cannot be listed has been told by now.
func (e *examination) strangers(ctx context.Context) {
	for after := ""; !e.partial; {
		records, err := e.list(ctx, "", after, strangerPage)
		if err != nil {
			e.addRead(ctx, "", err)
		}
		if len(records) == 0 || e.ended(ctx) != nil {
			return
		}
		for _, rec := range records {
			after = rec.Key
			if known := slices.IndexFunc(knownPrefixes, func(p string) bool { return strings.HasPrefix(rec.Key, p) }); known >= 0 {
				after = max(after, knownPrefixes[known]+pastPrefix)
				break
			}
			if rec.Key != keyring.Key && rec.Key != canaryKey {
				e.add(ctx, Problem{Kind: ProblemForeignRecord, Record: rec.Key, Err: errForeign})
			}
		}
	}
}

var errForeign = errors.New("no record of this version of the module has this name")

// times says what the times that were seen tell.
func (e *examination) times(ctx context.Context) {
	if late := e.now().Sub(e.health.DueSince); e.waiting != "" && late > overdueAfter {
		e.add(ctx, Problem{Kind: ProblemOverdue, Record: e.waiting, Err: fmt.Errorf(
			"%d keys are due, this one for %v: Maintain is not called, or fails", e.health.Due, late.Round(time.Minute))})
	}
	if behind := e.health.ClockBehind; behind > maxClockBehind {
		e.add(ctx, Problem{Kind: ProblemClockSkew, Record: e.ahead, Err: fmt.Errorf(
			"written %v after this process's clock: it is behind, or the writer's ahead", behind.Round(time.Second))})
	}
}
