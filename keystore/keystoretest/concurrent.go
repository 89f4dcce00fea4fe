package keystoretest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/embedkms/kms/keystore"
)

func concurrentCreates(r *rig) {
	s := r.open()
	for round := range 4 {
		key := fmt.Sprintf("key/%d", round)
		var won atomic.Int32
		r.together(64, func(i int) error {
			err := s.Put(r.ctx, record(key, 1, strconv.Itoa(i)))
			if err == nil && won.Swap(int32(i)+1) != 0 {
				return errors.New("a second create succeeded")
			}
			if err != nil && !errors.Is(err, keystore.ErrConflict) {
				return err
			}
			return nil
		})
		r.stored(s, key, 1, strconv.Itoa(int(won.Load())-1))
	}
}

func concurrentIncrements(r *rig) {
	s := r.open()
	r.increments(32, 50, func(int) keystore.Store { return s })
}

func twoHandles(r *rig) {
	handles := []keystore.Store{r.open(), r.open()}
	r.increments(16, 25, func(i int) keystore.Store { return handles[i%2] })
}

// increments has n goroutines add one to a counter, times each, by
// compare-and-swap.
func (r *rig) increments(n, times int, handle func(i int) keystore.Store) {
	r.Helper()
	r.put(handle(0), "key/counter", 1, "0")
	r.together(n, func(i int) error {
		for range times {
			if err := increment(r.ctx, handle(i), "key/counter"); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range 2 {
		r.stored(handle(i), "key/counter", uint64(n*times+1), strconv.Itoa(n*times))
	}
}

// increment adds one to the number under key.
func increment(ctx context.Context, s keystore.Store, key string) error {
	return update(ctx, s, key, func(old string) (string, error) {
		n, err := strconv.Atoi(old)
		return strconv.Itoa(n + 1), err
	})
}

// update replaces the data under key, which nobody deletes, with what change
// makes of it. It tries again after a conflict, unless nobody else made one:
// the revision that it read was there all along.
func update(
	ctx context.Context, s keystore.Store, key string, change func(string) (string, error),
) error {
	conflict := uint64(0) // the revision of the last attempt
	for {
		old, err := s.Get(ctx, key)
		if err != nil {
			return fmt.Errorf("get: %w", err)
		}
		if old.Rev+1 == conflict {
			return fmt.Errorf("put at %d over %d: %w", old.Rev+1, old.Rev, keystore.ErrConflict)
		}
		data, err := change(string(old.Data))
		if err != nil {
			return err
		}
		conflict = old.Rev + 1
		err = s.Put(ctx, record(key, old.Rev+1, data))
		if !errors.Is(err, keystore.ErrConflict) {
			return err
		}
	}
}

// together runs f in n goroutines that begin at the same time.
func (r *rig) together(n int, f func(i int) error) {
	r.Helper()
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-begin
			if err := f(i); err != nil {
				r.Errorf("goroutine %d: %v", i, err)
			}
		})
	}
	close(begin)
	wg.Wait()
}

func readYourWrites(r *rig) {
	a, b := r.open(), r.open()
	for rev := range uint64(20) {
		data := fmt.Sprint("v", rev+1)
		r.put(a, "key/a", rev+1, data)
		r.stored(b, "key/a", rev+1, data)
		page, err := b.List(r.ctx, "key/", "", 10)
		if err != nil || len(page) != 1 {
			r.Fatalf("List through the other handle: %q, %v", keysOf(page), err)
		}
		r.equal(page[0], record("key/a", rev+1, data))
		a, b = b, a
	}
	if err := a.Delete(r.ctx, "key/a", 20); err != nil {
		r.Fatalf("Delete: %v", err)
	}
	r.absent(b, "key/a")
	r.absent(a, "key/a")
}

// linearizable records 8 clients, over two handles, that read and replace one
// record, 1,000 operations in all.
func linearizable(r *rig) {
	handles := []keystore.Store{r.open(), r.open()}
	var mu sync.Mutex
	var history []Op
	start := time.Now()
	r.together(8, func(client int) error {
		s := handles[client%2]
		for i := range 125 {
			op := Op{Write: i%3 == client%3, Data: fmt.Sprintf("%d/%d", client, i)}
			if err := r.operate(s, &op, start); err != nil {
				return err
			}
			if op.Write && op.Rev == 0 {
				continue // a conflict
			}
			mu.Lock()
			history = append(history, op)
			mu.Unlock()
		}
		return nil
	})
	if err := Linearizable(history); err != nil {
		r.Errorf("%v", err)
	}
}

// operate reads the record, and if op is a write then replaces it with op.Data.
// It fills in op; a write that met a conflict has Rev 0.
func (r *rig) operate(s keystore.Store, op *Op, start time.Time) error {
	op.Call = time.Since(start)
	old, err := s.Get(r.ctx, "key/a")
	op.Return = time.Since(start)
	if err != nil && !errors.Is(err, keystore.ErrNotFound) {
		return err
	}
	if !op.Write {
		op.Rev, op.Data = old.Rev, string(old.Data)
		return nil
	}
	op.Call = time.Since(start)
	err = s.Put(r.ctx, record("key/a", old.Rev+1, op.Data))
	op.Return = time.Since(start)
	if errors.Is(err, keystore.ErrConflict) {
		return nil
	}
	op.Rev = old.Rev + 1
	return err
}
