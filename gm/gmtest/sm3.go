package gmtest

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/embedkms/kms/gm"
)

// GB/T 32905-2016, A.1 and A.2; the empty and the long message as OpenSSL
// hashes them.
var sm3Vectors = []struct{ message, digest string }{
	{"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"},
	{strings.Repeat("abcd", 16), "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"},
	{"", "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b"},
	{strings.Repeat("a", 1e6), "c8aaf89429554029e231941a2acc0ad61ff2a5acd8fadd25847a3a732b3b02c3"},
}

func checkSM3Vectors(p gm.Provider) error {
	if h := p.NewSM3(); h.Size() != 32 || h.BlockSize() != 64 {
		return fmt.Errorf("digests of %d bytes and blocks of %d", h.Size(), h.BlockSize())
	}
	for _, v := range sm3Vectors {
		got, err := sm3Sum(p, []byte(v.message))
		if err != nil {
			return err
		}
		if err := equal(fmt.Sprintf("%.64q", v.message), got, unhex(v.digest)); err != nil {
			return err
		}
	}
	return nil
}

func checkSM3Split(p gm.Provider) error {
	message := pattern(300)
	whole, err := sm3Sum(p, message)
	if err != nil {
		return err
	}
	for n := range len(message) + 1 {
		once, err1 := sm3Sum(p, message[:n])
		bytewise, err2 := sm3Sum(p, slices.Collect(slices.Chunk(message[:n], 1))...)
		halves, err3 := sm3Sum(p, message[:n], message[n:])
		if err := errors.Join(err1, err2, err3,
			equal(fmt.Sprintf("%d bytes, one a write", n), bytewise, once),
			equal(fmt.Sprintf("300 bytes, cut at %d", n), halves, whole),
		); err != nil {
			return err
		}
	}
	return nil
}

// checkSM3Long hashes 3 MiB and 17 bytes, against the digest OpenSSL gives.
func checkSM3Long(p gm.Provider) error {
	message := pattern(3<<20 + 17)
	want := unhex("c7092e8497b04be916454bf7b8c50f4575f50d3f81d7972859299ba11b7253d1")
	for _, size := range []int{len(message), 1<<20 + 1, 1 << 20, 1<<20 - 1, 4096} {
		got, err := sm3Sum(p, slices.Collect(slices.Chunk(message, size))...)
		if err != nil {
			return err
		}
		if err := equal(fmt.Sprintf("writes of %d bytes", size), got, want); err != nil {
			return err
		}
	}
	return nil
}

func checkSM3Input(p gm.Provider) error {
	for n := range 130 {
		message := pattern(n)
		want, err := sm3Sum(p, message)
		if err != nil {
			return err
		}
		h := p.NewSM3()
		h.Write(message)
		if err := equal("message after Write", message, pattern(n)); err != nil {
			return err
		}
		clear(message)
		if err := equal("digest of a message wiped after Write", h.Sum(nil), want); err != nil {
			return err
		}
	}
	return nil
}

func checkSM3Sum(p gm.Provider) error {
	message := pattern(200)
	h := p.NewSM3()
	for n := range message {
		want, err := sm3Sum(p, message[:n])
		if err != nil {
			return err
		}
		if err := checkSums(h, want); err != nil {
			return fmt.Errorf("after %d bytes: %w", n, err)
		}
		h.Write(message[n : n+1])
	}
	return nil
}

// checkSums calls h.Sum in several ways, each of which has to append want and
// to leave the state as it was for the next.
func checkSums(h hash.Hash, want []byte) error {
	const prefix = "a prefix"
	full := []byte(prefix)
	roomy := append(make([]byte, 0, 100), prefix...)
	for _, dst := range [][]byte{nil, full[:len(full):len(full)], roomy, nil} {
		before := bytes.Clone(dst)
		got := h.Sum(dst)
		if err := equal("Sum's result", got, slices.Concat(before, want)); err != nil {
			return err
		}
		if err := equal("Sum's argument afterwards", dst, before); err != nil {
			return err
		}
	}
	return nil
}

func checkSM3Reset(p gm.Provider) error {
	want := unhex(sm3Vectors[0].digest)
	h := p.NewSM3()
	for n := range 130 {
		h.Write(pattern(n))
		if n%2 == 0 {
			h.Sum(nil)
		}
		h.Reset()
		h.Write([]byte(sm3Vectors[0].message))
		if err := equal(fmt.Sprintf("Reset after %d bytes", n), h.Sum(nil), want); err != nil {
			return err
		}
		h.Reset()
	}
	return nil
}

// GM/T 0042-2015, D.3; the key longer than a block (RFC 4231, case 6) as
// OpenSSL authenticates with it.
var hmacVectors = []struct{ key, message, tag string }{
	{string(pattern(33)[1:]),
		strings.Repeat("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 2),
		"ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a"},
	{string(pattern(38)[1:]), strings.Repeat("\xcd", 50),
		"220bf579ded555393f0159f66c99877822a3ecf610d1552154b41d44b94db3ae"},
	{strings.Repeat("\x0b", 32), "Hi There",
		"c0ba18c68b90c88bc07de794bfc7d2c8d19ec31ed8773bc2b390c9604e0be11e"},
	{"Jefe", "what do ya want for nothing?",
		"2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882"},
	{strings.Repeat("\xaa", 131), "Test Using Larger Than Block-Size Key - Hash Key First",
		"b4fd844e13342002f0b2e0690ea7741f1497d993a70494cea601e657bedf67a0"},
}

func checkHMAC(p gm.Provider) error {
	for i, v := range hmacVectors {
		mac := hmac.New(p.NewSM3, []byte(v.key))
		for range 2 { // as new, and after Reset
			mac.Write([]byte(v.message))
			if err := checkSums(mac, unhex(v.tag)); err != nil {
				return fmt.Errorf("vector %d: %w", i, err)
			}
			mac.Reset()
		}
	}
	return nil
}

// checkKDFs derives 48 bytes, one digest and a half: HKDF with the inputs of
// RFC 5869, A.1, and PBKDF2, both against what OpenSSL derives.
func checkKDFs(p gm.Provider) error {
	secret, salt := bytes.Repeat([]byte{0x0b}, 22), pattern(13)
	info := string(unhex("f0f1f2f3f4f5f6f7f8f9"))
	key, err := hkdf.Key(p.NewSM3, secret, salt, info, 48)
	if err != nil {
		return err
	}
	if err := equal("HKDF", key, unhex("c69fe91b7aaee2dd5718d72dcaee0cce"+
		"93f1b8e41f792da51261b6a517e68b36ed2c595572b01dfa359bc57c754245c6")); err != nil {
		return err
	}
	key, err = pbkdf2.Key(p.NewSM3, "password", []byte("salt"), 1000, 48)
	if err != nil {
		return err
	}
	return equal("PBKDF2", key, unhex("e8b635a41dfe5aaab7cf828cff6f3608"+
		"e22cac59ba16edd70e000b293d00bc9118504f57ab46673dcee7c541f933ad28"))
}

// sm3Sum hashes the parts with one Write each.
func sm3Sum(p gm.Provider, parts ...[]byte) ([]byte, error) {
	h := p.NewSM3()
	for _, part := range parts {
		if n, err := h.Write(part); n != len(part) || err != nil {
			return nil, fmt.Errorf("Write of %d bytes returned %d, %v", len(part), n, err)
		}
	}
	return h.Sum(nil), nil
}
