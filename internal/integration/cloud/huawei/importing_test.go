package huawei_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2/model"

	"github.com/embedkms/kms"
)

func (x *session) parameters(
	t *testing.T, id, alg string,
) (*model.CreateParametersForImportResponse, error) {
	t.Helper()
	return x.CreateParametersForImport(&model.CreateParametersForImportRequest{
		Body: &model.GetParametersForImportRequestBody{
			KeyId: id, Sequence: new(serial),
			WrappingAlgorithm: *enum[model.GetParametersForImportRequestBodyWrappingAlgorithm](t, alg),
		},
	})
}

func (x *session) importMaterial(b *model.ImportKeyMaterialRequestBody) error {
	_, err := x.ImportKeyMaterial(&model.ImportKeyMaterialRequest{Body: b})
	return err
}

func (x *session) deleteMaterial(id string) error {
	_, err := x.DeleteImportedKeyMaterial(&model.DeleteImportedKeyMaterialRequest{Body: of(id)})
	return err
}

// wrapped returns parameters of an import, made by the library, with bytes wrapped.
func (x *session) wrapped(
	t *testing.T, id string, material byte,
) *model.ImportKeyMaterialRequestBody {
	t.Helper()
	p, err := x.k.ImportParameters(t.Context(), x.waiting(t, id), kms.WrappingRSAOAEPSHA256+"/RSA_2048")
	must(t, err)
	return &model.ImportKeyMaterialRequestBody{
		KeyId: id, ImportToken: b64(p.Token), EncryptedKeyMaterial: b64(wrap(t, p.PublicKey, material)),
		Sequence: new(serial),
	}
}

// waiting returns a key that waits for its material, or another if it does not exist.
func (x *session) waiting(t *testing.T, id string) string {
	t.Helper()
	if _, err := x.k.DescribeKey(t.Context(), id); err != nil {
		return x.create(t, external)
	}
	return id
}

// imported creates a key with material.
func (x *session) imported(t *testing.T) string {
	t.Helper()
	id := x.create(t, external)
	must(t, x.importMaterial(x.wrapped(t, id, 1)))
	return id
}

func wrap(t *testing.T, der []byte, material byte) []byte {
	t.Helper()
	public, err := x509.ParsePKIXPublicKey(der)
	must(t, err)
	text := bytes.Repeat([]byte{material}, 32)
	out, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey), text, nil)
	must(t, err)
	return out
}

var importOperations = map[string]operation{
	"POST get-parameters-for-import": {
		key: keyOf(external),
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.parameters(t, id, "RSAES_OAEP_SHA_256")
			return err
		},
		cases: cases{"parameters": imports, "refusals": refusesParameters},
	},
	"POST import-key-material": {
		key: keyOf(external),
		call: func(t *testing.T, x *session, id string) error {
			return x.importMaterial(x.wrapped(t, id, 1))
		},
		cases: cases{"all parameters": imports, "refusals": refusesMaterial},
	},
	"POST delete-imported-key-material": {
		key:   func(t *testing.T, x *session) string { return x.imported(t) },
		call:  func(t *testing.T, x *session, id string) error { return x.deleteMaterial(id) },
		cases: cases{"state": deletesMaterial},
	},
}

func imports(t *testing.T, x *session) {
	id := x.create(t, external)
	p, err := x.parameters(t, id, "RSAES_OAEP_SHA_256")
	must(t, err)
	equal(t, "key_id", p.KeyId, id)
	if left := time.Until(time.Unix(*p.ExpirationTime, 0)); left < 23*time.Hour || left > 25*time.Hour {
		t.Errorf("the token is good for %v", left)
	}
	ends := time.Now().Add(48 * time.Hour).Truncate(time.Second)
	must(t, x.importMaterial(&model.ImportKeyMaterialRequestBody{
		KeyId: id, ImportToken: *p.ImportToken,
		EncryptedKeyMaterial: b64(wrap(t, unb64(t, p.PublicKey), 1)),
		ExpirationTime:       new(ends.Unix()), Sequence: new(serial),
	}))
	key := x.key(t, id)
	if key.State != kms.KeyStateEnabled || !key.Versions[0].ValidTo.Equal(ends) {
		t.Errorf("got %v", key)
	}
}

func refusesParameters(t *testing.T, x *session) {
	pair := x.create(t, &kms.CreateKeyOptions{Spec: kms.KeySpecECP256, Origin: kms.OriginExternal})
	for id, code := range map[string]string{
		x.create(t, nil): "KMS.0309", x.imported(t): "KMS.0310", x.scheduled(t): "KMS.0309", pair: "KMS.0331",
	} {
		_, err := x.parameters(t, id, "SM2_ENCRYPT")
		refused(t, err, 400, code)
	}
	_, err := x.parameters(t, pair, "RSA")
	refused(t, err, 400, "KMS.0308")
}

func refusesMaterial(t *testing.T, x *session) {
	id := x.create(t, external)
	for code, change := range map[string]func(b *model.ImportKeyMaterialRequestBody){
		"KMS.2601": func(b *model.ImportKeyMaterialRequestBody) { b.ImportToken = b64(make([]byte, 49)) },
		"KMS.2602": func(b *model.ImportKeyMaterialRequestBody) { b.ExpirationTime = new(int64(1550291833)) },
		"KMS.2604": func(b *model.ImportKeyMaterialRequestBody) { b.EncryptedKeyMaterial = b64(make([]byte, 256)) },
		"KMS.0309": func(b *model.ImportKeyMaterialRequestBody) { b.KeyId = x.create(t, nil) },
		"KMS.0310": func(b *model.ImportKeyMaterialRequestBody) { b.KeyId = x.imported(t) },
	} {
		b := x.wrapped(t, id, 1)
		change(b)
		refused(t, x.importMaterial(b), 400, code)
	}
	used := x.wrapped(t, id, 1)
	must(t, x.importMaterial(used))
	must(t, x.deleteMaterial(id))
	refused(t, x.importMaterial(used), 400, "KMS.2601")
	refused(t, x.importMaterial(x.wrapped(t, id, 2)), 400, "KMS.2604")
}

func deletesMaterial(t *testing.T, x *session) {
	id := x.imported(t)
	must(t, x.deleteMaterial(id))
	if s := x.key(t, id).State; s != kms.KeyStatePendingImport {
		t.Errorf("the key is %s", s)
	}
	refused(t, x.deleteMaterial(id), 400, "KMS.2701")
	refused(t, x.deleteMaterial(x.create(t, nil)), 400, "KMS.0309")
}
