package aws

import (
	"bytes"
	"testing"

	"github.com/embedkms/kms/internal/front"
)

// Answers with secrets wipe them.
func TestClear(t *testing.T) {
	secret := func() []byte { return []byte("secret") }
	plaintext, key, private, random := secret(), secret(), secret(), secret()
	for _, c := range []struct {
		answer front.Clearer
		secret []byte
	}{
		{&decryptAnswer{Plaintext: plaintext}, plaintext},
		{&dataKeyAnswer{Plaintext: key}, key},
		{&dataKeyPairAnswer{PrivateKeyPlaintext: private}, private},
		{&randomAnswer{random}, random},
	} {
		c.answer.Clear()
		if !bytes.Equal(c.secret, make([]byte, len(c.secret))) {
			t.Errorf("%T leaves %q", c.answer, c.secret)
		}
	}
}
