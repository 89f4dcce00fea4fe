package sm2_test

import (
	"encoding/hex"
	"testing"

	"github.com/embedkms/kms/internal/sm2"
)

// A first round trip over every function.
func TestRoundTrip(t *testing.T) {
	k := newPrivate(t, keyA)
	c, err := k.Public().Encrypt([]byte("encryption standard"))
	must(t, err)
	der, err := sm2.CiphertextToASN1(c)
	must(t, err)
	again, err := sm2.CiphertextFromASN1(der)
	must(t, err)
	m, err := k.Decrypt(again)
	must(t, err)
	if string(m) != "encryption standard" {
		t.Errorf("got %q", m)
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
