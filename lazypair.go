package kms

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keypair"
)

// A lazyPair is the pair of a key version, parsed when it is first used. What
// fails then, an implementation may do the next time.
type lazyPair struct {
	spec    KeySpec
	version uint32
	gm      gm.Provider

	parsed   atomic.Pointer[keypair.Pair]
	mu       sync.Mutex
	material []byte // until it is parsed
}

func (l *lazyPair) get() (keypair.Pair, error) {
	if pair := l.parsed.Load(); pair != nil {
		return *pair, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if pair := l.parsed.Load(); pair != nil {
		return *pair, nil
	}
	pair, err := parsePair(l.spec, l.material, l.gm)
	if errors.Is(err, keypair.ErrInvalidKey) {
		return nil, fmt.Errorf("%w: version %d: %w", ErrTampered, l.version, err)
	}
	if err != nil {
		return nil, err
	}
	clear(l.material)
	l.material = nil
	l.parsed.Store(&pair)
	return pair, nil
}
