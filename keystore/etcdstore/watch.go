package etcdstore

import (
	"context"
	"reflect"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/connectivity"

	"github.com/embedkms/kms/keystore"
)

const (
	unread   = 64                    // events that wait for the reader
	minPause = 50 * time.Millisecond // before a watch begins anew, doubling
	maxPause = time.Second
	askLimit = 3 * time.Second // for the answer where it is to begin
)

// Watch implements keystore.Watcher. It is told of changes by etcd, usually
// within milliseconds. A resync comes when the client had lost all its servers
// and found one again, when the server has no leader or is late as the watch
// begins, and when a compaction took the changes away that were to be told next.
func (s *Store) Watch(ctx context.Context, prefix string) (<-chan keystore.Event, error) {
	if err := s.check(ctx, nil); err != nil {
		return nil, err
	}
	w := &watch{Store: s, path: s.prefix + prefix, events: make(chan keystore.Event, unread)}
	rev, err := w.revision(ctx)
	if err != nil {
		return nil, wrap(ctx, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, keystore.ErrClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	detach := context.AfterFunc(s.ctx, cancel)
	s.watches.Go(func() {
		defer cancel()
		defer detach()
		defer close(w.events)
		w.run(ctx, rev)
	})
	return w.events, nil
}

// A watch tells of the changes of some keys.
type watch struct {
	*Store
	path   string // what the etcd keys start with
	events chan keystore.Event
	behind bool // a resync is owed to the reader
}

// revision returns the revision of etcd as a whole that the newest write has
// reached: whatever comes after it, a watch from there tells of.
func (w *watch) revision(ctx context.Context) (int64, error) {
	resp, err := w.client.Get(ctx, w.path, clientv3.WithCountOnly())
	if err != nil {
		return 0, err
	}
	return resp.Header.Revision, nil
}

// run tells of what comes after rev until ctx is done.
func (w *watch) run(ctx context.Context, rev int64) {
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		began := time.Now()
		w.follow(ctx, rev)
		if time.Since(began) > maxPause {
			pause = minPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		// The reader is told after that: what he then reads is no older than
		// the point from which on he is told of changes.
		w.behind = true
		rev = w.restart(ctx)
	}
}

// restart asks for the revision to go on from until there is an answer.
func (w *watch) restart(ctx context.Context) int64 {
	for {
		limited, cancel := context.WithTimeout(ctx, askLimit)
		rev, err := w.revision(limited)
		cancel()
		if err == nil || ctx.Err() != nil {
			return rev
		}
		select {
		case <-time.After(maxPause):
		case <-ctx.Done():
		}
	}
}

// follow tells of what comes after rev until etcd tells no more.
func (w *watch) follow(ctx context.Context, rev int64) {
	// A member that is cut off from the others would be silent.
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	w.watches.Go(func() { w.endOnLoss(ctx, cancel) })
	watcher, done := w.watcher()
	defer done()
	changes := watcher.Watch(ctx, w.path, clientv3.WithPrefix(), clientv3.WithRev(rev+1),
		clientv3.WithCreatedNotify())
	for {
		var resync chan<- keystore.Event // nil unless one is owed
		if w.behind {
			resync = w.events
		}
		select {
		case resp, ok := <-changes:
			// A server that is behind rev as it begins to tell would be silent until it
			// got there: it was restored from a backup since, or is late.
			if !ok || resp.Err() != nil || resp.Created && resp.Header.Revision < rev {
				return
			}
			for _, e := range resp.Events {
				w.tell(e)
			}
		case resync <- keystore.Event{}:
			w.behind = false
		case <-ctx.Done():
			return
		}
	}
}

// watcher returns what to watch with, and what ends it. The client's own Watcher
// would keep a stream, a few goroutines, of a watch that is cancelled before the
// server has confirmed it. But one that somebody has put in its place, as package
// namespace does, knows other keys.
func (w *watch) watcher() (_ clientv3.Watcher, done func()) {
	own := clientv3.NewWatcher(w.client)
	if reflect.TypeOf(own) != reflect.TypeOf(w.client.Watcher) {
		return w.client.Watcher, func() {}
	}
	return own, func() { own.Close() }
}

// tell tells of one change, or owes a resync if the reader is too slow.
func (w *watch) tell(e *clientv3.Event) {
	key := strings.TrimPrefix(string(e.Kv.Key), w.prefix)
	if w.behind || keystore.CheckKey(key) != nil {
		return
	}
	select {
	case w.events <- keystore.Event{Key: key, Rev: uint64(e.Kv.Version)}: // 0 if deleted
	default:
		w.behind = true
	}
}

// endOnLoss ends a watch when the client has lost its last server. The client
// would resume it at the revision it had reached; but a server that was
// restored from a backup meanwhile is at an earlier one, and would be silent
// until it got there again.
func (w *watch) endOnLoss(ctx context.Context, end context.CancelFunc) {
	conn := w.client.ActiveConnection()
	if conn == nil {
		return // a client without one of its own
	}
	// If it is lost already, the answer of where to begin came before that.
	if conn.WaitForStateChange(ctx, connectivity.Ready) {
		end()
	}
}
