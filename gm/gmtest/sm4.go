package gmtest

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"github.com/embedkms/kms/gm"
)

// GB/T 32907-2016, A.1 and A.2: the key is its own first plaintext.
var (
	sm4Key     = [16]byte(unhex("0123456789abcdeffedcba9876543210"))
	sm4Once    = unhex("681edf34d206965e86b3e94f536e4246")
	sm4Million = unhex("595298c7c6fd271f0402f804c33d3f66")
)

func checkSM4Vector(p gm.Provider) error {
	key := sm4Key
	block, err := p.NewSM4(&key)
	if err != nil {
		return err
	}
	if n := block.BlockSize(); n != 16 {
		return fmt.Errorf("blocks of %d bytes", n)
	}
	dst := make([]byte, 16)
	block.Encrypt(dst, sm4Key[:])
	if err := equal("encrypted", dst, sm4Once); err != nil {
		return err
	}
	block.Decrypt(dst, sm4Once)
	return equal("decrypted", dst, sm4Key[:])
}

func checkSM4Million(p gm.Provider) error {
	key, b := sm4Key, sm4Key
	block, err := p.NewSM4(&key)
	if err != nil {
		return err
	}
	for range 1_000_000 {
		block.Encrypt(b[:], b[:])
	}
	return equal("encrypted 1,000,000 times", b[:], sm4Million)
}

func checkSM4Inverse(p gm.Provider) error {
	random := rand.NewChaCha8([32]byte{})
	for range 500 {
		var key [16]byte
		var plaintext, ciphertext, decrypted [16]byte
		random.Read(key[:])
		random.Read(plaintext[:])
		block, err := p.NewSM4(&key)
		if err != nil {
			return err
		}
		block.Encrypt(ciphertext[:], plaintext[:])
		if ciphertext == plaintext {
			return fmt.Errorf("key %x leaves %x as it is", key, plaintext)
		}
		block.Decrypt(decrypted[:], ciphertext[:])
		if err := equal("decrypted", decrypted[:], plaintext[:]); err != nil {
			return err
		}
		block.Decrypt(ciphertext[:], ciphertext[:])
		if err := equal("decrypted in place", ciphertext[:], plaintext[:]); err != nil {
			return err
		}
	}
	return nil
}

func checkSM4OneBlock(p gm.Provider) error {
	key := sm4Key
	block, err := p.NewSM4(&key)
	if err != nil {
		return err
	}
	src, dst := append(sm4Key[:], "more"...), pattern(40)
	want := append(bytes.Clone(sm4Once), dst[16:]...)
	block.Encrypt(dst, src)
	if err := equal("dst", dst, want); err != nil {
		return err
	}
	return equal("src", src, append(sm4Key[:], "more"...))
}

func checkSM4Short(p gm.Provider) error {
	key := sm4Key
	block, err := p.NewSM4(&key)
	if err != nil {
		return err
	}
	for n := range 16 {
		short, full := make([]byte, n, 16), make([]byte, 16)
		for what, f := range map[string]func(){
			"Encrypt from": func() { block.Encrypt(full, short) },
			"Encrypt to":   func() { block.Encrypt(short, full) },
			"Decrypt from": func() { block.Decrypt(full, short) },
			"Decrypt to":   func() { block.Decrypt(short, full) },
		} {
			if !panics(f) {
				return fmt.Errorf("%s %d bytes did not panic", what, n)
			}
		}
	}
	return nil
}

func checkSM4Key(p gm.Provider) error {
	key := sm4Key
	block, err := p.NewSM4(&key)
	if err != nil {
		return err
	}
	if err := equal("key afterwards", key[:], sm4Key[:]); err != nil {
		return err
	}
	clear(key[:])
	dst := make([]byte, 16)
	block.Encrypt(dst, sm4Key[:])
	return equal("encrypted after the key was wiped", dst, sm4Once)
}
