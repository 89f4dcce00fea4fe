package alibaba_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"hash"

	"github.com/embedkms/kms"
)

// A success is a call that must be made, and what its answer must be.
type success func(e *env) (p params, check func(fields map[string]any))

// A refusal is a change of a call that makes an error of it.
type refusal struct {
	name   string
	change func(e *env, p params) params
	code   string
	status int
}

// An operation is one with its cases.
type operation struct {
	successes map[string]success
	refusals  []refusal
	free      bool // has no compulsory parameters
}

// refused makes a refusal of parameters that are put in.
func refused(name, code string, status int, pairs ...string) refusal {
	return refusal{name, func(_ *env, p params) params { return with(p, pairs...) }, code, status}
}

// keyRefusals are what a KeyId may be wrong with.
func keyRefusals() []refusal {
	return []refusal{
		refused("no key", "Forbidden.KeyNotFound", 404, "KeyId", "0d0466b0-e727-4d9c-b35d-f84bb474a37f"),
		refused("other region", "Forbidden.KeyNotFound", 404, "KeyId", "acs:kms:cn-else:"+account+":key/x"),
		refused("no alias", "Forbidden.AliasNotFound", 404, "KeyId", "alias/none"),
		refused("no form", "InvalidParameter", 400, "KeyId", "key*"),
	}
}

// stateRefusals are those of what only enabled keys do.
func stateRefusals() []refusal {
	in := func(s kms.KeyState) func(*env, params) params {
		return func(e *env, p params) params { return with(p, "KeyId", e.aes(s)) }
	}
	return append(keyRefusals(),
		refusal{"disabled", in(kms.KeyStateDisabled), "Rejected.Disabled", 409},
		refusal{"pending deletion", in(kms.KeyStatePendingDeletion), "Rejected.PendingDeletion", 409},
		refusal{"pending import", in(kms.KeyStatePendingImport), "Rejected.PendingImport", 409})
}

func invalid(name, value string) refusal {
	return refused("invalid "+name, "InvalidParameter", 400, name, value)
}

var dataOperations = map[string]operation{
	"Encrypt": {map[string]success{"context and alias": func(e *env) (params, func(map[string]any)) {
		id := e.enabled()
		return params{"KeyId": e.alias(id), "Plaintext": b64(message), "EncryptionContext": contextJSON,
				"DryRun": "false"}, func(f map[string]any) {
				e.wantVersion(f, id, 1)
				e.wantOpens(e.blob(f, "CiphertextBlob"), encryptionContext, message)
			}
	}, "largest and ARN": func(e *env) (params, func(map[string]any)) {
		id, large := e.enabled(), bytes.Repeat([]byte{7}, 6144)
		return params{"KeyId": keyARN(id), "Plaintext": b64(large)}, func(f map[string]any) {
			e.wantOpens(e.blob(f, "CiphertextBlob"), nil, large)
		}
	}}, append(stateRefusals(), invalid("Plaintext", b64(make([]byte,
		6145))), invalid("Plaintext", "SGVsbG8gd29y****")), false},

	"Decrypt": {map[string]success{"data": func(e *env) (params, func(map[string]any)) {
		id := e.enabled()
		_, err := e.RotateKey(ctx, id)
		must(e, err)
		return params{"CiphertextBlob": b64(e.encrypted(id)), "EncryptionContext": contextJSON,
				"DryRun": "false"}, func(f map[string]any) {
				e.wantVersion(f, id, 2)
				e.want(b64(message), f, "Plaintext")
			}
	}, "data key": func(e *env) (params, func(map[string]any)) {
		k, err := e.GenerateDataKey(ctx, e.enabled(), 16, encryptionContext)
		must(e, err)
		return params{"CiphertextBlob": b64(k.Ciphertext),
				"EncryptionContext": contextJSON}, func(f map[string]any) {
				e.want(b64(k.Plaintext), f, "Plaintext")
			}
	}}, []refusal{invalid("CiphertextBlob", "QUJD"), invalid("EncryptionContext", `{"Example":"other"}`), {"disabled", func(e *env, p params) params {
		id := e.enabled()
		blob := e.encrypted(id)
		must(e, e.DisableKey(ctx, id))
		return with(p, "CiphertextBlob", b64(blob))
	}, "Rejected.Disabled", 409}}, false},

	"ReEncrypt": {map[string]success{"symmetric": func(e *env) (params, func(map[string]any)) {
		from, to := e.enabled(), e.enabled()
		return params{"CiphertextBlob": b64(e.encrypted(from)), "SourceKeyId": from,
				"SourceKeyVersionId": versionID(from, 1), "SourceEncryptionContext": contextJSON,
				"DestinationKeyId": e.alias(to), "DestinationEncryptionContext": `{"new":"1"}`, "DryRun": "false"}, func(f map[string]any) {
				e.wantVersion(f, from, 1)
				e.wantOpens(e.blob(f, "CiphertextBlob"), kms.EncryptionContext{"new": "1"}, message)
			}
	}, "asymmetric": func(e *env) (params, func(map[string]any)) {
		to := e.enabled()
		out, err := e.EncryptAsymmetric(ctx, e.rsa.encrypt, kms.AlgorithmRSAESOAEPSHA256, message)
		must(e, err)
		return params{"CiphertextBlob": b64(out.Ciphertext), "SourceKeyId": e.rsa.encrypt,
				"SourceKeyVersionId":        versionID(e.rsa.encrypt, 1),
				"SourceEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "DestinationKeyId": to}, func(f map[string]any) {
				e.wantVersion(f, e.rsa.encrypt, 1)
				e.wantOpens(e.blob(f, "CiphertextBlob"), nil, message)
			}
	}}, []refusal{refused("no key", "Forbidden.KeyNotFound", 404, "DestinationKeyId", "key-none"), invalid("CiphertextBlob", "QUJD"),
		refused("SHA-1", "UnsupportedOperation", 400, "SourceEncryptionAlgorithm",
			"RSAES_OAEP_SHA_1")}, false},

	"GenerateDataKey": {map[string]success{"bytes": func(e *env) (params, func(map[string]any)) {
		id := e.enabled()
		return params{"KeyId": e.alias(id), "NumberOfBytes": "1024", "KeySpec": "AES_128",
				"EncryptionContext": contextJSON, "DryRun": "false"}, func(f map[string]any) {
				e.wantVersion(f, id, 1)
				e.want(b64(e.wantKey(e.blob(f, "CiphertextBlob"), 1024)), f, "Plaintext")
			}
	}, "spec": keySpec("AES_128", 16), "default": keySpec("", 32)}, append(stateRefusals(), invalid("KeySpec", "AES_192"), invalid("NumberOfBytes", "1025")), false},

	"GenerateDataKeyWithoutPlaintext": {map[string]success{"bytes": func(e *env) (params,
		func(map[string]any)) {
		id := e.enabled()
		return params{"KeyId": id, "NumberOfBytes": "1", "KeySpec": "AES_256",
				"EncryptionContext": contextJSON, "DryRun": "false"}, func(f map[string]any) {
				e.wantVersion(f, id, 1)
				e.wantKey(e.blob(f, "CiphertextBlob"), 1)
				e.want(nil, f, "Plaintext")
			}
	}, "spec": keySpec("AES_256", 32)}, append(stateRefusals(), invalid("NumberOfBytes", "0")), false},

	"GenerateAndExportDataKey": {map[string]success{"SHA-256": export("RSAES_OAEP_SHA_256", sha256.New),
		"SHA-1": export("RSAES_OAEP_SHA_1", sha1.New),
		"SM2": func(e *env) (params, func(map[string]any)) {
			id := e.enabled()
			p, open := e.sm2()
			return with(p, "KeyId", id, "EncryptionContext", contextJSON), func(f map[string]any) {
				key := e.wantKey(e.blob(f, "CiphertextBlob"), 32)
				if !bytes.Equal(open(e.blob(f, "ExportedDataKey")), key) {
					e.Error("another key was exported")
				}
			}
		}}, append(stateRefusals(), invalid("PublicKeyBlob", "QUJD"), invalid("NumberOfBytes", "215"), invalid("WrappingKeySpec", "EC_SM2")), false},

	"ExportDataKey": {map[string]success{"RSA": func(e *env) (params, func(map[string]any)) {
		id := e.enabled()
		k, err := e.GenerateDataKey(ctx, id, 32, encryptionContext)
		must(e, err)
		return with(exporting(), "CiphertextBlob", b64(k.Ciphertext), "EncryptionContext", contextJSON,
				"DryRun", "false"), func(f map[string]any) {
				e.wantVersion(f, id, 1)
				e.wantExported(f, sha256.New, k.Plaintext)
			}
	}, "SM2": func(e *env) (params, func(map[string]any)) {
		p, open := e.sm2()
		return with(p, "CiphertextBlob", b64(e.encrypted(e.enabled())), "EncryptionContext",
				contextJSON), func(f map[string]any) {
				if !bytes.Equal(open(e.blob(f, "ExportedDataKey")), message) {
					e.Error("another key was exported")
				}
			}
	}}, []refusal{invalid("CiphertextBlob", "QUJD"), invalid("PublicKeyBlob", "QUJD"), invalid("WrappingAlgorithm", "SM2PKE"), invalid("EncryptionContext", "{}")}, false},
}

// keySpec is of a data key of a KeySpec.
func keySpec(spec string, size int) success {
	return func(e *env) (params, func(map[string]any)) {
		p := params{"KeyId": e.enabled(), "EncryptionContext": contextJSON}
		if spec != "" {
			p["KeySpec"] = spec
		}
		return p, func(f map[string]any) { e.wantKey(e.blob(f, "CiphertextBlob"), size) }
	}
}

// export is of a data key that goes to the client's RSA key.
func export(algorithm string, h func() hash.Hash) success {
	return func(e *env) (params, func(map[string]any)) {
		id := e.enabled()
		return with(exporting(), "KeyId", id, "WrappingAlgorithm", algorithm, "KeySpec", "AES_256",
				"NumberOfBytes", "190", "EncryptionContext", contextJSON, "DryRun", "false"),
			func(f map[string]any) {
				e.wantVersion(f, id, 1)
				e.wantExported(f, h, e.wantKey(e.blob(f, "CiphertextBlob"), 190))
			}
	}
}

// wantExported checks what was exported to the client's RSA key.
func (e *env) wantExported(f map[string]any, h func() hash.Hash, key []byte) {
	e.Helper()
	got, err := rsa.DecryptOAEP(h(), rand.Reader, clientKey(), e.blob(f, "ExportedDataKey"), nil)
	if err != nil || !bytes.Equal(got, key) {
		e.Errorf("another key was exported, %v", err)
	}
}

// sm2 returns the parameters of an export to an SM2 key, and what opens it.
func (e *env) sm2() (params, func([]byte) []byte) {
	e.Helper()
	id := e.key(&kms.CreateKeyOptions{Spec: kms.KeySpecSM2, Usage: kms.KeyUsageEncryptDecrypt})
	public, err := e.PublicKey(ctx, id, 0)
	must(e, err)
	p := params{"PublicKeyBlob": b64(public.DER), "WrappingKeySpec": "EC_SM2",
		"WrappingAlgorithm": "SM2PKE"}
	return p, func(c []byte) []byte {
		key, err := e.DecryptAsymmetric(ctx, id, 0, kms.AlgorithmSM2Encrypt, c)
		must(e, err)
		return key
	}
}

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
	}}, pairRefusals(refused("SHA-1", "UnsupportedOperation", 400, "Algorithm", "RSAES_OAEP_SHA_1"), invalid("Plaintext", b64(make([]byte, 1025)))), false},

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
