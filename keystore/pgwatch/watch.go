package pgwatch

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/embedkms/kms/keystore"
)

const (
	connectLimit = 5 * time.Second // for a connection that listens
	checkPause   = 3 * time.Second // between questions whether all is well
	answerLimit  = 3 * time.Second // for the answer

	minPause = 50 * time.Millisecond // before a watch connects anew, doubling
	maxPause = 2 * time.Second
)

// Watch implements keystore.Watcher. It is told of changes by the server, usually
// within milliseconds. A resync comes when the connection was lost and another is
// there, when the table was emptied by TRUNCATE or is another one of that name,
// and for more than MaxHints a second.
func (s *Store) Watch(ctx context.Context, prefix string) (<-chan keystore.Event, error) {
	ctx, end, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	w := &watch{Store: s, prefix: prefix, queue: newQueue()}
	l, err := w.connect(ctx)
	if err != nil {
		defer end()
		if s.ctx.Err() != nil {
			return nil, keystore.ErrClosed
		}
		return nil, fail(ctx, err)
	}
	go func() {
		defer end()
		defer close(w.queue.events)
		w.run(ctx, l)
	}()
	return w.queue.events, nil
}

// enter begins what Close ends, by the ctx it returns, and waits for until end is
// called.
func (s *Store) enter(ctx context.Context) (_ context.Context, end func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, nil, keystore.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, fail(ctx, err)
	}
	s.watches.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	detach := context.AfterFunc(s.ctx, cancel)
	return ctx, func() {
		detach()
		cancel()
		s.watches.Done()
	}, nil
}

// A watch tells of the changes of some keys.
type watch struct {
	*Store
	prefix string
	queue  *queue
}

// connect returns a line that hears of changes.
func (w *watch) connect(ctx context.Context) (*line, error) {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	l, err := w.dial(ctx, w.heed)
	if err != nil {
		return nil, err
	}
	if err := l.listen(ctx, w.table); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// heed takes a notification, which anybody may have sent.
func (w *watch) heed(payload string) {
	if e, ok := parse(payload, w.prefix); ok {
		w.queue.hint(e, time.Now())
	}
}

// run tells of changes until ctx is done, on one line after another.
func (w *watch) run(ctx context.Context, l *line) {
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		if began := time.Now(); l != nil {
			w.follow(ctx, l)
			l.close()
			if time.Since(began) > maxPause {
				pause = minPause
			}
		}
		// When a server is back, not all come to it at once.
		select {
		case <-time.After(pause/2 + rand.N(pause/2)):
		case <-ctx.Done():
			return
		}
		var err error
		if l, err = w.connect(ctx); err == nil {
			w.queue.tell(keystore.Event{}) // nobody has told of what came before
		}
	}
}

// follow tells of changes until the line is of no more use.
func (w *watch) follow(ctx context.Context, l *line) {
	for check := time.Now().Add(checkPause); ; {
		waiting, cancel := context.WithDeadline(ctx, w.queue.wake(check))
		err := l.conn.WaitForNotification(waiting)
		late := waiting.Err() != nil
		cancel()
		if ctx.Err() != nil || err != nil && !late || l.conn.IsClosed() {
			return
		}
		now := time.Now()
		w.queue.settle(now)
		if now.Before(check) {
			continue
		}
		if !l.intact(ctx, w.table) {
			return
		}
		check = time.Now().Add(checkPause)
	}
}
