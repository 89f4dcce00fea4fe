package sm2_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

// The signature of GB/T 32918.5-2017, A.2, over "message digest".
var (
	digestA    = [32]byte(unhex("f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"))
	signatureA = [64]byte(unhex("f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3" +
		"b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"))
	// The same as DER: both numbers have their high bit set.
	signatureDER = tlv(0x30, tlv(2, []byte{0}, signatureA[:32]), tlv(2, []byte{0}, signatureA[32:]))
)

func TestVerifyVector(t *testing.T) {
	k := newKey(t).Public()
	if !k.Verify(&digestA, signatureDER) {
		t.Error("refused")
	}
	for bit := range 256 {
		e := digestA
		e[bit/8] ^= 1 << (bit % 8)
		if bit%16 == 0 && k.Verify(&e, signatureDER) {
			t.Errorf("accepted with bit %d of the digest altered", bit)
		}
	}
}

func TestSign(t *testing.T) {
	k := newKey(t)
	for range 20 {
		e := sm2.GenerateKey() // 32 random bytes
		der, err := k.Sign(&e)
		must(t, err)
		if len(der) > 72 || !k.Public().Verify(&e, der) {
			t.Errorf("%x does not verify", der)
		}
		if k.Public().Verify(&digestA, der) {
			t.Errorf("%x verifies over another digest", der)
		}
	}
}

// verifies reports whether a signature passes the checks before the provider,
// which says yes to all, and is handed what it stands for.
func verifies(t *testing.T, der []byte) (rs [64]byte, ok bool) {
	f := newFake()
	asked := false
	f.verify = func(got *[64]byte) bool { rs, asked = *got, true; return true }
	ok = f.key(t).Public().Verify(&digestA, der)
	if ok != asked {
		t.Errorf("%x: %v, asked %v", der, ok, asked)
	}
	return rs, ok
}

func TestVerifyStrict(t *testing.T) {
	for _, der := range [][]byte{signatureDER, tlv(0x30, tlv(2, []byte{1}), tlv(2, []byte{2}))} {
		strictDER(t, der, false, func(der []byte) bool { _, ok := verifies(t, der); return ok })
	}
	if rs, ok := verifies(t, signatureDER); !ok || rs != signatureA {
		t.Errorf("read as %x, %v", rs, ok)
	}
}

// r and s are from 1 to n-1, minimal and positive.
func TestVerifyRange(t *testing.T) {
	below := unhex(orderN[:62] + "22")
	for name, c := range map[string]struct {
		number []byte
		ok     bool
	}{
		"1": {[]byte{1}, true}, "127": {[]byte{0x7f}, true}, "128": {[]byte{0, 0x80}, true},
		"n-1": {append([]byte{0}, below...), true}, "31 bytes": {append([]byte{1}, make([]byte, 30)...), true},
		"0": {[]byte{0}, false}, "n": {unhex("00" + orderN), false}, "2^256-1": {unhex("00" + allOne), false},
		"2^256": {append([]byte{1}, make([]byte, 32)...), false}, "2^256+1": {unhex("01" + one), false},
		"-1": {[]byte{0xff}, false}, "-128": {[]byte{0x80}, false}, "n-1 without its zero": {below, false},
		"1 with a zero": {[]byte{0, 1}, false}, "-1 in two": {[]byte{0xff, 0xff}, false}, "no bytes": {nil, false},
	} {
		for at, der := range [][]byte{
			tlv(0x30, tlv(2, c.number), tlv(2, []byte{5})), tlv(0x30, tlv(2, []byte{5}), tlv(2, c.number)),
		} {
			if _, ok := verifies(t, der); ok != c.ok {
				t.Errorf("%s as number %d: %v", name, at, ok)
			}
		}
	}
	for name, der := range map[string][]byte{
		"r ‖ s": signatureA[:], "r only": tlv(0x30, tlv(2, []byte{1})), "nothing": nil,
		"three": tlv(0x30, tlv(2, []byte{1}), tlv(2, []byte{1}), tlv(2, []byte{1})),
	} {
		if _, ok := verifies(t, der); ok {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSignProvider(t *testing.T) {
	returns := func(hex string, err error) func() ([64]byte, error) {
		return func() ([64]byte, error) { return [64]byte(unhex(hex)), err }
	}
	unsupported := fmt.Errorf("SM2: %w", gm.ErrUnsupportedAlgorithm)
	for name, c := range map[string]struct {
		sign func() ([64]byte, error)
		want error
	}{
		"panics":      {nil, sm2.ErrProvider},
		"fails":       {returns(one+one, errPlanted), sm2.ErrProvider},
		"unsupported": {returns(one+one, unsupported), unsupported},
		"r is 0":      {returns(zero+one, nil), sm2.ErrProvider},
		"s is 0":      {returns(one+zero, nil), sm2.ErrProvider},
		"r is n":      {returns(orderN+one, nil), sm2.ErrProvider},
		"s is n":      {returns(one+orderN, nil), sm2.ErrProvider},
		"r is huge":   {returns(allOne+one, nil), sm2.ErrProvider},
		"s is huge":   {returns(one+allOne, nil), sm2.ErrProvider},
	} {
		f := newFake()
		f.sign = c.sign
		if der, err := f.key(t).Sign(&digestA); err != c.want || der != nil {
			t.Errorf("%s: %x, %v", name, der, err)
		}
	}
	f := newFake()
	f.sign = func() ([64]byte, error) { return signatureA, nil }
	if der, err := f.key(t).Sign(&digestA); err != nil || !bytes.Equal(der, signatureDER) {
		t.Errorf("%x, %v", der, err)
	}
}

func TestVerifyProvider(t *testing.T) {
	for name, verify := range map[string]func(*[64]byte) bool{
		"panics": nil, "says no": func(*[64]byte) bool { return false },
	} {
		f := newFake()
		f.verify = verify
		if f.key(t).Public().Verify(&digestA, signatureDER) {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSignatureOpenSSL(t *testing.T) {
	needTools(t, "openssl")
	k := newKey(t)
	dir := writeKey(t)
	for _, id := range []string{sm2.DefaultUserID, "ALICE123@YAHOO.COM"} {
		message := []byte("signed as " + id)
		must(t, os.WriteFile(filepath.Join(dir, "m"), message, 0o600))
		how := []string{"-keyform", "DER", "-rawin", "-digest", "sm3", "-pkeyopt", "distid:" + id, "-in", "m"}
		e, err := k.Public().Digest([]byte(id), message)
		must(t, err)
		der := openssl(t, dir, append([]string{"pkeyutl", "-sign", "-inkey", "private.der"}, how...)...)
		if !k.Public().Verify(&e, der) {
			t.Errorf("%q: OpenSSL's %x is refused", id, der)
		}
		der, err = k.Sign(&e)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, "s"), der, 0o600))
		openssl(t, dir, append([]string{"pkeyutl", "-verify", "-pubin", "-inkey", "public.der", "-sigfile", "s"}, how...)...)
	}
}
