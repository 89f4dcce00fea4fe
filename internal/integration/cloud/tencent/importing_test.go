package tencent_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"testing"
	"time"

	sdk "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/kms/v20190118"

	"github.com/embedkms/kms"
)

func importParameters(c *sdk.Client, id, algorithm string) (*sdk.GetParametersForImportResponse, error) {
	r := sdk.NewGetParametersForImportRequest()
	r.KeyId, r.WrappingAlgorithm, r.WrappingKeySpec = &id, &algorithm, new("RSA_2048")
	return c.GetParametersForImport(r)
}

func importMaterial(c *sdk.Client, id string, token *string, wrapped []byte, validTo uint64) error {
	r := sdk.NewImportKeyMaterialRequest()
	r.KeyId, r.ImportToken, r.EncryptedKeyMaterial, r.ValidTo = &id, token, b64(wrapped), &validTo
	_, err := c.ImportKeyMaterial(r)
	return err
}

func deleteMaterial(c *sdk.Client, id string) error {
	r := sdk.NewDeleteImportedKeyMaterialRequest()
	r.KeyId = &id
	_, err := c.DeleteImportedKeyMaterial(r)
	return err
}

const oaep = "RSAES_OAEP_SHA_256"

// wrapped returns material as it is imported, and the token for it.
func (x *session) wrapped(t *testing.T, id string, material []byte) (token *string, wrapped []byte) {
	t.Helper()
	w, err := importParameters(x.Client, id, oaep)
	must(t, err)
	public, err := x509.ParsePKIXPublicKey(unb64(t, w.Response.PublicKey))
	must(t, err)
	wrapped, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey), material, nil)
	must(t, err)
	return w.Response.ImportToken, wrapped
}

func (x *session) external(t *testing.T) string {
	t.Helper()
	return x.create(t, &kms.CreateKeyOptions{Origin: kms.OriginExternal})
}

var material = bytes.Repeat([]byte{5}, 32)

var importCases = []testCase{
	{"GetParametersForImport", "parameters", func(t *testing.T, x *session) {
		id := x.external(t)
		w, err := importParameters(x.Client, id, oaep)
		must(t, err)
		equal(t, "KeyId", w.Response.KeyId, id)
		valid := time.Until(time.Unix(int64(*w.Response.ParametersValidTo), 0))
		if valid > 24*time.Hour || valid < 23*time.Hour {
			t.Errorf("valid for %v", valid)
		}
	}},
	{"GetParametersForImport", "errors", func(t *testing.T, x *session) {
		x.unknown(t, func(c *sdk.Client, id string) error {
			_, err := importParameters(c, id, oaep)
			if err == nil {
				t.Errorf("%s: parameters", id)
			}
			return err
		})
		_, err := importParameters(x.Client, x.create(t, nil), oaep)
		refused(t, err, "UnsupportedOperation.NotExternalCmk")
		id := x.external(t)
		for algorithm, code := range map[string]string{
			"RSAES_PKCS1_V1_5": "UnsupportedOperation", "RSAES_OAEP_SHA_1": "UnsupportedOperation", "none": "InvalidParameter",
		} {
			_, err = importParameters(x.Client, id, algorithm)
			refused(t, err, code)
		}
	}},
	{"ImportKeyMaterial", "and again after its end", func(t *testing.T, x *session) {
		id := x.external(t)
		token, wrapped := x.wrapped(t, id, material)
		validTo := uint64(time.Now().Add(time.Hour).Unix())
		must(t, importMaterial(x.Client, id, token, wrapped, validTo))
		x.is(t, id, kms.KeyStateEnabled, "Enabled")
		m := describe(t, x, id)
		equal(t, "ValidTo", m.ValidTo, validTo)
		equal(t, "Origin", m.Origin, "EXTERNAL")
		ciphertext, err := x.k.Encrypt(t.Context(), id, plaintext, nil)
		must(t, err)
		must(t, deleteMaterial(x.Client, id))
		token, wrapped = x.wrapped(t, id, material)
		must(t, importMaterial(x.Client, id, token, wrapped, 0))
		equal(t, "ValidTo", describe(t, x, id).ValidTo, 0)
		_, err = x.Decrypt(decryption(ciphertext, nil))
		must(t, err)
	}},
	{"ImportKeyMaterial", "errors", importErrors},
	{"DeleteImportedKeyMaterial", "pending import", func(t *testing.T, x *session) {
		id := x.external(t)
		token, wrapped := x.wrapped(t, id, material)
		must(t, importMaterial(x.Client, id, token, wrapped, 0))
		must(t, deleteMaterial(x.Client, id))
		x.is(t, id, kms.KeyStatePendingImport, "PendingImport")
	}},
	{"DeleteImportedKeyMaterial", "errors", func(t *testing.T, x *session) {
		x.unknown(t, deleteMaterial)
		refused(t, deleteMaterial(x.Client, x.create(t, nil)), "UnsupportedOperation.NotExternalCmk")
	}},
}

func importErrors(t *testing.T, x *session) {
	const cannot = "InvalidParameter.DecryptMaterialError"
	id := x.external(t)
	token, wrapped := x.wrapped(t, id, material)
	x.unknown(t, func(c *sdk.Client, id string) error { return importMaterial(c, id, token, wrapped, 0) })
	refused(t, importMaterial(x.Client, x.create(t, nil), token, wrapped, 0),
		"UnsupportedOperation.NotExternalCmk")
	refused(t, importMaterial(x.Client, x.external(t), token, wrapped, 0), "InvalidParameter")
	refused(t, importMaterial(x.Client, id, b64([]byte("no token")), wrapped, 0), "InvalidParameter")
	refused(t, importMaterial(x.Client, id, token, wrapped, 1), "InvalidParameter")
	refused(t, importMaterial(x.Client, id, token, make([]byte, 256), 0), cannot)
	must(t, importMaterial(x.Client, id, token, wrapped, 0))
	refused(t, importMaterial(x.Client, id, token, wrapped, 0), "InvalidParameter") // used
	token, wrapped = x.wrapped(t, id, bytes.Repeat([]byte{6}, 32))
	refused(t, importMaterial(x.Client, id, token, wrapped, 0), cannot) // other material
	_, err := x.k.ScheduleKeyDeletion(t.Context(), id, 0)
	must(t, err)
	refused(t, importMaterial(x.Client, id, token, wrapped, 0), stateCode)
}
