package front

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
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
// long as their time lets them in. When there are too many, the oldest of the caller
// with the most are forgotten, and from then on his requests as old as those are
// refused: a request that is made twice is never let in, nobody is kept out by what
// others send, and honest clients sign just before they send.
type nonces struct {
	mu      sync.Mutex
	max     int
	callers map[uint64]*history // by whose secret it is
	seed    maphash.Seed
	n       int   // in all histories
	oldest  int64 // slice that is let in
}

// A history is what one caller has sent.
type history struct {
	seen   map[int64]map[nonce]struct{} // by the slice of time that they were signed in
	n      int
	oldest int64 // slice that is let in
}

type nonce [16]byte // a hash, so that long ones cost no more

func newNonces() *nonces {
	return &nonces{max: maxNonces, callers: map[uint64]*history{}, seed: maphash.MakeSeed()}
}

// add returns ErrReplay if a request that secret has signed has come before, and
// ErrClock if it is too old to tell. It remembers any other. The access key ID does
// not count: most schemes leave it unsigned, and a Credentials function may take
// several for one.
func (s *nonces) add(p *httpsig.Proof, secret string, now time.Time) error {
	if p.Nonce == "" {
		return nil
	}
	at, key, who := sliceOf(p.Time), hash(p), maphash.String(s.seed, secret)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(sliceOf(now.Add(-Skew)))
	h := s.callers[who]
	if h == nil {
		h = &history{seen: map[int64]map[nonce]struct{}{}}
		s.callers[who] = h
	}
	if at < max(h.oldest, s.oldest) {
		return ErrClock
	}
	if !h.add(at, key) {
		return ErrReplay
	}
	if s.n++; s.n > s.max {
		s.shrink()
	}
	return nil
}

// add remembers a nonce, and reports whether it is new.
func (h *history) add(at int64, key nonce) bool {
	if _, ok := h.seen[at][key]; ok {
		return false
	}
	if h.seen[at] == nil {
		h.seen[at] = map[nonce]struct{}{}
	}
	h.seen[at][key] = struct{}{}
	h.n++
	return true
}

// expire forgets what was signed before a slice of time, and who has sent no more.
func (s *nonces) expire(oldest int64) {
	if oldest <= s.oldest {
		return
	}
	s.oldest = oldest
	for who, h := range s.callers {
		s.n -= h.forget(oldest)
		if h.n == 0 && h.oldest <= oldest {
			delete(s.callers, who)
		}
	}
}

// shrink forgets the oldest slice of the caller with the most nonces.
func (s *nonces) shrink() {
	var most *history
	for _, h := range s.callers {
		if most == nil || h.n > most.n {
			most = h
		}
	}
	s.n -= most.forget(slices.Min(slices.Collect(maps.Keys(most.seen))) + 1)
}

// forget forgets what was signed before a slice of time, and returns how much that is.
func (h *history) forget(oldest int64) int {
	before := h.n
	h.oldest = max(h.oldest, oldest)
	for at, seen := range h.seen {
		if at < oldest {
			h.n -= len(seen)
			delete(h.seen, at)
		}
	}
	return before - h.n
}

func sliceOf(t time.Time) int64 { return t.Unix() / int64(slice/time.Second) }

// hash is of all that a request cannot share with another one of the same caller. The
// time belongs to it, since the nonces of some clients are of 16 bits; the signature
// covers it.
func hash(p *httpsig.Proof) nonce {
	b := binary.BigEndian.AppendUint64(nil, uint64(p.Time.Unix()))
	sum := sha256.Sum256(append(b, p.Nonce...))
	return nonce(sum[:])
}
