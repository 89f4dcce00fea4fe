package huawei

import (
	"bytes"
	"testing"

	"github.com/embedkms/kms/internal/front"
)

// Answers with secrets wipe them.
func TestClear(t *testing.T) {
	secret := func() []byte { return []byte("secret") }
	data, dek, known, random := secret(), secret(), secret(), secret()
	for _, c := range []struct {
		answer front.Clearer
		secret []byte
	}{
		{&dataPlaintext{PlainText: data, Base64: data}, data},
		{&newDatakey{PlainText: dek}, dek},
		{&datakeyPlaintext{DataKey: known}, known},
		{&randomData{random}, random},
	} {
		c.answer.Clear()
		if !bytes.Equal(c.secret, make([]byte, len(c.secret))) {
			t.Errorf("%T leaves %q", c.answer, c.secret)
		}
	}
}
