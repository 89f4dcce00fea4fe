package keypair_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/fips140"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/algorithm"
	"github.com/embedkms/kms/internal/keypair"
	"github.com/embedkms/kms/internal/sm2"
)

// A fresh pair is read back from its PKCS #8 as it was.
func TestGenerate(t *testing.T) {
	for spec := range specs {
		if spec == keypair.RSA4096 {
			continue // takes seconds, and shows nothing that 3,072 bits do not
		}
		pair := generate(t, spec)
		der := pkcs8(t, pair)
		again := parse(t, der)
		if pair.Spec() != spec || again.Spec() != spec {
			t.Errorf("%s: specs %s and %s", spec, pair.Spec(), again.Spec())
		}
		if !bytes.Equal(spki(t, again), spki(t, pair)) {
			t.Errorf("%s: another public key", spec)
		}
		if !bytes.Equal(pkcs8(t, again), der) {
			t.Errorf("%s: another PKCS #8", spec)
		}
		if bytes.Equal(pkcs8(t, generate(t, spec)), der) {
			t.Errorf("%s: the same pair twice", spec)
		}
	}
}

func TestGenerateUnknown(t *testing.T) {
	for _, spec := range []string{"", "RSA_1024", "EC_P521", "rsa_2048", "AES_256"} {
		if pair, err := keypair.Generate(spec, gm.Default()); pair != nil || !errors.Is(err, algorithm.ErrUnsupported) {
			t.Errorf("%q: %v, %v", spec, pair, err)
		}
	}
}

// What OpenSSL writes is what is written here.
func TestOpenSSL(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string, pair keypair.Pair) {
		if pair.Spec() != spec {
			t.Errorf("spec %s", pair.Spec())
		}
		if !bytes.Equal(pkcs8(t, pair), file(t, spec)) {
			t.Error("another PKCS #8")
		}
		must(t, keypair.CheckPrimes(pair))
	})
}

// Public and SPKI are one key, which crypto/x509 reads unless it is of SM2.
func TestPublic(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string, pair keypair.Pair) {
		public := pair.Public().(interface{ Equal(crypto.PublicKey) bool })
		if spec == keypair.SM2 {
			point, err := sm2.ParseSPKI(spki(t, pair))
			must(t, err)
			k := public.(*ecdsa.PublicKey)
			if got := sm2Point(k); got != point || k.Curve != sm2.Curve() {
				t.Errorf("point %x on %s, want %x", got, k.Params().Name, point)
			}
			return
		}
		parsed, err := x509.ParsePKIXPublicKey(spki(t, pair))
		if err != nil || !public.Equal(parsed) {
			t.Errorf("%v, %v", parsed, err)
		}
	})
}

func sm2Point(k *ecdsa.PublicKey) (p [65]byte) {
	p[0] = 4
	//lint:ignore SA1019 what takes their place knows the NIST curves only
	x, y := k.X, k.Y
	x.FillBytes(p[1:33])
	y.FillBytes(p[33:])
	return p
}

// A pair serves many goroutines.
func TestConcurrency(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string, pair keypair.Pair) {
		want := pkcs8(t, pair)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if got := pkcs8(t, pair); !bytes.Equal(got, want) {
					t.Error("another PKCS #8")
				}
				spki(t, pair)
				for _, alg := range specs[spec] {
					signAndVerify(t, pair.(keypair.Signer), alg)
				}
				if d, ok := pair.(keypair.Decrypter); ok {
					roundTrip(t, d, []byte("plaintext"))
				}
			})
		}
		wg.Wait()
	})
}

// In FIPS 140-3 mode RSA and EC do everything, and SM2 is refused as what is not
// supported. The test runs itself again in that mode.
func TestFIPS(t *testing.T) {
	if !fips140.Enforced() {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFIPS$", "-test.v")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestFIPS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	for _, spec := range []string{keypair.RSA2048, keypair.ECP256, keypair.ECP384} {
		for _, pair := range []keypair.Pair{generate(t, spec), fixed(t, spec)} {
			for _, alg := range specs[spec] {
				signAndVerify(t, pair.(keypair.Signer), alg)
			}
			if d, ok := pair.(keypair.Decrypter); ok {
				roundTrip(t, d, []byte("plaintext"))
			}
		}
	}
	if _, err := keypair.Generate(keypair.SM2, gm.Default()); !errors.Is(err, algorithm.ErrUnsupported) {
		t.Errorf("generate SM2: %v", err)
	}
	if _, err := keypair.Parse(file(t, keypair.SM2), gm.Default()); !errors.Is(err, algorithm.ErrUnsupported) {
		t.Errorf("parse SM2: %v", err)
	}
}
