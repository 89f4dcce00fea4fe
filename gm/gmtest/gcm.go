package gmtest

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/embedkms/kms/gm"
)

// RFC 8998, A.1, under sm4Key.
var (
	gcmNonce     = unhex("00001234567800000000abcd")
	gcmAAD       = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
	gcmPlaintext = unhex("aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd" +
		"eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa")
	gcmSealed = unhex("17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735" +
		"d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d" +
		"83de3541e4c2b58177e065a9bf7b62ec")
)

// A gcmMessage is what one Seal takes, and what it returns.
type gcmMessage struct{ nonce, plaintext, aad, sealed []byte }

// newGCM returns p's SM4-GCM under sm4Key.
func newGCM(p gm.Provider) (cipher.AEAD, error) {
	key := sm4Key
	return p.NewSM4GCM(&key)
}

func checkGCMVector(p gm.Provider) error {
	aead, err := newGCM(p)
	if err != nil {
		return err
	}
	return sealsVector(aead)
}

// sealsVector wants of aead what RFC 8998 does.
func sealsVector(aead cipher.AEAD) error {
	sealed := aead.Seal(nil, gcmNonce, gcmPlaintext, gcmAAD)
	if err := equal("sealed", sealed, gcmSealed); err != nil {
		return err
	}
	opened, err := aead.Open(nil, gcmNonce, gcmSealed, gcmAAD)
	if err != nil {
		return err
	}
	return equal("opened", opened, gcmPlaintext)
}

func checkGCMSizes(p gm.Provider) error {
	aead, err := newGCM(p)
	if err != nil {
		return err
	}
	if aead.NonceSize() != 12 || aead.Overhead() != 16 {
		return fmt.Errorf("nonces of %d bytes, overhead of %d", aead.NonceSize(), aead.Overhead())
	}
	return nil
}

// checkGCMLengths compares with the standard library's GCM over p's SM4.
func checkGCMLengths(p gm.Provider) error {
	aead, err := newGCM(p)
	if err != nil {
		return err
	}
	key := sm4Key
	block, err := p.NewSM4(&key)
	if err != nil {
		return err
	}
	standard, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	for n := range 66 {
		plaintext, aad := pattern(n), pattern(65-n)
		want := standard.Seal(nil, gcmNonce, plaintext, aad)
		sealed := aead.Seal(nil, gcmNonce, plaintext, aad)
		if err := equal(fmt.Sprintf("%d bytes sealed", n), sealed, want); err != nil {
			return err
		}
		opened, err := aead.Open(nil, gcmNonce, want, aad)
		if err != nil {
			return fmt.Errorf("%d bytes: %w", n, err)
		}
		if err := equal(fmt.Sprintf("%d bytes opened", n), opened, plaintext); err != nil {
			return err
		}
	}
	return nil
}

func checkGCMAppend(p gm.Provider) error {
	aead, err := newGCM(p)
	if err != nil {
		return err
	}
	const prefix = "a prefix"
	for _, room := range []int{0, 10, 200} {
		dst := append(make([]byte, 0, len(prefix)+room), prefix...)
		sealed := aead.Seal(dst, gcmNonce, gcmPlaintext, gcmAAD)
		want := append([]byte(prefix), gcmSealed...)
		if err := equal("sealed behind a prefix", sealed, want); err != nil {
			return err
		}
		opened, err := aead.Open(dst, gcmNonce, gcmSealed, gcmAAD)
		if err != nil {
			return err
		}
		want = append([]byte(prefix), gcmPlaintext...)
		if err := equal("opened behind a prefix", opened, want); err != nil {
			return err
		}
	}
	return checkInPlace(aead)
}

// checkInPlace seals and opens over the input, as cipher.AEAD allows.
func checkInPlace(aead cipher.AEAD) error {
	buf := append(make([]byte, 0, len(gcmSealed)), gcmPlaintext...)
	buf = aead.Seal(buf[:0], gcmNonce, buf, gcmAAD)
	if err := equal("sealed in place", buf, gcmSealed); err != nil {
		return err
	}
	opened, err := aead.Open(buf[:0], gcmNonce, buf, gcmAAD)
	if err != nil {
		return err
	}
	return equal("opened in place", opened, gcmPlaintext)
}

func checkGCMTampering(p gm.Provider) error {
	aead, err := newGCM(p)
	if err != nil {
		return err
	}
	for _, m := range tampered() {
		if err := rejects(aead, m); err != nil {
			return fmt.Errorf("nonce %x, ciphertext %x, additional data %x: %w",
				m.nonce, m.sealed, m.aad, err)
		}
	}
	return nil
}

// tampered returns the RFC's message with every bit flipped in turn, cut to
// every length, lengthened, and with other additional data.
func tampered() []gcmMessage {
	list := []gcmMessage{
		{nonce: gcmNonce, sealed: append(slices.Clip(gcmSealed), 0), aad: gcmAAD},
		{nonce: gcmNonce, sealed: gcmSealed, aad: append(slices.Clip(gcmAAD), 0)},
		{nonce: gcmNonce, sealed: gcmSealed, aad: nil},
	}
	for n := range gcmSealed {
		list = append(list, gcmMessage{nonce: gcmNonce, sealed: gcmSealed[:n:n], aad: gcmAAD})
	}
	for _, sealed := range flips(gcmSealed) {
		list = append(list, gcmMessage{nonce: gcmNonce, sealed: sealed, aad: gcmAAD})
	}
	for _, nonce := range flips(gcmNonce) {
		list = append(list, gcmMessage{nonce: nonce, sealed: gcmSealed, aad: gcmAAD})
	}
	for _, aad := range flips(gcmAAD) {
		list = append(list, gcmMessage{nonce: gcmNonce, sealed: gcmSealed, aad: aad})
	}
	return list
}

// flips returns a copy of b for each of its bits, with that bit changed.
func flips(b []byte) [][]byte {
	list := make([][]byte, 8*len(b))
	for bit := range list {
		list[bit] = bytes.Clone(b)
		list[bit][bit/8] ^= 1 << (bit % 8)
	}
	return list
}

// someFlips returns some of flips, at least one of each byte.
func someFlips(b []byte) (list [][]byte) {
	for flipped := range slices.Chunk(flips(b), 7) {
		list = append(list, flipped[0])
	}
	return list
}

// rejects wants an error of Open, and no plaintext: not as the result, and not
// in the memory behind dst, which Open may write to.
func rejects(aead cipher.AEAD, m gcmMessage) error {
	dst := make([]byte, 0, len(gcmSealed))
	opened, err := aead.Open(dst, m.nonce, m.sealed, m.aad)
	switch {
	case err == nil:
		return errors.New("opened")
	case opened != nil:
		return fmt.Errorf("%x returned with the error", opened)
	case bytes.Contains(dst[:cap(dst)], gcmPlaintext[:16]):
		return errors.New("plaintext left in dst")
	}
	return nil
}

func checkGCMNonce(p gm.Provider) error {
	aead, err := newGCM(p)
	if err != nil {
		return err
	}
	for _, n := range []int{0, 1, 8, 11, 13, 16, 24} {
		nonce := make([]byte, n)
		if !panics(func() { aead.Seal(nil, nonce, gcmPlaintext, gcmAAD) }) {
			return fmt.Errorf("Seal with a nonce of %d bytes did not panic", n)
		}
		if !panics(func() { aead.Open(nil, nonce, gcmSealed, gcmAAD) }) {
			return fmt.Errorf("Open with a nonce of %d bytes did not panic", n)
		}
	}
	return sealsVector(aead)
}

// checkGCMKey wipes the key before the first use, and later has the garbage
// collector drop what an AEAD may have made ready under the key meanwhile.
func checkGCMKey(p gm.Provider) error {
	key := sm4Key
	aead, err := p.NewSM4GCM(&key)
	if err != nil {
		return err
	}
	if err := equal("key afterwards", key[:], sm4Key[:]); err != nil {
		return err
	}
	clear(key[:])
	for range 3 {
		if err := sealsVector(aead); err != nil {
			return fmt.Errorf("after the key was wiped: %w", err)
		}
		runtime.GC()
		runtime.GC() // a sync.Pool keeps its victims through the first
	}
	return nil
}

// checkGCMConcurrency seals and opens with one AEAD in eight goroutines, and
// compares every result with what an AEAD that nobody shares returned.
func checkGCMConcurrency(p gm.Provider) error {
	alone, err := newGCM(p)
	if err != nil {
		return err
	}
	shared, err := newGCM(p)
	if err != nil {
		return err
	}
	messages := make([]gcmMessage, 61)
	for i := range messages {
		m := gcmMessage{nonce: pattern(12 + i)[i:], plaintext: pattern(4 * i), aad: pattern(i)}
		m.sealed = alone.Seal(nil, m.nonce, m.plaintext, m.aad)
		messages[i] = m
	}
	return parallel(8, func(goroutine int) error {
		for i := range 4000 {
			m := messages[(i+7*goroutine)%len(messages)]
			if err := sealsAndOpens(shared, m); err != nil {
				return fmt.Errorf("goroutine %d, message %d: %w", goroutine, i, err)
			}
		}
		return nil
	})
}

func sealsAndOpens(aead cipher.AEAD, m gcmMessage) error {
	sealed := aead.Seal(nil, m.nonce, m.plaintext, m.aad)
	if err := equal("sealed", sealed, m.sealed); err != nil {
		return err
	}
	opened, err := aead.Open(nil, m.nonce, m.sealed, m.aad)
	if err != nil {
		return err
	}
	return equal("opened", opened, m.plaintext)
}

// checkConcurrentUse has eight goroutines make hashes, ciphers, AEADs and keys of
// their own at once.
func checkConcurrentUse(p gm.Provider) error {
	return parallel(8, func(int) error {
		return errors.Join(checkHMAC(p), checkSM4Inverse(p), checkGCMLengths(p), checkSM2Vectors(p))
	})
}
