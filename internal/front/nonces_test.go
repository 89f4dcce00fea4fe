package front

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/httpsig"
)

func proofAt(t time.Time, id, nonce string) *httpsig.Proof {
	return &httpsig.Proof{AccessKeyID: id, Time: t, Nonce: nonce}
}

func TestNonces(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := newNonces()
	for _, c := range []struct {
		name  string
		proof *httpsig.Proof
		want  error
	}{
		{"the first", proofAt(now, "a", "1"), nil},
		{"once more", proofAt(now, "a", "1"), ErrReplay},
		{"another nonce", proofAt(now, "a", "2"), nil},
		{"another key", proofAt(now, "b", "1"), nil},
		{"other parts of one text", proofAt(now, "a1", ""), nil},
		{"another time", proofAt(now.Add(time.Second), "a", "1"), nil},
		{"the oldest time", proofAt(now.Add(-Skew), "a", "1"), nil},
		{"the oldest time once more", proofAt(now.Add(-Skew), "a", "1"), ErrReplay},
		{"the latest time", proofAt(now.Add(Skew), "a", "1"), nil},
		{"the latest time once more", proofAt(now.Add(Skew), "a", "1"), ErrReplay},
		{"no nonce", proofAt(now, "a", ""), nil},
		{"no nonce once more", proofAt(now, "a", ""), nil},
	} {
		if err := s.add(c.proof, now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// A nonce is remembered for as long as its request would be let in, and no longer.
func TestNoncesForget(t *testing.T) {
	s := newNonces()
	now := time.Unix(1_800_000_000, 0)
	latest := now.Add(Skew)
	must(t, s.add(proofAt(latest, "a", "1"), now))
	for ; !now.After(latest.Add(Skew)); now = now.Add(time.Minute) {
		if err := s.add(proofAt(latest, "a", "1"), now); err != ErrReplay {
			t.Fatalf("%v before its end: %v", latest.Add(Skew).Sub(now), err)
		}
	}
	must(t, s.add(proofAt(now, "a", "1"), now))
	if s.n != 1 || len(s.seen) != 1 {
		t.Errorf("%d nonces in %d slices are left", s.n, len(s.seen))
	}
}

// However many there are, none is let in twice, and those signed just now are let
// in once.
func TestNoncesFull(t *testing.T) {
	s := newNonces()
	s.max = 1000
	start := time.Unix(1_800_000_000, 0)
	for i := range 20_000 {
		now := start.Add(time.Duration(i) * 50 * time.Millisecond) // 200 in a slice
		p := proofAt(now, "a", fmt.Sprint(i))
		if err := s.add(p, now); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if i%97 == 0 {
			if err := s.add(p, now); err != ErrReplay {
				t.Fatalf("request %d once more: %v", i, err)
			}
		}
		if s.n > s.max {
			t.Fatalf("%d nonces", s.n)
		}
	}
	if err := s.add(proofAt(start, "a", "0"), start.Add(Skew)); err != ErrClock {
		t.Errorf("what was forgotten: %v", err)
	}
}

// What a remembered nonce costs, in bytes.
func BenchmarkNonces(b *testing.B) {
	s := newNonces()
	now := time.Unix(1_800_000_000, 0)
	b.ReportAllocs()
	for i := range b.N {
		if err := s.add(proofAt(now.Add(time.Duration(i)*100*time.Microsecond), "a", fmt.Sprint(i)), now); err != nil && err != ErrClock {
			b.Fatal(err)
		}
	}
}
