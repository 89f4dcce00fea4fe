package keycache

import "sync/atomic"

// A table is a hash table of entries for readers that take no lock. One writer
// at a time, who holds the cache's mu, changes it. It is open-addressed and at
// most half full, so that a search ends soon; in the place of a removed entry
// stays a dead one, without a value, until the table is made anew.
type table[K comparable, V any] struct {
	slots []atomic.Pointer[Entry[K, V]] // a power of two of them
	used  int                           // slots with an entry, dead or alive
}

const minSlots = 16

// find returns the slot of key, or the empty one where it belongs.
func (t *table[K, V]) find(key K, hash uint64) *atomic.Pointer[Entry[K, V]] {
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		slot := &t.slots[i]
		if e := slot.Load(); e == nil || e.key == key {
			return slot
		}
	}
}

// entry returns the entry of key, or nil.
func (c *Cache[K, V]) entry(key K) *Entry[K, V] {
	e := c.table.Load().find(key, c.Hash(key)).Load()
	if e == nil || e.dead {
		return nil
	}
	return e
}

// put makes e the entry of its key. c.mu is held.
func (c *Cache[K, V]) put(e *Entry[K, V]) {
	if c.entry(e.key) == nil {
		c.size++
	}
	t := c.table.Load()
	if 2*(t.used+1) > len(t.slots) {
		t = c.rebuild()
	}
	slot := t.find(e.key, c.Hash(e.key))
	if slot.Load() == nil {
		t.used++
	}
	slot.Store(e)
}

// drop removes the entry of key, if there is one. c.mu is held.
func (c *Cache[K, V]) drop(key K) {
	slot := c.table.Load().find(key, c.Hash(key))
	if e := slot.Load(); e != nil && !e.dead {
		slot.Store(&Entry[K, V]{key: key, dead: true})
		c.size--
	}
}

// rebuild makes a table with room, of the entries that are alive. c.mu is held.
func (c *Cache[K, V]) rebuild() *table[K, V] {
	slots := minSlots
	for slots < 4*(c.size+1) {
		slots *= 2
	}
	t := &table[K, V]{slots: make([]atomic.Pointer[Entry[K, V]], slots)}
	for e := range c.all {
		t.find(e.key, c.Hash(e.key)).Store(e)
		t.used++
	}
	c.table.Store(t)
	return t
}

// all yields the entries that are alive.
func (c *Cache[K, V]) all(yield func(*Entry[K, V]) bool) {
	t := c.table.Load()
	for i := range t.slots {
		if e := t.slots[i].Load(); e != nil && !e.dead && !yield(e) {
			return
		}
	}
}
