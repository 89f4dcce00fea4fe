package alibaba_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
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
	}}, []refusal{invalid("CiphertextBlob", "QUJD"),
		invalid("EncryptionContext", `{"Example":"other"}`), {"disabled", func(e *env, p params) params {
			id := e.enabled()
			blob := e.encrypted(id)
			must(e, e.DisableKey(ctx, id))
			return with(p, "CiphertextBlob", b64(blob))
		}, "Rejected.Disabled", 409}}, false},

	"ReEncrypt": {map[string]success{"symmetric": func(e *env) (params, func(map[string]any)) {
		from, to := e.enabled(), e.enabled()
		return params{"CiphertextBlob": b64(e.encrypted(from)), "SourceKeyId": from,
				"SourceKeyVersionId": versionID(from, 1), "SourceEncryptionContext": contextJSON,
				"DestinationKeyId": e.alias(to), "DestinationEncryptionContext": `{"new":"1"}`,
				"DryRun": "false"}, func(f map[string]any) {
				e.wantVersion(f, from, 1)
				e.wantOpens(e.blob(f, "CiphertextBlob"), kms.EncryptionContext{"new": "1"}, message)
			}
	}, "asymmetric": func(e *env) (params, func(map[string]any)) {
		to := e.enabled()
		out, err := e.EncryptAsymmetric(ctx, e.rsa.encrypt, kms.AlgorithmRSAESOAEPSHA256, message)
		must(e, err)
		return params{"CiphertextBlob": b64(out.Ciphertext), "SourceKeyId": e.rsa.encrypt,
				"SourceKeyVersionId":        versionID(e.rsa.encrypt, 1),
				"SourceEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "DestinationKeyId": to},
			func(f map[string]any) {
				e.wantVersion(f, e.rsa.encrypt, 1)
				e.wantOpens(e.blob(f, "CiphertextBlob"), nil, message)
			}
	}}, []refusal{refused("no key", "Forbidden.KeyNotFound", 404, "DestinationKeyId", "key-none"),
		invalid("CiphertextBlob", "QUJD"),
		refused("SHA-1", "UnsupportedOperation", 400, "SourceEncryptionAlgorithm",
			"RSAES_OAEP_SHA_1")}, false},

	"GenerateDataKey": {map[string]success{"bytes": func(e *env) (params, func(map[string]any)) {
		id := e.enabled()
		return params{"KeyId": e.alias(id), "NumberOfBytes": "1024", "KeySpec": "AES_128",
				"EncryptionContext": contextJSON, "DryRun": "false"}, func(f map[string]any) {
				e.wantVersion(f, id, 1)
				e.want(b64(e.wantKey(e.blob(f, "CiphertextBlob"), 1024)), f, "Plaintext")
			}
	}, "spec": keySpec("AES_128", 16), "default": keySpec("", 32)},
		append(stateRefusals(), invalid("KeySpec", "AES_192"), invalid("NumberOfBytes", "1025")), false},

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
		}}, append(stateRefusals(), invalid("PublicKeyBlob", "QUJD"), invalid("NumberOfBytes", "215"),
		invalid("WrappingKeySpec", "EC_SM2")), false},

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
	}}, []refusal{invalid("CiphertextBlob", "QUJD"), invalid("PublicKeyBlob", "QUJD"),
		invalid("WrappingAlgorithm", "SM2PKE"), invalid("EncryptionContext", "{}")}, false},
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
