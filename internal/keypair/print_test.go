package keypair_test

import (
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/embedkms/kms/internal/keypair"
)

// However a pair is printed, nothing private shows: neither a number, nor its
// words, nor its bytes.
func TestPrint(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string, pair keypair.Pair) {
		value := reflect.ValueOf(pair).Elem().Interface()
		for _, printed := range []any{
			pair, value, &pair, []keypair.Pair{pair}, []any{value}, map[string]any{"": value},
			struct{ P keypair.Pair }{pair}, struct{ p any }{value},
		} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%b", "%p", "%T", "%y"} {
				silent(t, spec, verb, fmt.Sprintf(verb, printed))
			}
		}
		out, _ := json.Marshal(value)
		silent(t, spec, "JSON", string(out))
	})
}

// silent fails the test if a private number of a spec's file is in out.
func silent(t *testing.T, spec, how, out string) {
	t.Helper()
	for _, n := range privateNumbers(t, spec) {
		for _, form := range forms(n) {
			if strings.Contains(strings.ToLower(out), form) {
				t.Errorf("%s shows %s: %s", how, form, out)
			}
		}
	}
}

// forms are the ways in which package fmt might print a number.
func forms(n *big.Int) []string {
	b := n.Bytes()[:12]
	list := fmt.Sprint(b)
	out := []string{
		n.String(), n.Text(2), hex.EncodeToString(b), strings.Trim(list, "[]"),
		strings.Trim(fmt.Sprintf("%#v", b), "[]byte{}"),
	}
	for _, word := range n.Bits() {
		if word>>(wordSize-8) != 0 { // a short one may be elsewhere by chance
			out = append(out, fmt.Sprintf("%d", word), fmt.Sprintf("%x", word))
		}
	}
	return out
}

const wordSize = 32 << (^big.Word(0) >> 63)

func privateNumbers(t *testing.T, spec string) []*big.Int {
	t.Helper()
	if strings.HasPrefix(spec, "RSA") {
		k := readRSA(t, spec)
		return []*big.Int{k.d, k.p, k.q, k.dp, k.dq, k.qinv}
	}
	return []*big.Int{new(big.Int).SetBytes(ecScalar(t, spec))}
}

// The test sees a private key that does show.
func TestPrintSees(t *testing.T) {
	d := privateNumbers(t, keypair.ECP256)[0]
	//lint:ignore SA1019 a key that shows is wanted
	shown := ecdsa.PrivateKey{D: d}
	for _, out := range []string{
		fmt.Sprintf("%v", shown), fmt.Sprintf("%x", d), fmt.Sprint(d.Bytes()), fmt.Sprint(*d),
		fmt.Sprintf("%#v", d.Bytes()),
	} {
		found := false
		for _, form := range forms(d) {
			found = found || strings.Contains(out, form)
		}
		if !found {
			t.Errorf("nothing seen in %s", out)
		}
	}
}
