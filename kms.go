package kms

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/maphash"
	"slices"
	"sync/atomic"
	"time"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keycache"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/rootkey"
)

// A KeyStore is where keys live; see package keystore.
type KeyStore = keystore.Store

// Options of Open. The zero value of each field is a default that suits most.
type Options struct {
	// GM implements SM2, SM3 and SM4; nil is gm.Default().
	GM gm.Provider

	// Authorizer is asked before each operation; nil allows everything.
	Authorizer Authorizer

	// Auditor is told of each operation; nil is none.
	Auditor Auditor

	// MaxStale is how long a change that another process made, such as
	// disabling a key, may stay unseen in this one: 0 is 5 s, at most 60 s.
	// Below 0 every call reads the store. A store that is a keystore.Watcher
	// usually tells of it at once; MaxStale stays the bound. With the system's
	// clock a timer ends the use of a key without another look, at about half of
	// MaxStale; a process that was frozen for longer may still make a call or two
	// before its timers run again.
	MaxStale time.Duration

	// OutageGrace is how much longer than MaxStale keys in use go on serving
	// while the store is unreachable: 0 is 60 s, below 0 is none.
	OutageGrace time.Duration

	// Now is the clock; nil is time.Now.
	Now func() time.Time

	// CacheKeys is how many keys are kept ready in memory; 0 is 10,000. An RSA
	// key of many versions takes many times as much as one of AES_256. Beside
	// them, what rollback is told by and encryptions are counted with stays for
	// every key that was ever used here: about 600 bytes.
	CacheKeys int

	// RecoveryRoots are root keys that open the store too, as AddRoot has made
	// them: those that this process may have at hand, such as the same service's
	// in another region. Only Check asks them, each time that it is called.
	RecoveryRoots []rootkey.Provider

	// MustExist makes Open refuse an empty store, which it otherwise
	// initialises: set it where an empty store means a wrong address.
	MustExist bool
}

const (
	defaultMaxStale    = 5 * time.Second
	maxMaxStale        = 60 * time.Second
	defaultOutageGrace = 60 * time.Second
	defaultCacheKeys   = 10_000
)

// A KMS is a key management service in this process, over a key store. It is
// safe for concurrent use, also by any number of processes on one store.
type KMS struct {
	*core
	dryRun bool
}

// core is what a KMS and its views share.
type core struct {
	store      keystore.Store
	writer     *settle.Writer
	gm         gm.Provider
	newSM3     func() hash.Hash // of gm: a method value is made once, not for each data key
	authorizer Authorizer
	auditor    Auditor
	now        func() time.Time
	elapsed    func() time.Duration

	keys    *keycache.Cache[keyID, *loadedKey]
	aliases *keycache.Cache[string, loadedAlias]
	outage  *keycache.Outage
	usage   ledger
	closed  atomic.Bool

	ring       atomic.Pointer[keyring.Ring]
	ringShown  atomic.Int64   // when a read began that has shown it, by elapsed; a minute ago after a hint
	ringWriter *settle.Writer // of its own: edits of records wait for the ring, never the reverse

	recovery []rootkey.Provider // that Check tries

	changing chan struct{} // held while the ring is exchanged; guards the rest
	root     rootkey.Provider
	refused  refusedRing
}

// Open opens a key store with its root key. An empty store is initialised,
// exactly once however many processes open it at the same time; a store that
// has records but no keyring is refused with ErrTampered.
//
// The store stays the caller's, to be closed after the KMS.
func Open(ctx context.Context, store KeyStore, root rootkey.Provider, opts *Options) (*KMS, error) {
	k, err := open(ctx, store, root, opts)
	if err != nil {
		return nil, &Error{Op: OpOpen, Err: err}
	}
	return k, nil
}

func open(ctx context.Context, store KeyStore, root rootkey.Provider, opts *Options) (*KMS, error) {
	if store == nil || root == nil {
		return nil, fmt.Errorf("%w: a key store and a root key are needed", ErrInvalidArgument)
	}
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &core{
		store: store, writer: settle.NewWriter(store), ringWriter: settle.NewWriter(store),
		root: root, recovery: o.RecoveryRoots, changing: make(chan struct{}, 1), gm: o.GM, newSM3: o.GM.NewSM3,
		authorizer: o.Authorizer, auditor: o.Auditor,
		now: o.Now, elapsed: elapsed(o.Now),
	}
	ring, err := keyring.Open(ctx, c.ringWriter, root, o.MustExist, c.timestamp())
	if errors.Is(err, keyring.ErrNoKeyring) {
		return nil, fmt.Errorf("%w: %w", ErrInvalidState, err)
	} else if err != nil {
		return nil, storeError(err)
	}
	c.ring.Store(ring)
	c.outage = keycache.NewOutage(c.probe)
	var clock func() time.Duration // nil is the system's
	if opts != nil && opts.Now != nil {
		clock = c.elapsed
	}
	c.keys = keycache.New(keycache.Config[keyID, *loadedKey]{
		Get: c.getKey, Build: c.loadKey, MaxStale: o.MaxStale, Grace: o.OutageGrace,
		Capacity: o.CacheKeys, Outage: c.outage, Clock: clock, Hash: keyID.hash,
	})
	seed := maphash.MakeSeed()
	c.aliases = keycache.New(keycache.Config[string, loadedAlias]{
		Get: c.getAlias, Build: c.loadAlias, MaxStale: o.MaxStale, Grace: o.OutageGrace,
		Capacity: o.CacheKeys, Outage: c.outage, Clock: clock,
		Hash: func(name string) uint64 { return maphash.String(seed, name) },
	})
	if w, ok := store.(keystore.Watcher); ok {
		c.outage.Go(func(ctx context.Context) { c.watch(ctx, w) })
	}
	return &KMS{core: c}, nil
}

// withDefaults returns the options that the zero values of o stand for.
func (o *Options) withDefaults() (Options, error) {
	if o == nil {
		o = &Options{}
	}
	d := *o
	if d.GM == nil {
		d.GM = gm.Default()
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	switch {
	case d.MaxStale > maxMaxStale:
		return d, fmt.Errorf("%w: MaxStale of %v, at most %v", ErrInvalidArgument, d.MaxStale, maxMaxStale)
	case d.MaxStale == 0:
		d.MaxStale = defaultMaxStale
	}
	if d.RecoveryRoots = slices.Clone(d.RecoveryRoots); slices.Contains(d.RecoveryRoots, nil) {
		return d, fmt.Errorf("%w: a recovery root key is nil", ErrInvalidArgument)
	}
	if d.OutageGrace == 0 {
		d.OutageGrace = defaultOutageGrace
	}
	d.MaxStale, d.OutageGrace = max(d.MaxStale, 0), max(d.OutageGrace, 0)
	switch {
	case d.CacheKeys < 0:
		return d, fmt.Errorf("%w: CacheKeys of %d", ErrInvalidArgument, d.CacheKeys)
	case d.CacheKeys == 0:
		d.CacheKeys = defaultCacheKeys
	}
	return d, nil
}

// elapsed returns a clock for ages. Ages are differences of times, so that the
// monotonic reading of time.Now counts and a corrected wall clock does not.
func elapsed(now func() time.Time) func() time.Duration {
	start := now()
	return func() time.Duration { return now().Sub(start) }
}

// Close drops all cached keys. Calls under way finish; later ones return
// ErrClosed. It does not close the key store. On a DryRun view it does nothing.
func (k *KMS) Close() error {
	if k.dryRun || k.closed.Swap(true) {
		return nil
	}
	k.outage.Close()
	k.keys.Clear()
	k.aliases.Clear()
	return nil
}

// DryRun returns a view of k on which every call is checked, authorised and
// resolved, and then stops with ErrDryRun, or with the error that it would have
// met: nothing is written and nothing is decrypted.
func (k *KMS) DryRun() *KMS { return &KMS{k.core, true} }

// timestamp is the time as it is stored: to the millisecond, in UTC.
func (c *core) timestamp() time.Time { return c.now().UTC().Truncate(time.Millisecond) }
