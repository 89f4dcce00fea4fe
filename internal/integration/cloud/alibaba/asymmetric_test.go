package alibaba_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"

	"github.com/embedkms/kms"
)

var sum = sha256.Sum256(message)

// pairOf returns parameters with a key and its first version.
func pairOf(id string, pairs ...string) params {
	return with(params{"KeyId": id, "KeyVersionId": versionID(id, 1), "DryRun": "false"}, pairs...)
}

// pairRefusals are what a KeyId and a KeyVersionId may be wrong with.
func pairRefusals(more ...refusal) []refusal {
	return append(append(keyRefusals(), more...), invalid("KeyId", "*"),
		refused("no version", "Forbidden.KeyNotFound", 404, "KeyVersionId",
			"0d0466b0-e727-4d9c-b35d-f84bb474a37f"))
}

var asymmetricOperations = map[string]operation{
	"AsymmetricEncrypt": {map[string]success{"RSA": func(e *env) (params, func(map[string]any)) {
		return pairOf(e.rsa.encrypt, "Algorithm", "RSAES_OAEP_SHA_256", "Plaintext",
				b64(message)), func(f map[string]any) {
				e.wantVersion(f, e.rsa.encrypt, 1)
				e.wantDecrypts(e.rsa.encrypt, kms.AlgorithmRSAESOAEPSHA256, e.blob(f, "CiphertextBlob"))
			}
	}, "SM2 by alias": func(e *env) (params, func(map[string]any)) {
		id := e.key(&kms.CreateKeyOptions{Spec: kms.KeySpecSM2, Usage: kms.KeyUsageEncryptDecrypt})
		return pairOf(id, "KeyId", e.alias(id), "Algorithm", "SM2PKE", "Plaintext",
				b64(message)), func(f map[string]any) {
				e.wantVersion(f, id, 1)
				e.wantDecrypts(id, kms.AlgorithmSM2Encrypt, e.blob(f, "CiphertextBlob"))
			}
	}}, pairRefusals(refused("SHA-1", "UnsupportedOperation", 400, "Algorithm", "RSAES_OAEP_SHA_1"),
		invalid("Plaintext", b64(make([]byte, 1025)))), false},

	"AsymmetricDecrypt": {map[string]success{"RSA": func(e *env) (params, func(map[string]any)) {
		out, err := e.EncryptAsymmetric(ctx, e.rsa.encrypt, kms.AlgorithmRSAESOAEPSHA256, message)
		must(e, err)
		return pairOf(e.rsa.encrypt, "Algorithm", "RSAES_OAEP_SHA_256", "CiphertextBlob",
				b64(out.Ciphertext)), func(f map[string]any) {
				e.wantVersion(f, e.rsa.encrypt, 1)
				e.want(b64(message), f, "Plaintext")
			}
	}, "SM2 as DER by alias": func(e *env) (params, func(map[string]any)) {
		id := e.key(&kms.CreateKeyOptions{Spec: kms.KeySpecSM2, Usage: kms.KeyUsageEncryptDecrypt})
		out, err := e.EncryptAsymmetric(ctx, id, kms.AlgorithmSM2Encrypt, message)
		must(e, err)
		der, err := kms.SM2CiphertextToASN1(out.Ciphertext)
		must(e, err)
		return pairOf(id, "KeyId", e.alias(id), "Algorithm", "SM2PKE", "CiphertextBlob",
				b64(der)), func(f map[string]any) {
				e.wantVersion(f, id, 1)
				e.want(b64(message), f, "Plaintext")
			}
	}}, pairRefusals(invalid("CiphertextBlob", "QUJD")), false},

	"AsymmetricSign": {map[string]success{"PSS": sign(kms.KeySpecRSA2048, "RSA_PSS_SHA_256",
		kms.AlgorithmRSASSAPSSSHA256),
		"PKCS #1": sign(kms.KeySpecRSA2048, "RSA_PKCS1_SHA_256", kms.AlgorithmRSASSAPKCS1V15SHA256),
		"ECDSA": sign(kms.KeySpecECP256, "ECDSA_SHA_256",
			kms.AlgorithmECDSASHA256), "SM2": sign(kms.KeySpecSM2, "SM2DSA", kms.AlgorithmSM2DSASM3),
	}, pairRefusals(invalid("Digest", "QUJD")), false},

	"AsymmetricVerify": {map[string]success{"PSS": verify(kms.KeySpecRSA2048, "RSA_PSS_SHA_256",
		kms.AlgorithmRSASSAPSSSHA256, true),
		"PKCS #1": verify(kms.KeySpecRSA2048, "RSA_PKCS1_SHA_256", kms.AlgorithmRSASSAPKCS1V15SHA256, true),
		"ECDSA": verify(kms.KeySpecECP256, "ECDSA_SHA_256", kms.AlgorithmECDSASHA256,
			true), "SM2": verify(kms.KeySpecSM2, "SM2DSA", kms.AlgorithmSM2DSASM3, true),
		"wrong": verify(kms.KeySpecECP256, "ECDSA_SHA_256", kms.AlgorithmECDSASHA256, false),
	}, pairRefusals(invalid("Value", "*")), false},

	"GetPublicKey": {map[string]success{"PEM": func(e *env) (params, func(map[string]any)) {
		return pairOf(e.rsa.sign), func(f map[string]any) {
			e.wantVersion(f, e.rsa.sign, 1)
			text, _ := f["PublicKey"].(string)
			block, _ := pem.Decode([]byte(text))
			if block == nil {
				e.Fatalf("no PEM: %q", text)
			}
			if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
				e.Error(err)
			}
		}
	}}, pairRefusals(refusal{"symmetric", func(e *env,
		p params) params {
		return pairOf(e.enabled())
	}, "UnsupportedOperation", 400}), false},
}

// wantDecrypts checks that a ciphertext under a public key is of the message.
func (e *env) wantDecrypts(id string, alg kms.Algorithm, c []byte) {
	e.Helper()
	if got, err := e.DecryptAsymmetric(ctx, id, 0, alg, c); err != nil || !bytes.Equal(got, message) {
		e.Errorf("%q, %v", got, err)
	}
}

// signer returns a key that signs.
func (e *env) signer(spec kms.KeySpec) string {
	e.Helper()
	if spec == kms.KeySpecRSA2048 {
		return e.rsa.sign
	}
	return e.key(&kms.CreateKeyOptions{Spec: spec, Usage: kms.KeyUsageSignVerify})
}

func sign(spec kms.KeySpec, name string, alg kms.Algorithm) success {
	return func(e *env) (params, func(map[string]any)) {
		id := e.signer(spec)
		return pairOf(id, "Algorithm", name, "Digest", b64(sum[:])), func(f map[string]any) {
			e.wantVersion(f, id, 1)
			sig := e.blob(f, "Value")
			must(e, e.Verify(ctx, id, 1, alg, sum[:], kms.MessageTypeDigest, sig))
			e.wantStandard(id, alg, sig)
		}
	}
}

// wantStandard checks a signature of PKCS #1 by the standard library.
func (e *env) wantStandard(id string, alg kms.Algorithm, sig []byte) {
	e.Helper()
	if alg != kms.AlgorithmRSASSAPKCS1V15SHA256 {
		return
	}
	public, err := e.PublicKey(ctx, id, 1)
	must(e, err)
	key, err := x509.ParsePKIXPublicKey(public.DER)
	must(e, err)
	must(e, rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), crypto.SHA256, sum[:], sig))
}

func verify(spec kms.KeySpec, name string, alg kms.Algorithm, right bool) success {
	return func(e *env) (params, func(map[string]any)) {
		id := e.signer(spec)
		digest := sum
		if !right {
			digest[0] ^= 1
		}
		sig, err := e.Sign(ctx, id, alg, digest[:], kms.MessageTypeDigest)
		must(e, err)
		return pairOf(id, "KeyId", e.alias(id), "Algorithm", name, "Digest", b64(sum[:]), "Value",
				b64(sig.Signature)), func(f map[string]any) {
				e.wantVersion(f, id, 1)
				e.want(right, f, "Value")
			}
	}
}
