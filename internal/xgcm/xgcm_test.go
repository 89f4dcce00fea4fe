package xgcm

import (
	"bytes"
	"crypto/cipher"
	"crypto/sha3"
	"encoding/hex"
	"testing"
)

// sealWith is XAES-256-GCM with a chosen nonce, which no exported function has.
func sealWith(key *[32]byte, nonce, plaintext, aad []byte) []byte {
	kx := make([]byte, 32)
	NewKey(key).kdf.Derive(kx, nonce[:NonceHalf])
	aead, err := cipher.NewGCM(newAES(kx))
	if err != nil {
		panic(err)
	}
	return aead.Seal(nil, nonce[NonceHalf:], plaintext, aad)
}

// The vectors of https://c2sp.org/XAES-256-GCM: one with either value of the
// bit that doubling reduces by.
func TestVectors(t *testing.T) {
	for _, v := range []struct {
		key            byte
		aad, plaintext string
		ct             string
	}{
		{0x01, "", "XAES-256-GCM", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{0x03, "c2sp.org/XAES-256-GCM", "XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		key := [32]byte(bytes.Repeat([]byte{v.key}, 32))
		nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
		got := sealWith(&key, nonce, []byte(v.plaintext), []byte(v.aad))
		if hex.EncodeToString(got) != v.ct {
			t.Errorf("key %02x: sealed %x, want %s", v.key, got, v.ct)
		}
		open, err := NewKey(&key).Open(nil, append(nonce, got...), []byte(v.aad))
		if err != nil || string(open) != v.plaintext {
			t.Errorf("key %02x: opened %q, %v", v.key, open, err)
		}
	}
}

// The accumulated vector of the specification, 10,000 iterations.
func TestAccumulated(t *testing.T) {
	s, d := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	for range 10_000 {
		var key [32]byte
		s.Read(key[:])
		nonce := make([]byte, 24)
		s.Read(nonce)
		var n [1]byte
		s.Read(n[:])
		plaintext := make([]byte, n[0])
		s.Read(plaintext)
		s.Read(n[:])
		aad := make([]byte, n[0])
		s.Read(aad)
		ct := sealWith(&key, nonce, plaintext, aad)
		open, err := NewKey(&key).Open(nil, append(nonce, ct...), aad)
		if err != nil || !bytes.Equal(open, plaintext) {
			t.Fatalf("opened %x, %v, want %x", open, err, plaintext)
		}
		d.Write(ct)
	}
	sum := make([]byte, 32)
	d.Read(sum)
	const want = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
	if hex.EncodeToString(sum) != want {
		t.Errorf("accumulated %x, want %s", sum, want)
	}
}

func TestSealOpen(t *testing.T) {
	key := NewKey(&[32]byte{1})
	dst := []byte("prefix")
	sealed := key.Seal(dst, []byte("secret"), []byte("aad"))
	if !bytes.HasPrefix(sealed, dst) || len(sealed) != len(dst)+len("secret")+Overhead {
		t.Fatalf("sealed %x", sealed)
	}
	sealed = sealed[len(dst):]
	open, err := key.Open(dst, sealed, []byte("aad"))
	if err != nil || string(open) != "prefixsecret" {
		t.Fatalf("opened %q, %v", open, err)
	}
	if again := key.Seal(nil, []byte("secret"), []byte("aad")); bytes.Equal(again, sealed) {
		t.Error("two messages sealed alike")
	}
	if _, err := key.Open(nil, sealed, []byte("other")); err != ErrOpen {
		t.Errorf("other data: %v", err)
	}
	for n := range sealed {
		if out, err := key.Open(nil, sealed[:n], []byte("aad")); err != ErrOpen || out != nil {
			t.Fatalf("cut to %d bytes: %x, %v", n, out, err)
		}
	}
	for bit := range len(sealed) * 8 {
		bad := bytes.Clone(sealed)
		bad[bit/8] ^= 1 << (bit % 8)
		if out, err := key.Open(nil, bad, []byte("aad")); err != ErrOpen || out != nil {
			t.Fatalf("bit %d flipped: %x, %v", bit, out, err)
		}
	}
}
