package sm2_test

import (
	"bytes"
	"crypto/fips140"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

// The key pair of GB/T 32918.5-2017, A.2.
var (
	privateA = [32]byte(unhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"))
	publicA  = [65]byte(unhex("04" +
		"09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020" +
		"ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"))
)

// newKey returns the key A over the default provider.
func newKey(tb testing.TB) *sm2.PrivateKey {
	tb.Helper()
	needSM2(tb)
	k, err := sm2.NewPrivateKey(gm.Default(), privateA[:])
	must(tb, err)
	return k
}

// needSM2 skips a test of what FIPS 140-3 mode forbids. TestFIPS tests that it does.
func needSM2(tb testing.TB) {
	if fips140.Enforced() {
		tb.Skip("SM2 is refused in FIPS 140-3 mode")
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// A fake is a provider of one key, which does what its fields say. A field that
// is nil panics, as any call of a nil function does.
type fake struct {
	gm.Provider
	private func() (gm.SM2Private, error)
	public  func() (gm.SM2Public, error)

	kept    *[32]byte // what SM2Private was given
	point   func() [65]byte
	decrypt func(c1c3c2 []byte) ([]byte, error)
	sign    func() ([64]byte, error)
	encrypt func(m []byte) ([]byte, error)
	verify  func(rs *[64]byte) bool
}

// newFake returns a fake whose key is A. Its operations panic.
func newFake() *fake {
	f := &fake{Provider: gm.Default(), point: func() [65]byte { return publicA }}
	f.private = func() (gm.SM2Private, error) { return fakeKey{f}, nil }
	f.public = func() (gm.SM2Public, error) { return fakeKey{f}, nil }
	return f
}

func (f *fake) SM2Private(d *[32]byte) (gm.SM2Private, error) {
	f.kept = d
	return f.private()
}

func (f *fake) SM2Public(*[65]byte) (gm.SM2Public, error) { return f.public() }

func (f *fake) key(tb testing.TB) *sm2.PrivateKey {
	tb.Helper()
	k, err := sm2.NewPrivateKey(f, privateA[:])
	must(tb, err)
	return k
}

type fakeKey struct{ f *fake }

func (k fakeKey) Public() [65]byte                            { return k.f.point() }
func (k fakeKey) Decrypt(c []byte) ([]byte, error)            { return k.f.decrypt(c) }
func (k fakeKey) SignDigest(*[32]byte) ([64]byte, error)      { return k.f.sign() }
func (k fakeKey) Encrypt(m []byte) ([]byte, error)            { return k.f.encrypt(m) }
func (k fakeKey) VerifyDigest(_ *[32]byte, rs *[64]byte) bool { return k.f.verify(rs) }

// errPlanted is an error of a provider that tells too much.
var errPlanted = errors.New("the key is " + hex.EncodeToString(privateA[:]))

// needTools skips a test where a program is missing, and fails it in CI.
func needTools(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skipf("%s is not installed", tool)
		}
	}
}

// openssl runs a command of OpenSSL's in dir and returns what it prints.
func openssl(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("openssl", args...)
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s%s", strings.Join(args, " "), err, out, &stderr)
	}
	return out
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
