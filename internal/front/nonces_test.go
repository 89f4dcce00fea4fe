package front

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/httpsig"
)

func proofAt(t time.Time, nonce string) *httpsig.Proof {
	return &httpsig.Proof{AccessKeyID: "id", Time: t, Nonce: nonce}
}

func TestNonces(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := newNonces()
	for _, c := range []struct {
		name   string
		secret string
		proof  *httpsig.Proof
		want   error
	}{
		{"the first", "a", proofAt(now, "1"), nil},
		{"once more", "a", proofAt(now, "1"), ErrReplay},
		{"another nonce", "a", proofAt(now, "2"), nil},
		{"another secret", "b", proofAt(now, "1"), nil},
		{"another time", "a", proofAt(now.Add(time.Second), "1"), nil},
		{"the oldest time", "a", proofAt(now.Add(-Skew), "1"), nil},
		{"the oldest time once more", "a", proofAt(now.Add(-Skew), "1"), ErrReplay},
		{"the latest time", "a", proofAt(now.Add(Skew), "1"), nil},
		{"the latest time once more", "a", proofAt(now.Add(Skew), "1"), ErrReplay},
		{"no nonce", "a", proofAt(now, ""), nil},
		{"no nonce once more", "a", proofAt(now, ""), nil},
	} {
		if err := s.add(c.proof, c.secret, now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// A nonce is remembered for as long as its request would be let in, and no longer.
func TestNoncesForget(t *testing.T) {
	s := newNonces()
	now := time.Unix(1_800_000_000, 0)
	latest := now.Add(Skew)
	must(t, s.add(proofAt(latest, "1"), "a", now))
	for ; !now.After(latest.Add(Skew)); now = now.Add(time.Minute) {
		if err := s.add(proofAt(latest, "1"), "a", now); err != ErrReplay {
			t.Fatalf("%v before its end: %v", latest.Add(Skew).Sub(now), err)
		}
	}
	must(t, s.add(proofAt(now, "1"), "b", now))
	if s.n != 1 || len(s.callers) != 1 {
		t.Errorf("%d nonces of %d callers are left", s.n, len(s.callers))
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
		p := proofAt(now, fmt.Sprint(i))
		if err := s.add(p, "a", now); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if i%97 == 0 {
			if err := s.add(p, "a", now); err != ErrReplay {
				t.Fatalf("request %d once more: %v", i, err)
			}
		}
		if s.n > s.max {
			t.Fatalf("%d nonces", s.n)
		}
	}
	if err := s.add(proofAt(start, "0"), "a", start.Add(Skew)); err != ErrClock {
		t.Errorf("what was forgotten: %v", err)
	}
}

// Who sends more than is remembered, dated ahead so that it stays, keeps out himself only.
func TestNoncesFlood(t *testing.T) {
	s := newNonces()
	s.max = 1000
	now := time.Unix(1_800_000_000, 0)
	for i := range 5000 {
		now = now.Add(100 * time.Millisecond)
		_ = s.add(proofAt(now.Add(Skew), fmt.Sprint(i)), "flood", now)
		if i%10 > 0 {
			continue
		}
		p := proofAt(now, fmt.Sprint(i))
		if err := s.add(p, "honest", now); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if err := s.add(p, "honest", now); err != ErrReplay {
			t.Fatalf("request %d once more: %v", i, err)
		}
		if s.n > s.max {
			t.Fatalf("%d nonces", s.n)
		}
	}
}

// What a remembered nonce costs, in bytes.
func BenchmarkNonces(b *testing.B) {
	s := newNonces()
	now := time.Unix(1_800_000_000, 0)
	b.ReportAllocs()
	for i := range b.N {
		if err := s.add(proofAt(now.Add(time.Duration(i)*100*time.Microsecond), fmt.Sprint(i)), "a", now); err != nil && err != ErrClock {
			b.Fatal(err)
		}
	}
}
