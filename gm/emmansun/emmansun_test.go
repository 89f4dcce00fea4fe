package emmansun_test

import (
	"crypto/fips140"
	"encoding/hex"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/embedkms/kms/gm/emmansun"
	"github.com/embedkms/kms/gm/gmtest"
)

func TestProvider(t *testing.T) {
	gmtest.Run(t, emmansun.Provider())
}

func BenchmarkProvider(b *testing.B) {
	gmtest.Benchmark(b, emmansun.Provider())
}

// FIPS 140-3 mode is chosen when a process starts, so the test for it runs in a
// process of its own.
func TestFIPS(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("TestProvider runs in this process")
	}
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^TestProvider$")
	cmd.Env = append(os.Environ(), "GODEBUG="+os.Getenv("GODEBUG")+",fips140=only")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestProvider/FIPS_140-3_mode") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The library's own keys and pointers to them show the number to package fmt.
func TestPrintsNoKey(t *testing.T) {
	skipEnforced(t)
	d := [32]byte([]byte("a private key of 32 bytes length"))
	key, err := emmansun.Provider().SM2Private(&d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.SignDigest(&d); err != nil { // it keeps more from now on
		t.Fatal(err)
	}
	list := strings.Trim(fmt.Sprint(d), "[]")
	number := new(big.Int).SetBytes(d[:]).String()
	for _, format := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
		text := strings.ToLower(fmt.Sprintf(format, key))
		for _, secret := range []string{list, string(d[:]), hex.EncodeToString(d[:]), number} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows the key: %s", format, text)
			}
		}
	}
}
