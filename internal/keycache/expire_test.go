package keycache

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore"
)

// hints are the two ways to take a hint of one key.
var hints = map[string]func(f *fixture, key string){
	"Expire": func(f *fixture, key string) { f.Expire(key) },
	"ExpireFunc": func(f *fixture, key string) {
		f.ExpireFunc(func(k, _ string) bool { return k == key })
	},
}

// clocks are the system's and a caller's.
var clocks = map[string]func(*Config[string, string]){
	"system": nil,
	"own": func(c *Config[string, string]) {
		start := time.Now()
		c.Clock = func() time.Duration { return time.Since(start) }
	},
}

// eachHint runs a test with every hint and clock.
func eachHint(t *testing.T, test func(*testing.T, *fixture, func(f *fixture, key string))) {
	for hint, expire := range hints {
		for clock, config := range clocks {
			t.Run(hint+"/"+clock, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { test(t, newFixture(t, config), expire) })
			})
		}
	}
}

// The next Lookup after a hint sees what is stored, with one Get, and those after
// it make none: also where no time passes at all.
func TestExpire(t *testing.T) {
	eachHint(t, func(t *testing.T, f *fixture, expire func(*fixture, string)) {
		f.put(t, "a", 1, "one")
		f.put(t, "b", 1, "other")
		f.want(t, "a", "one")
		b := f.want(t, "b", "other")
		f.put(t, "a", 2, "two")
		f.want(t, "a", "one")
		gets := f.store.Calls("Get")
		for _, changed := range []bool{true, false} {
			expire(f, "a")
			a := f.want(t, "a", "two")
			for range 10 {
				if f.want(t, "a", "two") != a || f.want(t, "b", "other") != b {
					t.Error("not the same entry")
				}
			}
			if n := f.store.Calls("Get") - gets; n != 1 {
				t.Errorf("changed %v: %d Gets, want 1", changed, n)
			}
			gets = f.store.Calls("Get")
		}
	})
}

// A Get that began before a hint does not count as one that came after it,
// whether it shows a new record, the old one or none.
func TestExpireDuringLoad(t *testing.T) {
	for name, before := range map[string]func(*testing.T, *fixture){
		"cold":    func(t *testing.T, f *fixture) { f.put(t, "a", 1, "old") },
		"absent":  func(t *testing.T, f *fixture) {},
		"refresh": func(t *testing.T, f *fixture) { f.put(t, "a", 1, "old"); f.want(t, "a", "old") },
		"replace": func(t *testing.T, f *fixture) {
			f.put(t, "a", 1, "older")
			f.want(t, "a", "older")
			f.put(t, "a", 2, "old")
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachHint(t, func(t *testing.T, f *fixture, expire func(*fixture, string)) {
				slow := &slowGets{Store: f.store}
				f.Cache.Get = slow.Get
				before(t, f)
				time.Sleep(6 * time.Second) // what is cached is of age
				slow.hold = make(chan struct{})
				go f.Lookup(context.Background(), "a")
				synctest.Wait() // its Get has read
				rec, _ := f.store.Get(t.Context(), "a")
				f.put(t, "a", rec.Rev+1, "new")
				expire(f, "a")
				close(slow.hold)
				synctest.Wait()
				f.want(t, "a", "new")
				gets := f.store.Calls("Get")
				f.want(t, "a", "new")
				if f.store.Calls("Get") != gets {
					t.Error("a fresh entry is validated")
				}
			})
		})
	}
}

// Who comes after a hint does not wait for a Get that began before it.
func TestExpireParts(t *testing.T) {
	eachHint(t, func(t *testing.T, f *fixture, expire func(*fixture, string)) {
		slow := &slowGets{Store: f.store}
		f.Cache.Get = slow.Get
		f.put(t, "a", 1, "old")
		hold := make(chan struct{})
		slow.hold = hold
		go f.Lookup(context.Background(), "a")
		synctest.Wait()
		f.put(t, "a", 2, "new")
		expire(f, "a")
		slow.hold = nil
		f.want(t, "a", "new")
		close(hold)
		synctest.Wait()
		f.want(t, "a", "new")
	})
}

// A hint while the store is down takes nothing from the grace, and counts when
// the store is back.
func TestExpireInOutage(t *testing.T) {
	eachHint(t, func(t *testing.T, f *fixture, expire func(*fixture, string)) {
		f.put(t, "a", 1, "one")
		f.want(t, "a", "one")
		f.put(t, "a", 2, "two")
		f.store.SetDown(true)
		for range 3 {
			expire(f, "a")
			f.want(t, "a", "one")
		}
		f.store.SetDown(false)
		time.Sleep(time.Second) // a probe
		f.want(t, "a", "two")
		f.store.SetDown(true)
		expire(f, "a")
		time.Sleep(66 * time.Second)
		f.wantErr(t, "a", faultstore.ErrFault)
	})
}

// Hints leave nothing behind: neither memory nor Gets that go on.
func TestExpireOften(t *testing.T) {
	eachHint(t, func(t *testing.T, f *fixture, expire func(*fixture, string)) {
		f.put(t, "a", 1, "one")
		for i := range 1000 {
			expire(f, "a")
			expire(f, fmt.Sprint("unknown", i))
			f.want(t, "a", "one")
			time.Sleep(3 * time.Millisecond)
		}
		if len(f.marks) != 1 || f.Len() != 1 || len(f.flights) != 0 {
			t.Errorf("%d marks, %d entries, %d flights", len(f.marks), f.Len(), len(f.flights))
		}
		gets := f.store.Calls("Get")
		for range 6000 {
			f.want(t, "a", "one")
			time.Sleep(10 * time.Millisecond)
		}
		if n := f.store.Calls("Get") - gets; n > 30 {
			t.Errorf("%d Gets in a minute without a hint", n)
		}
	})
}

// A hint that is wrong does no harm to what is learned.
func TestExpireAndRollback(t *testing.T) {
	eachHint(t, func(t *testing.T, f *fixture, expire func(*fixture, string)) {
		one := f.put(t, "a", 1, "one")
		f.put(t, "a", 2, "two")
		f.want(t, "a", "two")
		if err := f.store.Delete(t.Context(), "a", 2); err != nil {
			t.Fatal(err)
		}
		expire(f, "a")
		f.wantErr(t, "a", ErrRollback)
		if err := f.store.Put(t.Context(), keystore.Record{Key: "a", Rev: 1, Data: one.Data}); err != nil {
			t.Fatal(err)
		}
		expire(f, "a")
		f.wantErr(t, "a", ErrRollback)
	})
}
