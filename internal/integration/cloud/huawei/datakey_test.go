package huawei_test

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"

	sdk "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2/model"

	"github.com/embedkms/kms"
)

func upper(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

func createDatakey(
	c *sdk.KmsClient, b *model.CreateDatakeyRequestBody,
) (*model.CreateDatakeyResponse, error) {
	return c.CreateDatakey(&model.CreateDatakeyRequest{Body: b})
}

func createHidden(
	c *sdk.KmsClient, b *model.CreateDatakeyRequestBody,
) (*model.CreateDatakeyWithoutPlaintextResponse, error) {
	return c.CreateDatakeyWithoutPlaintext(&model.CreateDatakeyWithoutPlaintextRequest{Body: b})
}

func encryptDatakey(
	c *sdk.KmsClient, b *model.EncryptDatakeyRequestBody,
) (*model.EncryptDatakeyResponse, error) {
	return c.EncryptDatakey(&model.EncryptDatakeyRequest{Body: b})
}

func decryptDatakey(
	c *sdk.KmsClient, b *model.DecryptDatakeyRequestBody,
) (*model.DecryptDatakeyResponse, error) {
	return c.DecryptDatakey(&model.DecryptDatakeyRequest{Body: b})
}

var datakeyOperations = map[string]operation{
	"POST create-datakey": {
		key: keyOf(nil),
		call: func(t *testing.T, x *session, id string) error {
			_, err := createDatakey(x.KmsClient, &model.CreateDatakeyRequestBody{KeyId: id})
			return err
		},
		cases: cases{
			"all parameters": createsDatakeys, "refusals": refusesDatakeys,
		},
	},
	"POST create-datakey-without-plaintext": {
		key: keyOf(nil),
		call: func(t *testing.T, x *session, id string) error {
			_, err := createHidden(x.KmsClient, &model.CreateDatakeyRequestBody{KeyId: id})
			return err
		},
		cases: cases{
			"all parameters": createsDatakeys, "refusals": refusesDatakeys,
		},
	},
	"POST encrypt-datakey": {
		key: keyOf(nil),
		call: func(t *testing.T, x *session, id string) error {
			_, err := encryptDatakey(x.KmsClient, &model.EncryptDatakeyRequestBody{
				KeyId: id, PlainText: seedDEK + seedDigest, DatakeyPlainLength: "64",
			})
			return err
		},
		cases: cases{
			"round trip": datakeysComeBack, "refusals": refusesToEncryptDatakeys,
		},
	},
	"POST decrypt-datakey": {
		key: keyOf(nil),
		call: func(t *testing.T, x *session, id string) error {
			made, err := x.k.GenerateDataKey(t.Context(), x.existing(t, id), 32, nil)
			must(t, err)
			_, err = decryptDatakey(x.KmsClient, &model.DecryptDatakeyRequestBody{
				KeyId: id, CipherText: upper(made.Ciphertext), DatakeyCipherLength: "32",
			})
			return err
		},
		cases: cases{
			"round trip": datakeysComeBack, "refusals": refusesToDecryptDatakeys,
		},
	},
	"POST gen-random": {
		call: func(t *testing.T, x *session, _ string) error {
			_, err := x.CreateRandom(&model.CreateRandomRequest{
				Body: &model.GenRandomRequestBody{RandomDataLength: "512"},
			})
			return err
		},
		cases: cases{"lengths": randomOfLengths},
	},
}

// The example of the API page "Encrypting a DEK".
const (
	seedDEK = "7549d9aea901767bf3c0b3e14b10722eaf6f59053bbd82045d04e075e809a0fe" +
		"6ccab48f8e5efe74e4b18ff0512525e527b10331100f357bf42125d8d5ced94f"
	seedDigest = "fbc8ac72b0785ca7fe33eb6776ce3990b11e32b299d9c0a9ee0305fb9540f797"
)

func createsDatakeys(t *testing.T, x *session) {
	id := x.create(t, nil)
	for spec, size := range map[string]int{
		"AES_256": 32, "AES_128": 16, "SM4": 16, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64,
		"HMAC_SM3": 32, "": 1024,
	} {
		b := &model.CreateDatakeyRequestBody{
			KeyId: id, AdditionalAuthenticatedData: new("aad"), Sequence: new(serial),
			PinType: enum[model.CreateDatakeyRequestBodyPinType](t, "PlainText"),
		}
		if spec != "" {
			b.KeySpec = enum[model.CreateDatakeyRequestBodyKeySpec](t, spec)
		} else {
			b.KeySpec, b.DatakeyLength = enum[model.CreateDatakeyRequestBodyKeySpec](t, "SM4"), new("8192")
		}
		got, err := createDatakey(x.KmsClient, b)
		must(t, err)
		equal(t, "key_id", got.KeyId, id)
		d, err := x.k.DecryptDataKey(t.Context(), unhex(t, got.CipherText), kms.AdditionalData("aad"))
		must(t, err)
		equal(t, "plain_text", new(unhex(t, got.PlainText)), d.Plaintext)
		hidden, err := createHidden(x.KmsClient, b)
		must(t, err)
		equal(t, "key_id", hidden.KeyId, id)
		h, err := x.k.DecryptDataKey(t.Context(), unhex(t, hidden.CipherText), kms.AdditionalData("aad"))
		must(t, err)
		if len(d.Plaintext) != size || len(h.Plaintext) != size {
			t.Errorf("%s has %d and %d bytes", spec, len(d.Plaintext), len(h.Plaintext))
		}
	}
}

func refusesDatakeys(t *testing.T, x *session) {
	type body = model.CreateDatakeyRequestBody
	id := x.create(t, nil)
	for what, c := range map[string]struct {
		body         body
		code, hidden string
	}{
		"7 bits":    {body{KeyId: id, DatakeyLength: new("7")}, "KMS.1901", "KMS.2001"},
		"9 bits":    {body{KeyId: id, DatakeyLength: new("9")}, "KMS.1901", "KMS.2001"},
		"8200 bits": {body{KeyId: id, DatakeyLength: new("8200")}, "KMS.1901", "KMS.2001"},
		"PIN":       {body{KeyId: id, Pin: new("1")}, "KMS.0308", "KMS.0308"},
		"disabled":  {body{KeyId: x.disabled(t)}, "KMS.0209", "KMS.0209"},
		"scheduled": {body{KeyId: x.scheduled(t)}, "KMS.0210", "KMS.0210"},
		"usage":     {body{KeyId: x.create(t, signing)}, "KMS.0325", "KMS.0325"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := createDatakey(x.KmsClient, &c.body)
			refused(t, err, 400, c.code)
			_, err = createHidden(x.KmsClient, &c.body)
			refused(t, err, 400, c.hidden)
		})
	}
}

func datakeysComeBack(t *testing.T, x *session) {
	for _, spec := range []kms.KeySpec{kms.KeySpecAES256, kms.KeySpecSM4} {
		id := x.create(t, &kms.CreateKeyOptions{Spec: spec})
		for _, size := range []int{1, 64, 1024} {
			d, err := x.k.GenerateDataKey(t.Context(), id, size, nil)
			must(t, err)
			got, err := encryptDatakey(x.KmsClient, &model.EncryptDatakeyRequestBody{
				KeyId: id, PlainText: hex.EncodeToString(slices.Concat(d.Plaintext, d.Digest())),
				DatakeyPlainLength: strconv.Itoa(size), AdditionalAuthenticatedData: new("aad"),
				Sequence: new(serial),
				PinType:  new("PlainText"), KeySpec: enum[model.EncryptDatakeyRequestBodyKeySpec](t, "SM2"),
			})
			must(t, err)
			equal(t, "key_id", got.KeyId, id)
			equal(t, "datakey_length", got.DatakeyLength, strconv.Itoa(size))
			again, err := x.k.DecryptDataKey(t.Context(), unhex(t, got.CipherText), kms.AdditionalData("aad"))
			must(t, err)
			equal(t, "library", &again.Plaintext, d.Plaintext)
			back, err := decryptDatakey(x.KmsClient, &model.DecryptDatakeyRequestBody{
				KeyId: id, CipherText: *got.CipherText, DatakeyCipherLength: strconv.Itoa(size),
				AdditionalAuthenticatedData: new("aad"), Sequence: new(serial),
			})
			must(t, err)
			equal(t, "data_key", back.DataKey, upper(d.Plaintext))
			equal(t, "datakey_length", back.DatakeyLength, strconv.Itoa(size))
			equal(t, "datakey_dgst", back.DatakeyDgst, upper(d.Digest()))
		}
	}
}

func refusesToEncryptDatakeys(t *testing.T, x *session) {
	type body = model.EncryptDatakeyRequestBody
	id, right := x.create(t, nil), seedDEK+seedDigest
	for what, c := range map[string]struct {
		body body
		code string
	}{
		"not hex":  {body{KeyId: id, PlainText: "x", DatakeyPlainLength: "64"}, "KMS.2101"},
		"length":   {body{KeyId: id, PlainText: right, DatakeyPlainLength: "63"}, "KMS.2101"},
		"too long": {body{KeyId: id, PlainText: right, DatakeyPlainLength: "1025"}, "KMS.2102"},
		"digest":   {body{KeyId: id, PlainText: "00" + right[2:], DatakeyPlainLength: "64"}, "KMS.2103"},
		"PIN":      {body{KeyId: id, PlainText: right, DatakeyPlainLength: "64", Pin: new("1")}, "KMS.0308"},
		"disabled": {body{KeyId: x.disabled(t), PlainText: right, DatakeyPlainLength: "64"}, "KMS.0209"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := encryptDatakey(x.KmsClient, &c.body)
			refused(t, err, 400, c.code)
		})
	}
}

func refusesToDecryptDatakeys(t *testing.T, x *session) {
	type body = model.DecryptDatakeyRequestBody
	id := x.create(t, nil)
	d, err := x.k.GenerateDataKeyWithoutPlaintext(t.Context(), id, 32, nil)
	must(t, err)
	right := upper(d.Ciphertext)
	data, err := x.k.Encrypt(t.Context(), id, make([]byte, 32), nil)
	must(t, err)
	for what, c := range map[string]struct {
		body body
		code string
	}{
		"rubbish": {body{KeyId: id, CipherText: "00", DatakeyCipherLength: "32"}, "KMS.2201"},
		"not hex": {body{KeyId: id, CipherText: "x", DatakeyCipherLength: "32"}, "KMS.2201"},
		"data":    {body{KeyId: id, CipherText: upper(data), DatakeyCipherLength: "32"}, "KMS.2201"},
		"key":     {body{KeyId: x.create(t, nil), CipherText: right, DatakeyCipherLength: "32"}, "KMS.2201"},
		"length":  {body{KeyId: id, CipherText: right, DatakeyCipherLength: "33"}, "KMS.2202"},
		"context": {body{
			KeyId: id, CipherText: right, DatakeyCipherLength: "32", AdditionalAuthenticatedData: new("a"),
		}, "KMS.2201"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := decryptDatakey(x.KmsClient, &c.body)
			refused(t, err, 400, c.code)
		})
	}
}

func randomOfLengths(t *testing.T, x *session) {
	for bits, code := range map[string]string{
		"8": "", "8192": "", "0": "KMS.1801", "9": "KMS.1801", "8200": "KMS.1801",
	} {
		got, err := x.CreateRandom(&model.CreateRandomRequest{Body: &model.GenRandomRequestBody{
			RandomDataLength: bits, Sequence: new(serial),
		}})
		if code != "" {
			refused(t, err, 400, code)
			continue
		}
		must(t, err)
		if n := len(unhex(t, got.RandomData)) * 8; strconv.Itoa(n) != bits {
			t.Errorf("%d bits, want %s", n, bits)
		}
	}
}
