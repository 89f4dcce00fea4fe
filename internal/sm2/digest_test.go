package sm2_test

import (
	"bytes"
	"encoding/hex"
	"hash"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

// A spy records what its hashes return.
type spy struct {
	gm.Provider
	sums [][]byte
}

type spyHash struct {
	hash.Hash
	spy *spy
}

func (s *spy) NewSM3() hash.Hash { return spyHash{s.Provider.NewSM3(), s} }

func (h spyHash) Sum(b []byte) []byte {
	sum := h.Hash.Sum(b)
	h.spy.sums = append(h.spy.sums, sum)
	return sum
}

// The example of GB/T 32918.5-2017, A.2: the digest, and ZA on the way to it.
func TestDigestVector(t *testing.T) {
	needSM2(t)
	p := &spy{Provider: gm.Default()}
	k, err := sm2.NewPublicKey(p, publicA[:])
	must(t, err)
	e, err := k.Digest([]byte(sm2.DefaultUserID), []byte("message digest"))
	must(t, err)
	if got := hex.EncodeToString(e[:]); got != "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640" {
		t.Errorf("e is %s", got)
	}
	za := unhex("b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3")
	if len(p.sums) != 2 || !bytes.Equal(p.sums[0], za) {
		t.Errorf("hashed %x, want ZA %x first", p.sums, za)
	}
}

// Every user ID, message and key has a digest of its own; an empty user ID is
// not the default one.
func TestDigest(t *testing.T) {
	k := newKey(t).Public()
	other, err := sm2.NewPublicKey(gm.Default(), unhex("04"+x1+one))
	must(t, err)
	seen := map[[32]byte]string{}
	for _, key := range []*sm2.PublicKey{k, other} {
		for _, id := range []string{"", sm2.DefaultUserID, "a", "ab", string(make([]byte, 8191))} {
			for _, m := range []string{"", "a", "b", string(make([]byte, 2000))} {
				e, err := key.Digest([]byte(id), []byte(m))
				must(t, err)
				name := hex.EncodeToString([]byte(id)) + "/" + m
				if seen[e] != "" {
					t.Errorf("%q and %q have one digest", name, seen[e])
				}
				seen[e] = name
			}
		}
	}
	for _, n := range []int{8192, 1 << 16} {
		if _, err := k.Digest(make([]byte, n), nil); err != sm2.ErrInvalidUserID {
			t.Errorf("a user ID of %d bytes: %v", n, err)
		}
	}
}

// A brokenSM3 is a provider of a hash that returns sum, or panics if it is nil.
type brokenSM3 struct {
	*fake
	sum []byte
}

type brokenHash struct {
	hash.Hash
	sum []byte
}

func (b brokenHash) Sum([]byte) []byte { return b.sum }

func (b brokenSM3) NewSM3() hash.Hash {
	if b.sum == nil {
		return nil
	}
	return brokenHash{b.fake.Provider.NewSM3(), b.sum}
}

func TestDigestProvider(t *testing.T) {
	needSM2(t)
	for _, sum := range [][]byte{nil, {}, make([]byte, 31), make([]byte, 33)} {
		k, err := sm2.NewPublicKey(brokenSM3{newFake(), sum}, publicA[:])
		must(t, err)
		if e, err := k.Digest(nil, nil); err != sm2.ErrProvider || e != [32]byte{} {
			t.Errorf("a hash of %d bytes: %x, %v", len(sum), e, err)
		}
	}
}
