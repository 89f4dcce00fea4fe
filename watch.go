package kms

import (
	"context"
	"strings"
	"time"

	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/keystore"
)

const (
	minWatchPause = 50 * time.Millisecond // before a watch begins anew, doubling
	maxWatchPause = 5 * time.Second
)

// watch takes the hints of a store until ctx is done. Nothing rests on them:
// without any, what is cached is validated in time all the same.
func (c *core) watch(ctx context.Context, w keystore.Watcher) {
	for pause := minWatchPause; ctx.Err() == nil; pause = min(2*pause, maxWatchPause) {
		began := time.Now()
		if events, err := w.Watch(ctx, ""); err == nil {
			c.expireAll() // nobody has told of what came before
			c.follow(ctx, events)
		}
		if time.Since(began) > maxWatchPause {
			pause = minWatchPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// follow takes hints until there are no more.
func (c *core) follow(ctx context.Context, events <-chan keystore.Event) {
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return
			}
			c.hint(e.Key)
		case <-ctx.Done():
			return
		}
	}
}

// hint lets the next call that uses a record read it again. The revision of the
// event is not looked at: it may be wrong, and then the event would count for
// nothing.
func (c *core) hint(key string) {
	switch {
	case key == "":
		c.expireAll()
	case key == keyring.Key:
		c.expireRing()
	case strings.HasPrefix(key, keyring.AliasPrefix):
		c.aliases.ExpireFunc(func(_ string, a loadedAlias) bool { return a.record == key })
	case strings.HasPrefix(key, keyPrefix):
		if id, err := parseKeyID(key[len(keyPrefix):]); err == nil {
			c.keys.Expire(id)
		}
	}
}

// expireAll lets everything be read again before its next use.
func (c *core) expireAll() {
	c.expireRing()
	c.keys.ExpireFunc(func(keyID, *loadedKey) bool { return true })
	c.aliases.ExpireFunc(func(string, loadedAlias) bool { return true })
}

// expireRing lets the keyring be read again before the next key is loaded.
func (c *core) expireRing() { c.ringShown.Store(int64(c.elapsed() - maxRingAge)) }
