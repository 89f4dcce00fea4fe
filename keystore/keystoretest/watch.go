package keystoretest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/embedkms/kms/keystore"
)

const (
	watchLimit  = 5 * time.Second  // for an event
	resyncLimit = 30 * time.Second // for a resync, with a connection made anew on a busy machine
)

// RunWatch checks what package keystore says of a Watcher, on a store that
// harness makes for each case as it does for Run. A store that cannot be watched
// fails. What takes events away is the driver's own: its tests bring that about
// and call WantResync.
func RunWatch(t *testing.T, harness func(t *testing.T) (open func() keystore.Store)) {
	for _, c := range watchCases {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Log("contract: " + c.contract)
				}
			}()
			c.check(t, harness(t))
		})
	}
}

// WantResync fails the test unless a resync comes from events in time; what else
// comes before it is passed over.
func WantResync(t *testing.T, events <-chan keystore.Event) {
	t.Helper()
	resync := func(e keystore.Event) bool { return e.Key == "" }
	if err := awaitEvent(events, resyncLimit, resync); err != nil {
		t.Errorf("resync: %v", err)
	}
}

var watchCases = []testCase{
	{"watch", "What changes after Watch has returned leads to an event or a resync.", watchWrites},
	{"watch prefix", "Watch is of the keys that start with prefix.", watchPrefix},
	{"watch unread", "Nobody waits for who reads the channel; a resync stands for what he missed.",
		watchUnread},
	{"watch ends with ctx", "The channel is closed when ctx is done.", watchEnds},
	{"watch ends with Close", "The channel is closed when the store is.", watchClosed},
	{"watch cancelled", "Watch fails if ctx is done before.", watchCancelled},
}

// watch watches s, which must be a Watcher.
func (r *rig) watch(ctx context.Context, s keystore.Store, prefix string) <-chan keystore.Event {
	r.Helper()
	w, ok := s.(keystore.Watcher)
	if !ok {
		r.Fatalf("%T is no Watcher", s)
	}
	events, err := w.Watch(ctx, prefix)
	if err != nil {
		r.Fatalf("Watch: %v", err)
	}
	return events
}

// told checks that an event of key comes, or a resync. A revision is right or 0.
func (r *rig) told(events <-chan keystore.Event, key string, rev uint64) {
	r.Helper()
	err := awaitEvent(events, watchLimit, func(e keystore.Event) bool {
		return e.Key == "" || e.Key == key && (e.Rev == rev || e.Rev == 0)
	})
	if err != nil {
		r.Fatalf("event of %q at revision %d: %v", key, rev, err)
	}
}

// awaitEvent reads events until one is what is wanted.
func awaitEvent(
	events <-chan keystore.Event, within time.Duration, wanted func(keystore.Event) bool,
) error {
	limit := time.NewTimer(within)
	defer limit.Stop()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return fmt.Errorf("the channel is closed")
			}
			if wanted(e) {
				return nil
			}
		case <-limit.C:
			return fmt.Errorf("none within %v", within)
		}
	}
}

// ended checks that the channel is closed, in at most patience and what a busy
// machine takes.
func (r *rig) ended(events <-chan keystore.Event) {
	r.Helper()
	limit := time.NewTimer(watchLimit)
	defer limit.Stop()
	for {
		select {
		case _, ok := <-events:
			if !ok {
				return
			}
		case <-limit.C:
			r.Fatalf("the channel is still open")
		}
	}
}

func watchWrites(r *rig) {
	a, b := r.open(), r.open()
	r.put(b, "key/a", 1, "before")
	events := r.watch(r.ctx, a, "")
	r.put(b, "key/a", 2, "replaced by another handle")
	r.told(events, "key/a", 2)
	r.put(a, "key/a", 3, "replaced by the same")
	r.told(events, "key/a", 3)
	r.put(b, "meta", 1, "created")
	r.told(events, "meta", 1)
	if err := b.Delete(r.ctx, "key/a", 3); err != nil {
		r.Fatalf("Delete: %v", err)
	}
	r.told(events, "key/a", 0)
	r.put(b, "key/a", 1, "created again")
	r.told(events, "key/a", 1)
}

func watchPrefix(r *rig) {
	a, b := r.open(), r.open()
	events := r.watch(r.ctx, a, "key/")
	keys := []string{"key", "key-a", "key/b", "kez/c", "alias/key", "key/d"}
	for _, key := range keys {
		r.put(b, key, 1, "v")
	}
	err := awaitEvent(events, watchLimit, func(e keystore.Event) bool {
		if e.Key == "key" || e.Key == "key-a" || e.Key == "kez/c" || e.Key == "alias/key" {
			r.Errorf("event of %q under key/", e.Key)
		}
		return e.Key == "" || e.Key == "key/d"
	})
	if err != nil {
		r.Errorf("event of key/d: %v", err)
	}
}

// watchUnread writes more than a driver would keep for who does not read.
func watchUnread(r *rig) {
	a, b := r.open(), r.open()
	events := r.watch(r.ctx, a, "")
	const writes = 500
	for rev := range uint64(writes) {
		r.put(b, "key/a", rev+1, "v")
	}
	r.told(events, "key/a", writes)
	r.put(b, "key/b", 1, "v")
	r.told(events, "key/b", 1)
}

func watchEnds(r *rig) {
	s := r.open()
	ctx, cancel := context.WithCancel(r.ctx)
	read, unread := r.watch(ctx, s, ""), r.watch(ctx, s, "key/")
	r.put(s, "key/a", 1, "v")
	r.told(read, "key/a", 1)
	cancel()
	r.ended(read)
	r.ended(unread)
	r.put(s, "key/a", 2, "v")
}

func watchClosed(r *rig) {
	s := r.open()
	events := r.watch(r.ctx, s, "")
	if !r.close(s) {
		r.Errorf("%T has a watch to end and no Close", s)
		return
	}
	r.ended(events)
	_, err := s.(keystore.Watcher).Watch(r.ctx, "")
	r.wantErr(err, keystore.ErrClosed, "Watch")
}

func watchCancelled(r *rig) {
	s := r.open()
	ctx, cancel := context.WithCancel(r.ctx)
	cancel()
	w, ok := s.(keystore.Watcher)
	if !ok {
		r.Fatalf("%T is no Watcher", s)
	}
	_, err := w.Watch(ctx, "")
	r.wantErr(err, context.Canceled, "Watch")
}
