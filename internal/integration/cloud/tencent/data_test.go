package tencent_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"sync"
	"testing"

	sdk "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/kms/v20190118"

	"github.com/embedkms/kms"
)

// context is an encryption context as clients write it, and as the library has it.
const context = `{"service":"orders","text":"<&> 数据"}`

var bound = kms.EncryptionContext{"service": "orders", "text": "<&> 数据"}

var plaintext = []byte("plaintext + / = \x00")

func encryption(id string, plaintext []byte, context *string) *sdk.EncryptRequest {
	r := sdk.NewEncryptRequest()
	r.KeyId, r.Plaintext, r.EncryptionContext = &id, b64(plaintext), context
	return r
}

func decryption(ciphertext []byte, context *string) *sdk.DecryptRequest {
	r := sdk.NewDecryptRequest()
	r.CiphertextBlob, r.EncryptionContext = b64(ciphertext), context
	return r
}

var dataCases = []testCase{
	{"Encrypt", "with a context", func(t *testing.T, x *session) {
		id := x.create(t, nil)
		for _, p := range [][]byte{plaintext, {0}, make([]byte, 4096)} {
			w, err := x.Encrypt(encryption(id, p, new(context)))
			must(t, err)
			equal(t, "KeyId", w.Response.KeyId, id)
			got, err := x.k.Decrypt(t.Context(), unb64(t, w.Response.CiphertextBlob), bound)
			if err != nil || !bytes.Equal(got, p) {
				t.Errorf("%q, %v", got, err)
			}
		}
	}},
	{"Encrypt", "without one", func(t *testing.T, x *session) {
		w, err := x.Encrypt(encryption(x.create(t, nil), plaintext, nil))
		must(t, err)
		_, err = x.k.Decrypt(t.Context(), unb64(t, w.Response.CiphertextBlob), nil)
		must(t, err)
	}},
	{"Encrypt", "errors", func(t *testing.T, x *session) {
		x.refusals(t, "ResourceUnavailable.KeyPendingDelete", func(c *sdk.Client, id string) error {
			_, err := c.Encrypt(encryption(id, plaintext, nil))
			return err
		})
		id, archived := x.create(t, nil), x.create(t, nil)
		must(t, x.k.ArchiveKey(t.Context(), archived))
		_, err := x.Encrypt(encryption(archived, plaintext, nil))
		refused(t, err, "ResourceUnavailable.CmkArchived")
		_, err = x.Encrypt(encryption(id, make([]byte, 4097), nil))
		refused(t, err, "InvalidParameterValue.InvalidPlaintext")
		_, err = x.Encrypt(encryption(id, plaintext, new("{")))
		refused(t, err, "InvalidParameter")
		r := encryption(id, nil, nil)
		r.Plaintext = nil
		_, err = x.Encrypt(r)
		refused(t, err, "MissingParameter")
	}},
	{"Decrypt", "of the library", func(t *testing.T, x *session) {
		id := x.create(t, nil)
		for _, aad := range []kms.AAD{bound, nil} {
			ciphertext, err := x.k.Encrypt(t.Context(), id, plaintext, aad)
			must(t, err)
			r := decryption(ciphertext, nil)
			if aad != nil {
				r.EncryptionContext = new(`{"text":"<&> 数据", "service":"orders"}`)
			}
			w, err := x.Decrypt(r)
			must(t, err)
			equal(t, "KeyId", w.Response.KeyId, id)
			equal(t, "Plaintext", w.Response.Plaintext, *b64(plaintext))
		}
	}},
	{"Decrypt", "wrapped", func(t *testing.T, x *session) {
		ciphertext, err := x.k.Encrypt(t.Context(), x.create(t, nil), plaintext, nil)
		must(t, err)
		r := decryption(ciphertext, nil)
		r.EncryptionPublicKey, r.EncryptionAlgorithm = new(publicPEM()), new("RSAES_OAEP_SHA_256")
		w, err := x.Decrypt(r)
		must(t, err)
		if got := unwrap(t, w.Response.Plaintext); !bytes.Equal(got, plaintext) {
			t.Errorf("%q", got)
		}
	}},
	{"Decrypt", "errors", decryptErrors},
	{"ReEncrypt", "to another key and context", func(t *testing.T, x *session) {
		id, other := x.create(t, nil), x.create(t, nil)
		ciphertext, err := x.k.Encrypt(t.Context(), id, plaintext, bound)
		must(t, err)
		r := sdk.NewReEncryptRequest()
		r.CiphertextBlob, r.SourceEncryptionContext = b64(ciphertext), new(context)
		r.DestinationKeyId, r.DestinationEncryptionContext = &other, new(`{"a":"b"}`)
		w, err := x.ReEncrypt(r)
		must(t, err)
		equal(t, "KeyId", w.Response.KeyId, other)
		equal(t, "SourceKeyId", w.Response.SourceKeyId, id)
		equal(t, "ReEncrypted", w.Response.ReEncrypted, true)
		out := unb64(t, w.Response.CiphertextBlob)
		got, err := x.k.DecryptWith(t.Context(), other, out, kms.EncryptionContext{"a": "b"})
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Errorf("%q, %v", got, err)
		}
	}},
	{"ReEncrypt", "nothing to do", func(t *testing.T, x *session) {
		ciphertext, err := x.k.Encrypt(t.Context(), x.create(t, nil), plaintext, nil)
		must(t, err)
		r := sdk.NewReEncryptRequest()
		r.CiphertextBlob = b64(ciphertext)
		w, err := x.ReEncrypt(r)
		must(t, err)
		equal(t, "ReEncrypted", w.Response.ReEncrypted, false)
		equal(t, "CiphertextBlob", w.Response.CiphertextBlob, *b64(ciphertext))
	}},
	{"ReEncrypt", "errors", func(t *testing.T, x *session) {
		ciphertext, err := x.k.Encrypt(t.Context(), x.create(t, nil), plaintext, nil)
		must(t, err)
		x.refusals(t, "ResourceUnavailable.KeyPendingDelete", func(c *sdk.Client, id string) error {
			r := sdk.NewReEncryptRequest()
			r.CiphertextBlob, r.DestinationKeyId = b64(ciphertext), &id
			_, err := c.ReEncrypt(r)
			return err
		})
		r := sdk.NewReEncryptRequest()
		r.CiphertextBlob, r.SourceEncryptionContext = b64(ciphertext), new(context)
		_, err = x.ReEncrypt(r)
		refused(t, err, "InvalidParameterValue.InvalidCiphertext")
	}},
	{"GenerateDataKey", "sizes", func(t *testing.T, x *session) {
		for _, c := range []struct {
			spec string
			n    uint64
			want int
		}{{"AES_128", 0, 16}, {"AES_256", 0, 32}, {"AES_256", 1, 1}, {"", 1024, 1024}} {
			r := sdk.NewGenerateDataKeyRequest()
			r.KeyId, r.EncryptionContext = new(x.create(t, nil)), new(context)
			if c.spec != "" {
				r.KeySpec = &c.spec
			}
			if c.n > 0 {
				r.NumberOfBytes = &c.n
			}
			w, err := x.GenerateDataKey(r)
			must(t, err)
			equal(t, "KeyId", w.Response.KeyId, *r.KeyId)
			key, ciphertext := unb64(t, w.Response.Plaintext), unb64(t, w.Response.CiphertextBlob)
			d, err := x.k.DecryptDataKey(t.Context(), ciphertext, bound)
			if err != nil || len(key) != c.want || !bytes.Equal(d.Plaintext, key) {
				t.Errorf("%v: %d bytes, %v", c, len(key), err)
			}
			back, err := x.Decrypt(decryption(ciphertext, new(context)))
			must(t, err)
			equal(t, "Plaintext", back.Response.Plaintext, *w.Response.Plaintext)
		}
	}},
	{"GenerateDataKey", "wrapped", func(t *testing.T, x *session) {
		r := sdk.NewGenerateDataKeyRequest()
		r.KeyId, r.KeySpec = new(x.create(t, nil)), new("AES_256")
		r.EncryptionPublicKey, r.EncryptionAlgorithm = new(publicPEM()), new("RSAES_OAEP_SHA_256")
		w, err := x.GenerateDataKey(r)
		must(t, err)
		d, err := x.k.DecryptDataKey(t.Context(), unb64(t, w.Response.CiphertextBlob), nil)
		if err != nil || !bytes.Equal(d.Plaintext, unwrap(t, w.Response.Plaintext)) {
			t.Errorf("another key, %v", err)
		}
	}},
	{"GenerateDataKey", "errors", func(t *testing.T, x *session) {
		x.refusals(t, "ResourceUnavailable.KeyPendingDelete", func(c *sdk.Client, id string) error {
			r := sdk.NewGenerateDataKeyRequest()
			r.KeyId, r.KeySpec = &id, new("AES_256")
			_, err := c.GenerateDataKey(r)
			return err
		})
		r := sdk.NewGenerateDataKeyRequest()
		r.KeyId, r.NumberOfBytes = new(x.create(t, nil)), new(uint64(1025))
		_, err := x.GenerateDataKey(r)
		refused(t, err, "InvalidParameter")
		r.EncryptionPublicKey, r.EncryptionAlgorithm = new(publicPEM()), new("RSAES_OAEP_SHA_256")
		r.NumberOfBytes = new(uint64(1024))
		_, err = x.GenerateDataKey(r)
		refused(t, err, "FailedOperation.EncryptionError")
	}},
	{"GenerateRandom", "random", func(t *testing.T, x *session) {
		r := sdk.NewGenerateRandomRequest()
		r.NumberOfBytes = new(uint64(1024))
		w, err := x.GenerateRandom(r)
		must(t, err)
		if got := unb64(t, w.Response.Plaintext); len(got) != 1024 ||
			bytes.Equal(got, make([]byte, 1024)) {
			t.Errorf("%d bytes", len(got))
		}
	}},
	{"GenerateRandom", "errors", func(t *testing.T, x *session) {
		r := sdk.NewGenerateRandomRequest()
		_, err := x.GenerateRandom(r)
		refused(t, err, "MissingParameter")
		r.NumberOfBytes = new(uint64(1025))
		_, err = x.GenerateRandom(r)
		refused(t, err, "InvalidParameter")
		r.NumberOfBytes = new(uint64(1))
		_, err = x.denied(t).GenerateRandom(r)
		refused(t, err, "UnauthorizedOperation")
	}},
}

func decryptErrors(t *testing.T, x *session) {
	const invalid = "InvalidParameterValue.InvalidCiphertext"
	id := x.create(t, nil)
	ciphertext, err := x.k.Encrypt(t.Context(), id, plaintext, bound)
	must(t, err)
	changed := bytes.Clone(ciphertext)
	changed[len(changed)-1] ^= 1
	for name, r := range map[string]*sdk.DecryptRequest{
		"another context": decryption(ciphertext, new(`{"service":"invoices"}`)), "no context": decryption(ciphertext, nil),
		"cut":     decryption(ciphertext[:len(ciphertext)-1], new(context)),
		"rubbish": decryption([]byte("rubbish"), nil), "changed": decryption(changed, new(context)),
	} {
		if _, err := x.Decrypt(r); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			refused(t, err, invalid)
		}
	}
	r := decryption(ciphertext, new(context))
	_, err = x.denied(t).Decrypt(r)
	refused(t, err, "UnauthorizedOperation")
	r.EncryptionPublicKey, r.EncryptionAlgorithm = new(publicPEM()), new("RSAES_PKCS1_V1_5")
	_, err = x.Decrypt(r)
	refused(t, err, "UnsupportedOperation")
	must(t, x.k.DisableKey(t.Context(), id))
	_, err = x.Decrypt(decryption(ciphertext, new(context)))
	refused(t, err, "ResourceUnavailable.CmkDisabled")
}

// refusals makes a call with keys that it is refused for: those that do not exist,
// may not be used, or are in a state that no operation on data fits.
func (x *session) refusals(t *testing.T, pendingCode string, call func(c *sdk.Client, id string) error) {
	t.Helper()
	x.unknown(t, call)
	disabled, pending := x.create(t, nil), x.create(t, nil)
	must(t, x.k.DisableKey(t.Context(), disabled))
	_, err := x.k.ScheduleKeyDeletion(t.Context(), pending, 0)
	must(t, err)
	refused(t, call(x.Client, disabled), "ResourceUnavailable.CmkDisabled")
	refused(t, call(x.Client, pending), pendingCode)
	waiting := x.create(t, &kms.CreateKeyOptions{Origin: kms.OriginExternal})
	refused(t, call(x.Client, waiting), "ResourceUnavailable.CmkStateNotSupport")
}

// unknown makes a call with keys that every operation on one refuses.
func (x *session) unknown(t *testing.T, call func(c *sdk.Client, id string) error) {
	t.Helper()
	refused(t, call(x.Client, "0d0466b0-e727-4d9c-b35d-f84bb474a37f"),
		"ResourceUnavailable.CmkNotFound")
	refused(t, call(x.Client, "alias/name"), "InvalidParameterValue.InvalidKeyId")
	refused(t, call(x.denied(t), x.create(t, nil)), "UnauthorizedOperation")
}

// private is a key of the client, under which answers are wrapped.
var private = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func publicPEM() string {
	der, err := x509.MarshalPKIXPublicKey(&private().PublicKey)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func unwrap(t *testing.T, text *string) []byte {
	t.Helper()
	b, err := rsa.DecryptOAEP(sha256.New(), nil, private(), unb64(t, text), nil)
	must(t, err)
	return b
}
