package suite

import (
	"maps"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms/gm"
)

// Every message counts once, by whichever session and key it was sealed, also
// after the collector has taken the session.
func TestCounter(t *testing.T) {
	var c Counter
	var wg sync.WaitGroup
	keys := newKeys(t, &c)
	for _, purpose := range purposes {
		k, err := keys.Key(purpose)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			wg.Go(func() {
				for i := range 1000 {
					if i%100 == 0 {
						runtime.GC() // which empties the pool
					}
					seal(t, k, []byte("x"), testMap)
				}
			})
		}
	}
	wg.Wait()
	if got := c.Total(); got != 12000 {
		t.Errorf("counted %d messages, want 12000", got)
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(c.sessions()) > 12 && time.Now().Before(deadline) {
		runtime.GC()
	}
	if n := len(c.sessions()); n > 12 {
		t.Errorf("%d sessions still have a count of their own", n)
	}
	if got := c.Total(); got != 12000 {
		t.Errorf("counted %d messages once the sessions were gone, want 12000", got)
	}
}

func newKeys(t *testing.T, c *Counter) *Keys {
	keys, err := NewKeys(AES256, testID, 1, count(32), gm.Default())
	if err != nil {
		t.Fatal(err)
	}
	keys.CountTo(c)
	return keys
}

func (c *Counter) sessions() map[*sessionCount]struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.live)
}

// What did not seal does not count.
func TestCounterOfFailures(t *testing.T) {
	var c Counter
	k, err := newKeys(t, &c).Key(Data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Seal(nil, []byte("x"), Context{Map: map[string]string{"": ""}}, 0); err == nil {
		t.Error("sealed under a context that does not exist")
	}
	if got := c.Total(); got != 0 {
		t.Errorf("counted %d messages", got)
	}
}
