package keycache

import (
	"cmp"
	"slices"
	"time"
)

// evict makes room if there are too many entries, and now and then drops those
// that nothing has used for long. The entry of fresh stays. c.mu is held.
func (c *Cache[K, V]) evict(fresh K, now time.Duration) {
	if now-c.swept >= sweepPause || now < c.swept {
		c.swept = now
		for _, u := range c.uses(fresh) {
			if now-u.at >= idleLimit {
				c.drop(u.key)
			}
		}
	}
	if c.size <= c.Capacity {
		return
	}
	// The least recently used eighth goes at once, so that a working set
	// larger than the cache does not sort it at each load.
	uses := c.uses(fresh)
	slices.SortFunc(uses, func(a, b use[K]) int { return cmp.Compare(a.at, b.at) })
	for _, u := range uses[:min(len(uses), c.size-c.Capacity+c.Capacity/8)] {
		c.drop(u.key)
	}
}

// A use is when an entry was last looked up.
type use[K comparable] struct {
	key K
	at  time.Duration
}

// uses returns the last uses of all entries but that of fresh.
func (c *Cache[K, V]) uses(fresh K) []use[K] {
	list := make([]use[K], 0, c.size)
	for e := range c.all {
		if e.key != fresh {
			list = append(list, use[K]{e.key, e.Used()})
		}
	}
	return list
}
