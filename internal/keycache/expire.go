package keycache

// Expire takes a hint that the record under key may have changed: the next
// Lookup validates the entry by a Get that begins after this call. A hint that is
// wrong costs that Get, and no more. While the store is down the entry serves on,
// as if it had come of age.
func (c *Cache[K, V]) Expire(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hints++
	delete(c.absent, key)
	delete(c.flights, key) // who comes later must not join one that began before
	if e := c.entry(key); e != nil {
		c.expire(e)
	}
}

// ExpireFunc is Expire of each key whose entry is stale, as that reports, and of
// all that have no entry.
func (c *Cache[K, V]) ExpireFunc(stale func(K, V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hints++
	clear(c.absent)
	clear(c.flights)
	for e := range c.all {
		if stale(e.key, e.Value) {
			c.expire(e)
		}
	}
}

// expire makes e stale. c.mu is held.
func (c *Cache[K, V]) expire(e *Entry[K, V]) {
	e.hinted = c.hints
	e.stale.Store(true)
	e.young.Store(false)
}

// lastHint returns the last hint that may have been of key. Of one that has no
// entry it is not known, so it is that of any key. c.mu is held.
func (c *Cache[K, V]) lastHint(key K) uint64 {
	if e := c.entry(key); e != nil {
		return e.hinted
	}
	return c.hints
}
