package sm2_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

func TestKeyPair(t *testing.T) {
	k := newKey(t)
	if got := k.Public().Bytes(); got != publicA {
		t.Errorf("the public key is %x", got)
	}
}

// Of a private key that is out of range the provider is not asked.
func TestPrivateRange(t *testing.T) {
	n, _ := new(big.Int).SetString(orderN, 16)
	below := func(by int64) []byte { return new(big.Int).Sub(n, big.NewInt(by)).FillBytes(make([]byte, 32)) }
	for name, c := range map[string]struct {
		d  []byte
		ok bool
	}{
		"nothing":         {nil, false},
		"31 bytes":        {privateA[1:], false},
		"33 bytes":        {append([]byte{0}, privateA[:]...), false},
		"0":               {unhex(zero), false},
		"1":               {unhex(one), true},
		"2^248":           {append([]byte{1}, make([]byte, 31)...), true},
		"n-17":            {below(17), true},
		"n-16":            {below(16), false},
		"n-6":             {below(6), false},
		"n-1":             {below(1), false},
		"n":               {below(0), false},
		"n+1":             {below(-1), false},
		"a high bit of n": {append([]byte{0xff, 0xff, 0xff, 0xff}, make([]byte, 28)...), false},
		"2^256-1":         {unhex(allOne), false},
	} {
		asked := false
		f := newFake()
		f.private = func() (gm.SM2Private, error) { asked = true; return fakeKey{f}, nil }
		if _, err := sm2.NewPrivateKey(f, c.d); asked != c.ok || c.ok != (err == nil) || !c.ok && err != sm2.ErrInvalidKey {
			t.Errorf("%s: %v, asked %v", name, err, asked)
		}
	}
}

// The ends of the range, where providers are known to go wrong, work.
func TestPrivateEnds(t *testing.T) {
	needSM2(t)
	n, _ := new(big.Int).SetString(orderN, 16)
	for _, d := range [][]byte{unhex(one), n.Sub(n, big.NewInt(17)).Bytes()} {
		k, err := sm2.NewPrivateKey(gm.Default(), d)
		must(t, err)
		c, err := k.Public().Encrypt([]byte("m"))
		must(t, err)
		if m, err := k.Decrypt(c); err != nil || string(m) != "m" {
			t.Errorf("%x decrypts to %q, %v", d, m, err)
		}
		der, err := k.Sign(&[32]byte{1})
		must(t, err)
		if !k.Public().Verify(&[32]byte{1}, der) {
			t.Errorf("%x does not verify", d)
		}
	}
}

func TestGenerateKey(t *testing.T) {
	seen := map[[32]byte]bool{}
	for range 100 {
		d := sm2.GenerateKey()
		if _, err := sm2.NewPrivateKey(newFake(), d[:]); err != nil || seen[d] {
			t.Errorf("%x: %v, seen %v", d, err, seen[d])
		}
		seen[d] = true
	}
}

// The bytes that a key was made of belong to the caller.
func TestNewKeyCopies(t *testing.T) {
	needSM2(t)
	d, point := privateA, publicA
	k, err := sm2.NewPrivateKey(gm.Default(), d[:])
	must(t, err)
	p, err := sm2.NewPublicKey(gm.Default(), point[:])
	must(t, err)
	if d != privateA || point != publicA {
		t.Error("the argument was altered")
	}
	clear(d[:])
	clear(point[:])
	c, err := p.Encrypt([]byte("m"))
	must(t, err)
	if m, err := k.Decrypt(c); err != nil || p.Bytes() != publicA {
		t.Errorf("decrypts to %q, %v", m, err)
	}
}

// The copy of d that a provider is given is cleared, whether or not a key came
// of it.
func TestNewKeyClears(t *testing.T) {
	for _, point := range [][65]byte{publicA, {4}} {
		f := newFake()
		f.point = func() [65]byte { return point }
		_, err := sm2.NewPrivateKey(f, privateA[:])
		if *f.kept != [32]byte{} {
			t.Errorf("%x is left, %v", *f.kept, err)
		}
	}
}

// What a provider makes of a key is checked, and its errors tell nothing.
func TestNewKeyProvider(t *testing.T) {
	unsupported := fmt.Errorf("SM2: %w", gm.ErrUnsupportedAlgorithm)
	for name, c := range map[string]struct {
		plant func(f *fake)
		want  error
	}{
		"private panics":      {func(f *fake) { f.private = nil }, sm2.ErrProvider},
		"private is nil":      {func(f *fake) { f.private = func() (gm.SM2Private, error) { return nil, nil } }, sm2.ErrProvider},
		"private fails":       {func(f *fake) { f.private = func() (gm.SM2Private, error) { return nil, errPlanted } }, sm2.ErrProvider},
		"private unsupported": {func(f *fake) { f.private = func() (gm.SM2Private, error) { return nil, unsupported } }, unsupported},
		"point panics":        {func(f *fake) { f.point = nil }, sm2.ErrProvider},
		"point off the curve": {func(f *fake) { f.point = func() [65]byte { return [65]byte{4} } }, sm2.ErrProvider},
		"point out of range":  {func(f *fake) { f.point = func() [65]byte { return [65]byte(notPoints["y is 1 + p"]) } }, sm2.ErrProvider},
		"public panics":       {func(f *fake) { f.public = nil }, sm2.ErrProvider},
		"public is nil":       {func(f *fake) { f.public = func() (gm.SM2Public, error) { return nil, nil } }, sm2.ErrProvider},
		"public fails":        {func(f *fake) { f.public = func() (gm.SM2Public, error) { return nil, errPlanted } }, sm2.ErrProvider},
		"public unsupported":  {func(f *fake) { f.public = func() (gm.SM2Public, error) { return nil, unsupported } }, unsupported},
	} {
		f := newFake()
		c.plant(f)
		if k, err := sm2.NewPrivateKey(f, privateA[:]); err != c.want || k != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A plainKey is a provider's key that does not hide its number.
type plainKey struct {
	fakeKey
	d   [32]byte
	hex string
}

// A key shows nothing of itself however it is printed.
func TestNotPrinted(t *testing.T) {
	f := newFake()
	f.private = func() (gm.SM2Private, error) {
		return plainKey{fakeKey{f}, privateA, hex.EncodeToString(privateA[:])}, nil
	}
	k := f.key(t)
	for _, v := range []any{k, *k, []any{k}, struct{ K *sm2.PrivateKey }{k}, struct{ K any }{*k}} {
		var out bytes.Buffer
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %p %T") {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "key", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "key", v)
		must(t, json.NewEncoder(&out).Encode(v))
		text := strings.ToLower(out.String())
		for _, d := range []string{hex.EncodeToString(privateA[:4]), fmt.Sprint(privateA[:4])[1:14], "0x39, 0x45"} {
			if strings.Contains(text, d) {
				t.Errorf("%T printed: %s", v, text)
			}
		}
	}
}
