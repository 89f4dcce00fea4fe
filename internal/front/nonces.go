package front

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/embedkms/kms/internal/httpsig"
)

const (
	maxNonces = 1 << 20 // that are remembered: about 50 MB at most
	slice     = 10 * time.Second
)

// nonces remembers the requests that have come, of schemes with a nonce, for as
// long as their time lets them in. When there are too many, the oldest are forgotten, and
// from then on requests as old as those are refused: a request that is made twice
// is never let in, and honest clients sign just before they send.
type nonces struct {
	mu     sync.Mutex
	max    int
	seen   map[int64]map[nonce]struct{} // by the slice of time that they were signed in
	n      int
	oldest int64 // slice that is let in
}

type nonce [16]byte // a hash, so that long ones cost no more

func newNonces() *nonces {
	return &nonces{max: maxNonces, seen: map[int64]map[nonce]struct{}{}}
}

// add returns ErrReplay if the request has come before, and ErrClock if it is too
// old to tell. It remembers any other.
func (s *nonces) add(p *httpsig.Proof, now time.Time) error {
	if p.Nonce == "" {
		return nil
	}
	at, key := sliceOf(p.Time), hash(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(sliceOf(now.Add(-Skew)))
	if at < s.oldest {
		return ErrClock
	}
	if _, ok := s.seen[at][key]; ok {
		return ErrReplay
	}
	if s.seen[at] == nil {
		s.seen[at] = map[nonce]struct{}{}
	}
	s.seen[at][key] = struct{}{}
	if s.n++; s.n > s.max {
		s.forget(slices.Min(slices.Collect(maps.Keys(s.seen))) + 1)
	}
	return nil
}

// forget forgets what was signed before a slice of time.
func (s *nonces) forget(oldest int64) {
	if oldest <= s.oldest {
		return
	}
	s.oldest = oldest
	for at, seen := range s.seen {
		if at < oldest {
			s.n -= len(seen)
			delete(s.seen, at)
		}
	}
}

func sliceOf(t time.Time) int64 { return t.Unix() / int64(slice/time.Second) }

// hash is of all that a request cannot share with another one. The time belongs
// to it, since the nonces of some clients are of 16 bits; the signature covers it.
func hash(p *httpsig.Proof) nonce {
	id := sha256.Sum256([]byte(p.AccessKeyID)) // of a fixed length
	b := binary.BigEndian.AppendUint64(id[:], uint64(p.Time.Unix()))
	sum := sha256.Sum256(append(b, p.Nonce...))
	return nonce(sum[:])
}
