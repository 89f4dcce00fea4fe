package suite

import (
	"crypto/fips140"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"hash"
	"sync/atomic"

	"github.com/embedkms/kms/gm"
)

// Keys are those of one key version, one for each purpose, each derived when it
// is first used: hardly any version serves them all. They are safe for
// concurrent use.
type Keys struct {
	id      ID
	keyID   [16]byte
	version uint32
	prk     []byte // HKDF's, which all of them are expanded from
	gm      gm.Provider
	counter *Counter // nil for none

	keys [maxPurpose]atomic.Pointer[Key]
}

const salt = "kms-envelope/v1"

// NewKeys returns the Keys of a version's material, which they do not keep. p
// serves the SM4 suite; what it refuses, it refuses here.
func NewKeys(id ID, keyID [16]byte, version uint32, material []byte, p gm.Provider) (*Keys, error) {
	if len(material) != id.KeySize() {
		return nil, fmt.Errorf("key material of %d bytes, want %d", len(material), id.KeySize())
	}
	if id == SM4 {
		if err := offersSM4(p); err != nil {
			return nil, err
		}
	}
	k := &Keys{id: id, keyID: keyID, version: version, gm: p}
	var err error
	k.prk, err = hkdf.Extract(k.newHash(), material, []byte(salt))
	return k, err
}

// offersSM4 returns why p cannot serve the SM4 suite, or nil.
func offersSM4(p gm.Provider) error {
	// The runtime does not gate code that is not its own, and HMAC panics over
	// a hash it does not know.
	if fips140.Enforced() {
		return fmt.Errorf("%w: SM4 in FIPS 140-3 mode", gm.ErrUnsupportedAlgorithm)
	}
	_, err := newSM4Sessions([16]byte{}, p)
	return err
}

func (k *Keys) newHash() func() hash.Hash {
	if k.id == SM4 {
		return k.gm.NewSM3
	}
	return sha256.New
}

// CountTo makes k count what it seals, before anyone uses it.
func (k *Keys) CountTo(c *Counter) { k.counter = c }

// Key returns the key of a purpose.
func (k *Keys) Key(p Purpose) (*Key, error) {
	if key := k.keys[p-1].Load(); key != nil {
		return key, nil
	}
	return k.derive(p)
}

// derive makes the key of a purpose, unless another caller is first.
func (k *Keys) derive(p Purpose) (*Key, error) {
	h := header(k.id, p, k.keyID, k.version)
	s, commitment, err := k.expand(string(h[:]))
	if err != nil {
		return nil, err
	}
	key := &Key{sessions: s, counter: k.counter}
	copy(key.prefix[:], h[:])
	copy(key.prefix[offCommitment:], commitment)
	k.keys[p-1].CompareAndSwap(nil, key)
	return k.keys[p-1].Load(), nil
}

// expand returns the sessions and the commitment under header h: HKDF gives
// K ‖ C, and K makes the sessions.
func (k *Keys) expand(h string) (s sessions, commitment []byte, err error) {
	n := k.id.KeySize()
	okm, err := hkdf.Expand(k.newHash(), k.prk, h, n+commitmentSize)
	if err != nil {
		return nil, nil, err
	}
	defer clear(okm[:n])
	s, err = newSessions(k.id, okm[:n], k.gm)
	return s, okm[n:], err
}
