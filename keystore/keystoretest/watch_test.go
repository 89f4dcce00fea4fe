package keystoretest

import (
	"context"
	"slices"
	"testing"

	"github.com/embedkms/kms/internal/watchstore"
	"github.com/embedkms/kms/keystore"
)

func TestRunWatch(t *testing.T) {
	RunWatch(t, func(t *testing.T) func() keystore.Store {
		s := watchstore.New()
		return func() keystore.Store { return s }
	})
}

func TestWantResync(t *testing.T) {
	events := make(chan keystore.Event, 2)
	events <- keystore.Event{Key: "key/a", Rev: 1}
	events <- keystore.Event{}
	WantResync(t, events)
}

// A badWatcher has one method replaced.
type badWatcher struct {
	*watchstore.Store
	watch func(ctx context.Context, prefix string) (<-chan keystore.Event, error)
	close func() error
}

func (b *badWatcher) Watch(ctx context.Context, prefix string) (<-chan keystore.Event, error) {
	if b.watch != nil {
		return b.watch(ctx, prefix)
	}
	return b.Store.Watch(ctx, prefix)
}

func (b *badWatcher) Close() error {
	if b.close != nil {
		return b.close()
	}
	return b.Store.Close()
}

// only passes on the events that keep is true of, and none that the reader is
// not there for.
func only(keep func(keystore.Event) bool) func(*badWatcher) {
	return func(b *badWatcher) {
		b.watch = func(ctx context.Context, prefix string) (<-chan keystore.Event, error) {
			events, err := b.Store.Watch(ctx, prefix)
			if err != nil {
				return nil, err
			}
			kept := make(chan keystore.Event, 8)
			go func() {
				defer close(kept)
				for e := range events {
					if keep(e) && len(kept) < cap(kept) {
						kept <- e
					}
				}
			}()
			return kept, nil
		}
	}
}

var watchPlants = []struct {
	bug      string
	caughtBy string
	sabotage func(*badWatcher)
}{
	{"nothing is told", "watch", only(func(keystore.Event) bool { return false })},
	{"deletions are not told", "watch", only(func(e keystore.Event) bool { return e.Rev > 0 })},
	{"one revision is not told", "watch", only(func(e keystore.Event) bool { return e.Rev != 2 })},
	{"the prefix is ignored", "watch prefix", func(b *badWatcher) {
		b.watch = func(ctx context.Context, prefix string) (<-chan keystore.Event, error) {
			return b.Store.Watch(ctx, "")
		}
	}},
	{"events are dropped", "watch unread", only(func(e keystore.Event) bool { return e.Key != "" })},
	{"ctx is ignored", "watch ends with ctx", ignoresContext},
	{"ctx that is done is ignored", "watch cancelled", ignoresContext},
	{"Close is forgotten", "watch ends with Close", func(b *badWatcher) {
		b.close = func() error { return nil }
	}},
}

func ignoresContext(b *badWatcher) {
	b.watch = func(ctx context.Context, prefix string) (<-chan keystore.Event, error) {
		return b.Store.Watch(context.WithoutCancel(ctx), prefix)
	}
}

// TestPlantedWatch is TestPlanted of watches.
func TestPlantedWatch(t *testing.T) {
	found := make(map[string]bool)
	for _, p := range watchPlants {
		found[p.caughtBy] = true
		t.Run(p.bug, func(t *testing.T) {
			t.Parallel() // each waits for what does not come
			i := slices.IndexFunc(watchCases, func(c testCase) bool { return c.name == p.caughtBy })
			b := &badWatcher{Store: watchstore.New()}
			t.Cleanup(func() { b.Store.Close() })
			p.sabotage(b)
			failures := watch(func(t tester) {
				watchCases[i].check(t, func() keystore.Store { return b })
			})
			if len(failures) == 0 {
				t.Errorf("case %q passes", p.caughtBy)
			}
		})
	}
	for _, c := range watchCases {
		if !found[c.name] {
			t.Errorf("case %q has no bug to find", c.name)
		}
	}
}
