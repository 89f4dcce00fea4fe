package tencent_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/pem"
	"testing"

	sdk "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/kms/v20190118"

	"github.com/embedkms/kms"
)

// A signature algorithm in the words of either side.
type signing struct {
	spec kms.KeySpec
	name string
	here kms.Algorithm
}

var signings = []signing{
	{kms.KeySpecSM2, "SM2DSA", kms.AlgorithmSM2DSASM3},
	{kms.KeySpecECP256, "ECC_P256_R1", kms.AlgorithmECDSASHA256},
	{kms.KeySpecRSA2048, "RSA_PSS_SHA_256", kms.AlgorithmRSASSAPSSSHA256},
	{kms.KeySpecRSA2048, "RSA_PKCS1_SHA_256", kms.AlgorithmRSASSAPKCS1V15SHA256},
}

func (x *session) signer(t *testing.T, spec kms.KeySpec) string {
	t.Helper()
	return x.create(t, &kms.CreateKeyOptions{Spec: spec, Usage: kms.KeyUsageSignVerify})
}

func sign(c *sdk.Client, id, algorithm, kind string, message []byte) (*sdk.SignByAsymmetricKeyResponse, error) {
	r := sdk.NewSignByAsymmetricKeyRequest()
	r.KeyId, r.Algorithm, r.Message = &id, &algorithm, b64(message)
	if kind != "" {
		r.MessageType = &kind
	}
	return c.SignByAsymmetricKey(r)
}

func verify(c *sdk.Client, id, algorithm, kind string, message, signature []byte) (*sdk.VerifyByAsymmetricKeyResponse, error) {
	r := sdk.NewVerifyByAsymmetricKeyRequest()
	r.KeyId, r.Algorithm, r.Message, r.SignatureValue = &id, &algorithm, b64(message), b64(signature)
	if kind != "" {
		r.MessageType = &kind
	}
	return c.VerifyByAsymmetricKey(r)
}

func publicKey(c *sdk.Client, id string) (*sdk.GetPublicKeyResponse, error) {
	r := sdk.NewGetPublicKeyRequest()
	r.KeyId = &id
	return c.GetPublicKey(r)
}

func rsaDecrypt(c *sdk.Client, id, algorithm string, ciphertext []byte) (*sdk.AsymmetricRsaDecryptResponse, error) {
	r := sdk.NewAsymmetricRsaDecryptRequest()
	r.KeyId, r.Algorithm, r.Ciphertext = &id, &algorithm, b64(ciphertext)
	return c.AsymmetricRsaDecrypt(r)
}

func sm2Decrypt(c *sdk.Client, id string, ciphertext []byte) (*sdk.AsymmetricSm2DecryptResponse, error) {
	r := sdk.NewAsymmetricSm2DecryptRequest()
	r.KeyId, r.Ciphertext = &id, b64(ciphertext)
	return c.AsymmetricSm2Decrypt(r)
}

var asymmetricCases = []testCase{
	{"GetPublicKey", "of each spec", func(t *testing.T, x *session) {
		for _, spec := range []kms.KeySpec{kms.KeySpecSM2, kms.KeySpecECP256, kms.KeySpecRSA2048} {
			id := x.signer(t, spec)
			w, err := publicKey(x.Client, id)
			must(t, err)
			want, err := x.k.PublicKey(t.Context(), id, 0)
			must(t, err)
			equal(t, "KeyId", w.Response.KeyId, id)
			equal(t, "PublicKey", w.Response.PublicKey, *b64(want.DER))
			block, _ := pem.Decode([]byte(*w.Response.PublicKeyPem))
			if block == nil || !bytes.Equal(block.Bytes, want.DER) {
				t.Errorf("%s", *w.Response.PublicKeyPem)
			}
		}
	}},
	{"GetPublicKey", "errors", func(t *testing.T, x *session) {
		x.unknown(t, func(c *sdk.Client, id string) error {
			_, err := publicKey(c, id)
			return err
		})
		_, err := publicKey(x.Client, x.create(t, nil))
		refused(t, err, "InvalidParameterValue.InvalidKeyUsage")
	}},
	{"AsymmetricRsaDecrypt", "of the library", func(t *testing.T, x *session) {
		id := x.create(t, &kms.CreateKeyOptions{Spec: kms.KeySpecRSA2048})
		c, err := x.k.EncryptAsymmetric(t.Context(), id, kms.AlgorithmRSAESOAEPSHA256, plaintext)
		must(t, err)
		w, err := rsaDecrypt(x.Client, id, oaep, c.Ciphertext)
		must(t, err)
		equal(t, "KeyId", w.Response.KeyId, id)
		equal(t, "Plaintext", w.Response.Plaintext, *b64(plaintext))
		_, err = rsaDecrypt(x.Client, id, oaep, make([]byte, 256))
		refused(t, err, "FailedOperation.DecryptError")
		_, err = rsaDecrypt(x.Client, id, "RSAES_PKCS1_V1_5", c.Ciphertext)
		refused(t, err, "UnsupportedOperation")
		must(t, disable(x.Client, id))
		_, err = rsaDecrypt(x.Client, id, oaep, c.Ciphertext)
		refused(t, err, stateCode)
	}},
	{"AsymmetricRsaDecrypt", "errors", func(t *testing.T, x *session) {
		x.unknown(t, func(c *sdk.Client, id string) error {
			_, err := rsaDecrypt(c, id, oaep, make([]byte, 256))
			return err
		})
		_, err := rsaDecrypt(x.Client, x.create(t, nil), oaep, make([]byte, 256))
		refused(t, err, "InvalidParameterValue.InvalidKeyUsage")
	}},
	{"AsymmetricSm2Decrypt", "of the library", func(t *testing.T, x *session) {
		id := x.create(t, &kms.CreateKeyOptions{Spec: kms.KeySpecSM2})
		c, err := x.k.EncryptAsymmetric(t.Context(), id, kms.AlgorithmSM2Encrypt, plaintext)
		must(t, err)
		der, err := kms.SM2CiphertextToASN1(c.Ciphertext)
		must(t, err)
		w, err := sm2Decrypt(x.Client, id, der)
		must(t, err)
		equal(t, "KeyId", w.Response.KeyId, id)
		equal(t, "Plaintext", w.Response.Plaintext, *b64(plaintext))
		der[len(der)-1] ^= 1
		_, err = sm2Decrypt(x.Client, id, der)
		refused(t, err, "FailedOperation.DecryptError")
		_, err = sm2Decrypt(x.Client, id, []byte("rubbish"))
		refused(t, err, "FailedOperation.DecryptError")
	}},
	{"AsymmetricSm2Decrypt", "errors", func(t *testing.T, x *session) {
		x.unknown(t, func(c *sdk.Client, id string) error {
			_, err := sm2Decrypt(c, id, make([]byte, 120))
			return err
		})
		_, err := sm2Decrypt(x.Client, x.create(t, nil), make([]byte, 120))
		refused(t, err, "InvalidParameterValue.InvalidKeyUsage")
	}},
	{"SignByAsymmetricKey", "each algorithm", func(t *testing.T, x *session) {
		for _, s := range signings {
			id := x.signer(t, s.spec)
			for _, kind := range []string{"", "RAW", "DIGEST"} {
				message, here := make([]byte, 4096), kms.MessageTypeRaw
				if kind == "DIGEST" {
					digest := sha256.Sum256(message)
					message, here = digest[:], kms.MessageTypeDigest
				}
				w, err := sign(x.Client, id, s.name, kind, message)
				must(t, err)
				must(t, x.k.Verify(t.Context(), id, 0, s.here, message, here,
					unb64(t, w.Response.Signature)))
			}
		}
	}},
	{"SignByAsymmetricKey", "errors", func(t *testing.T, x *session) {
		x.unknown(t, func(c *sdk.Client, id string) error {
			_, err := sign(c, id, "SM2DSA", "", plaintext)
			return err
		})
		id := x.signer(t, kms.KeySpecECP256)
		for _, c := range []struct {
			id, algorithm, kind string
			size                int
		}{
			{id, "SM2DSA", "", 1}, {id, "none", "", 1}, {id, "ECC_P256_R1", "HASH", 1},
			{id, "ECC_P256_R1", "RAW", 4097},
			{id, "ECC_P256_R1", "DIGEST", 31}, {x.create(t, nil), "ECC_P256_R1", "", 1},
		} {
			_, err := sign(x.Client, c.id, c.algorithm, c.kind, make([]byte, c.size))
			refused(t, err, "InvalidParameter")
		}
		must(t, disable(x.Client, id))
		_, err := sign(x.Client, id, "ECC_P256_R1", "", plaintext)
		refused(t, err, stateCode)
	}},
	{"VerifyByAsymmetricKey", "each algorithm", func(t *testing.T, x *session) {
		for _, s := range signings {
			id := x.signer(t, s.spec)
			sig, err := x.k.Sign(t.Context(), id, s.here, plaintext, kms.MessageTypeRaw)
			must(t, err)
			w, err := verify(x.Client, id, s.name, "RAW", plaintext, sig.Signature)
			must(t, err)
			equal(t, s.name, w.Response.SignatureValid, true)
			w, err = verify(x.Client, id, s.name, "", append(plaintext, 1), sig.Signature)
			must(t, err)
			equal(t, s.name+" of another message", w.Response.SignatureValid, false)
		}
	}},
	{"VerifyByAsymmetricKey", "errors", func(t *testing.T, x *session) {
		x.unknown(t, func(c *sdk.Client, id string) error {
			_, err := verify(c, id, "SM2DSA", "", plaintext, []byte("signature"))
			return err
		})
		id := x.signer(t, kms.KeySpecECP256)
		_, err := verify(x.Client, id, "SM2DSA", "", plaintext, []byte("signature"))
		refused(t, err, "InvalidParameter")
		_, err = verify(x.Client, id, "ECC_P256_R1", "", plaintext, make([]byte, 513))
		refused(t, err, "InvalidParameterValue")
	}},
	{"ListAlgorithms", "can all be created and used", func(t *testing.T, x *session) {
		w, err := x.ListAlgorithms(sdk.NewListAlgorithmsRequest())
		must(t, err)
		all := append(w.Response.SymmetricAlgorithms, w.Response.AsymmetricAlgorithms...)
		for _, a := range append(all, w.Response.AsymmetricSignVerifyAlgorithms...) {
			created, err := x.CreateKey(creation("listed-"+*a.Algorithm, *a.KeyUsage))
			must(t, err)
			if created.Response.KeyId == nil {
				t.Errorf("%s: no key", *a.Algorithm)
			}
		}
		for _, a := range w.Response.AsymmetricSignVerifyAlgorithms {
			key, err := x.k.DescribeKey(t.Context(), "alias/listed-"+*a.Algorithm)
			must(t, err)
			_, err = sign(x.Client, key.ID, *a.Algorithm, "", plaintext)
			must(t, err)
		}
	}},
}
