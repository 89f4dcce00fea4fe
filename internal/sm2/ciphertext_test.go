package sm2_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/embedkms/kms/internal/sm2"
)

// The example of GB/T 32918.5-2017, C.2.
var (
	messageC    = []byte("encryption standard")
	ciphertextC = unhex("04" +
		"04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73" +
		"e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0" +
		"59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766" +
		"21886ca989ca9c7d58087307ca93092d651efa")
)

func TestDecryptVector(t *testing.T) {
	k := newKey(t)
	given := bytes.Clone(ciphertextC)
	if m, err := k.Decrypt(given); err != nil || !bytes.Equal(m, messageC) {
		t.Errorf("decrypts to %q, %v", m, err)
	}
	if !bytes.Equal(given, ciphertextC) {
		t.Error("the ciphertext was altered")
	}
}

func TestEncrypt(t *testing.T) {
	k := newKey(t)
	for _, n := range []int{1, 2, 31, 32, 33, 256, sm2.MaxPlaintext} {
		m := bytes.Repeat([]byte{'m'}, n)
		c, err := k.Public().Encrypt(m)
		must(t, err)
		if len(c) != n+sm2.Overhead {
			t.Errorf("%d bytes encrypt to %d", n, len(c))
		}
		if got, err := k.Decrypt(c); err != nil || !bytes.Equal(got, m) {
			t.Errorf("%d bytes decrypt to %q, %v", n, got, err)
		}
	}
}

// Of a plaintext out of its limits the provider is not asked: it may never
// return from encrypting nothing.
func TestPlaintextSize(t *testing.T) {
	for _, n := range []int{0, sm2.MaxPlaintext + 1, 1 << 20} {
		if c, err := newFake().key(t).Public().Encrypt(make([]byte, n)); err != sm2.ErrInvalidPlaintext || c != nil {
			t.Errorf("%d bytes: %x, %v", n, c, err)
		}
	}
}

// An altered ciphertext is refused, and by one error, whatever byte it is.
func TestDecryptAltered(t *testing.T) {
	k := newKey(t)
	altered := [][]byte{append(bytes.Clone(ciphertextC), 0)}
	for i := range ciphertextC {
		c := bytes.Clone(ciphertextC)
		c[i] ^= 1 << (i % 8)
		altered = append(altered, c, ciphertextC[:i])
	}
	for _, c := range altered {
		if m, err := k.Decrypt(c); err != sm2.ErrInvalidCiphertext || m != nil {
			t.Errorf("%x: %q, %v", c, m, err)
		}
	}
}

// What is not of the form does not reach the provider.
func TestDecryptForm(t *testing.T) {
	asked := false
	f := newFake()
	f.decrypt = func(c []byte) ([]byte, error) {
		asked = true
		if len(c) != cap(c) {
			t.Errorf("%d bytes of a capacity of %d", len(c), cap(c))
		}
		return make([]byte, len(c)-sm2.Overhead), nil
	}
	k := f.key(t)
	decrypt := func(name string, c []byte, want bool) {
		t.Helper()
		asked = false
		if _, err := k.Decrypt(c); asked != want || want != (err == nil) || !want && err != sm2.ErrInvalidCiphertext {
			t.Errorf("%s: %v, asked %v", name, err, asked)
		}
	}
	full := append(bytes.Clone(publicA[:]), make([]byte, 2000)...)
	for n := range len(full) {
		decrypt("length", full[:n], n >= 98 && n <= 97+1024)
	}
	decrypt("no bytes", nil, false)
	for first := range 256 {
		decrypt("first byte", slices.Concat([]byte{byte(first)}, full[1:200]), first == 4)
	}
	for name, point := range notPoints {
		if len(point) == len(publicA) {
			decrypt(name, slices.Concat(point, full[:100]), false)
		}
	}
}

// A provider that fails in any way yields one error and no plaintext.
func TestDecryptProvider(t *testing.T) {
	m := bytes.Repeat([]byte{'m'}, len(messageC))
	for name, decrypt := range map[string]func([]byte) ([]byte, error){
		"panics":           nil,
		"fails":            func([]byte) ([]byte, error) { return nil, errPlanted },
		"unauthenticated":  func([]byte) ([]byte, error) { return m, errPlanted },
		"nothing":          func([]byte) ([]byte, error) { return nil, nil },
		"a byte too few":   func([]byte) ([]byte, error) { return bytes.Clone(m[1:]), nil },
		"a byte too many":  func([]byte) ([]byte, error) { return append(bytes.Clone(m), 0), nil },
		"reads out of end": func(c []byte) ([]byte, error) { return c[:cap(c)+1], nil },
	} {
		f := newFake()
		f.decrypt = decrypt
		c := slices.Grow(bytes.Clone(ciphertextC), 100)
		if got, err := f.key(t).Decrypt(c); err != sm2.ErrInvalidCiphertext || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if !bytes.Equal(m, make([]byte, len(m))) {
		t.Errorf("%q is left of what did not authenticate", m)
	}
}

func TestEncryptProvider(t *testing.T) {
	for name, encrypt := range map[string]func([]byte) ([]byte, error){
		"panics":          nil,
		"fails":           func([]byte) ([]byte, error) { return ciphertextC, errPlanted },
		"nothing":         func([]byte) ([]byte, error) { return nil, nil },
		"a byte too few":  func([]byte) ([]byte, error) { return ciphertextC[:115], nil },
		"a byte too many": func([]byte) ([]byte, error) { return append(bytes.Clone(ciphertextC), 0), nil },
		"no point":        func([]byte) ([]byte, error) { return make([]byte, 116), nil },
	} {
		f := newFake()
		f.encrypt = encrypt
		if c, err := f.key(t).Public().Encrypt(messageC); err != sm2.ErrProvider || c != nil {
			t.Errorf("%s: %x, %v", name, c, err)
		}
	}
}

func fromASN1(der []byte) bool {
	_, err := sm2.CiphertextFromASN1(der)
	return err == nil
}

func TestCiphertextASN1(t *testing.T) {
	for name, c := range map[string][]byte{
		"vector":    ciphertextC,
		"x is 0":    slices.Concat(unhex("04"+zero+y0), ciphertextC[65:]),
		"short y":   slices.Concat(unhex("04"+x1+one), ciphertextC[65:]),
		"one byte":  ciphertextC[:98],
		"127 bytes": append(bytes.Clone(ciphertextC[:97]), make([]byte, 127)...),
		"largest":   append(bytes.Clone(ciphertextC[:97]), make([]byte, 1024)...),
	} {
		der, err := sm2.CiphertextToASN1(c)
		must(t, err)
		if got, err := sm2.CiphertextFromASN1(der); err != nil || !bytes.Equal(got, c) {
			t.Errorf("%s: %x became %x, %v", name, c, got, err)
		}
		strictDER(t, der, false, fromASN1)
	}
	for name, c := range map[string][]byte{
		"nothing": nil, "no C2": ciphertextC[:97], "a byte too many": append(bytes.Clone(ciphertextC[:97]), make([]byte, 1025)...),
		"first byte": append([]byte{3}, ciphertextC[1:]...),
	} {
		if der, err := sm2.CiphertextToASN1(c); err != sm2.ErrInvalidCiphertext || der != nil {
			t.Errorf("%s: %x, %v", name, der, err)
		}
	}
}

func TestCiphertextFromASN1(t *testing.T) {
	integer := func(b ...byte) []byte { return tlv(2, b) }
	octets := func(n int) []byte { return tlv(4, make([]byte, n)) }
	x := integer(1)
	wide := append([]byte{1}, make([]byte, 32)...)
	for name, c := range map[string]struct {
		der []byte
		ok  bool
	}{
		"well formed":       {tlv(0x30, x, x, octets(32), octets(1)), true},
		"zero":              {tlv(0x30, integer(0), x, octets(32), octets(1)), true},
		"high bit":          {tlv(0x30, integer(0, 0x80), x, octets(32), octets(1)), true},
		"2^256-1":           {tlv(0x30, x, integer(unhex("00"+allOne)...), octets(32), octets(1)), true},
		"leading zero":      {tlv(0x30, integer(0, 1), x, octets(32), octets(1)), false},
		"y's leading zero":  {tlv(0x30, x, integer(0, 0x7f), octets(32), octets(1)), false},
		"negative":          {tlv(0x30, integer(0x80), x, octets(32), octets(1)), false},
		"negative y":        {tlv(0x30, x, integer(0xff, 0x7f), octets(32), octets(1)), false},
		"2^256":             {tlv(0x30, integer(wide...), x, octets(32), octets(1)), false},
		"y is 2^256":        {tlv(0x30, x, integer(wide...), octets(32), octets(1)), false},
		"C3 of 31":          {tlv(0x30, x, x, octets(31), octets(2)), false},
		"C3 of 33":          {tlv(0x30, x, x, octets(33), octets(1)), false},
		"C3 of nothing":     {tlv(0x30, x, x, octets(0), octets(33)), false},
		"C2 of nothing":     {tlv(0x30, x, x, octets(32), octets(0)), false},
		"C2 of 1024":        {tlv(0x30, x, x, octets(32), octets(1024)), true},
		"C2 of 1025":        {tlv(0x30, x, x, octets(32), octets(1025)), false},
		"C2 missing":        {tlv(0x30, x, x, octets(32)), false},
		"C2 before C3":      {tlv(0x30, x, x, octets(31), octets(32)), false},
		"y missing":         {tlv(0x30, x, octets(32), octets(1)), false},
		"something behind":  {tlv(0x30, x, x, octets(32), octets(1), octets(1)), false},
		"not a sequence":    {slices.Concat(x, x, octets(32), octets(1)), false},
		"raw, not ASN.1":    {ciphertextC, false},
		"nothing":           {nil, false},
		"in another":        {tlv(0x30, tlv(0x30, x, x, octets(32), octets(1))), false},
		"C2 in two, nested": {tlv(0x30, x, x, octets(32), tlv(0x24, octets(1), octets(1))), false},
	} {
		got, err := sm2.CiphertextFromASN1(c.der)
		if c.ok != (err == nil) || !c.ok && (err != sm2.ErrInvalidCiphertext || got != nil) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}

func TestCiphertextOpenSSL(t *testing.T) {
	needTools(t, "openssl")
	k := newKey(t)
	dir := writeKey(t)
	for range 5 {
		must(t, os.WriteFile(filepath.Join(dir, "m"), messageC, 0o600))
		der := openssl(t, dir, "pkeyutl", "-encrypt", "-pubin", "-inkey", "public.der", "-keyform", "DER", "-in", "m")
		c, err := sm2.CiphertextFromASN1(der)
		must(t, err)
		if m, err := k.Decrypt(c); err != nil || !bytes.Equal(m, messageC) {
			t.Errorf("decrypts to %q, %v", m, err)
		}
		c, err = k.Public().Encrypt(messageC)
		must(t, err)
		der, err = sm2.CiphertextToASN1(c)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, "c"), der, 0o600))
		m := openssl(t, dir, "pkeyutl", "-decrypt", "-inkey", "private.der", "-keyform", "DER", "-in", "c")
		if !bytes.Equal(m, messageC) {
			t.Errorf("OpenSSL decrypts to %q", m)
		}
	}
}

// writeKey returns a folder with the key A in DER.
func writeKey(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "private.der"), sm2.MarshalPKCS8(&privateA, &publicA), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "public.der"), sm2.MarshalSPKI(&publicA), 0o600))
	return dir
}
