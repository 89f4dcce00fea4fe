package alibaba_test

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/embedkms/kms"
)

var otherOperations = map[string]operation{
	"CreateAlias": {map[string]success{"new": func(e *env) (params, func(map[string]any)) {
		id, name := e.enabled(), newAlias()
		return params{"AliasName": name, "KeyId": id}, func(map[string]any) { e.wantAlias(name, id) }
	}}, append(keyRefusals(), invalid("AliasName", "alias/acs/x"), invalid("AliasName", "x"),
		refusal{"taken", func(e *env, p params) params {
			return with(p, "AliasName", e.alias(e.enabled()))
		}, "AliasAlreadyExists", 400}, in(kms.KeyStatePendingDeletion, stateModified, 409)), false},
	"UpdateAlias": {map[string]success{"moved": func(e *env) (params, func(map[string]any)) {
		id, name := e.enabled(), e.alias(e.enabled())
		return params{"AliasName": name, "KeyId": id}, func(map[string]any) { e.wantAlias(name, id) }
	}}, append(keyRefusals(), refused("no such", "Forbidden.AliasNotFound", 404, "AliasName",
		"alias/none"), invalid("AliasName", "x")), false},
	"DeleteAlias": {map[string]success{"there": func(e *env) (params, func(map[string]any)) {
		name := e.alias(e.enabled())
		return params{"AliasName": name}, func(map[string]any) {
			if _, err := e.DescribeKey(ctx, name); err == nil {
				e.Error("the alias is there")
			}
		}
	}}, []refusal{refused("no such", "Forbidden.AliasNotFound", 404, "AliasName", "alias/none"),
		invalid("AliasName", "x")}, false},
	"ListAliases": {map[string]success{"first": func(e *env) (params, func(map[string]any)) {
		e.alias(e.enabled())
		return params{"PageNumber": "1", "PageSize": "1"}, func(f map[string]any) {
			e.want(1, f, "PageSize")
			name, _ := at(f, "Aliases", "Alias", 0, "AliasName").(string)
			e.want("acs:kms:"+region+":"+account+":"+name, f, "Aliases", "Alias", 0, "AliasArn")
			e.want(nil, f, "Aliases", "Alias", 1)
		}
	}}, []refusal{invalid("PageSize", "101"), invalid("PageNumber", "0")}, true},
	"ListAliasesByKeyId": {map[string]success{"two": func(e *env) (params, func(map[string]any)) {
		id := e.enabled()
		name, other := e.alias(id), e.alias(id)
		return params{"KeyId": other, "PageNumber": "1", "PageSize": "101"}, func(f map[string]any) {
			e.want(2, f, "TotalCount")
			e.want(id, f, "Aliases", "Alias", 0, "KeyId")
			a := at(f, "Aliases", "Alias", 0, "AliasName")
			b := at(f, "Aliases", "Alias", 1, "AliasName")
			if a != name && b != name {
				e.Errorf("%v and %v", a, b)
			}
		}
	}}, append(keyRefusals(), invalid("PageSize", "102")), false},

	"GetParametersForImport": {map[string]success{"RSA": func(e *env) (params, func(map[string]any)) {
		id := e.aes(kms.KeyStatePendingImport)
		return params{"KeyId": e.alias(id), "WrappingAlgorithm": "RSAES_OAEP_SHA_256",
				"WrappingKeySpec": "RSA_2048"}, func(f map[string]any) {
				e.want(id, f, "KeyId")
				until, err := time.Parse(time.RFC3339, fmt.Sprint(f["TokenExpireTime"]))
				if left := time.Until(until); err != nil || left < 23*time.Hour || left > 24*time.Hour {
					e.Errorf("the token is good for %v", left)
				}
				material := bytes.Repeat([]byte{9}, 32)
				must(e, e.ImportKeyMaterial(ctx, id,
					&kms.ImportKeyMaterialOptions{Token: e.blob(f, "ImportToken"),
						EncryptedMaterial: e.wrap(e.blob(f, "PublicKey"), material)}))
			}
	}, "SM2": func(e *env) (params, func(map[string]any)) {
		return params{"KeyId": e.aes(kms.KeyStatePendingImport), "WrappingAlgorithm": "SM2PKE",
			"WrappingKeySpec": "EC_SM2"}, func(f map[string]any) { e.blob(f, "PublicKey") }
	}}, append(keyRefusals(), refused("PKCS #1", "UnsupportedOperation", 400, "WrappingAlgorithm",
		"RSAES_PKCS1_V1_5", "WrappingKeySpec", "RSA_2048"), invalid("WrappingKeySpec", "RSA_512"),
		in(kms.KeyStateEnabled, "Unsupported.Origin", 400)), false},
	"ImportKeyMaterial": {map[string]success{"for good": imported("0"),
		"until": imported(strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10))},
		append(keyRefusals(), refused("token", "InvalidImportToken", 400, "ImportToken", "QUJD"),
			refused("material", "InvalidKeyMaterial", 400, "EncryptedKeyMaterial", "QUJD"),
			invalid("KeyMaterialExpireUnix", "1"), invalid("ImportToken", "*"), in(kms.KeyStateEnabled,
				"Unsupported.Origin", 400)), false},
	"DeleteKeyMaterial": {map[string]success{"imported": func(e *env) (params, func(map[string]any)) {
		p, _ := imported("0")(e)
		_, err := e.call("ImportKeyMaterial", p)
		must(e, err)
		return params{"KeyId": p["KeyId"]}, func(map[string]any) {
			isState(kms.KeyStatePendingImport)(e,
				e.describe(p["KeyId"]))
		}
	}}, append(keyRefusals(), in(kms.KeyStateEnabled, "Unsupported.Origin", 400)), false},

	"TagResource": {map[string]success{"two": changes(kms.KeyStateEnabled,
		params{"Tags": `[{"TagKey":"a","TagValue":"b"},{"TagKey":"名","TagValue":""}]`}, func(e *env,
			k *kms.Key) {
			if fmt.Sprint(k.Tags) != "map[a:b 名:]" {
				e.Errorf("%v", k.Tags)
			}
		})}, append(keyRefusals(), invalid("Tags", `[{"TagKey":"acs:x","TagValue":""}]`),
		refused("certificate", "UnsupportedOperation", 400, "CertificateId", "x"),
		refused("secret", "UnsupportedOperation", 400, "SecretName", "x")), false},
	"UntagResource": {map[string]success{"one": func(e *env) (params, func(map[string]any)) {
		id := e.key(&kms.CreateKeyOptions{Tags: map[string]string{"a": "b", "c": "d"}})
		return params{"KeyId": id, "TagKeys": `["a","none"]`}, func(map[string]any) {
			if tags := e.describe(id).Tags; fmt.Sprint(tags) != "map[c:d]" {
				e.Errorf("%v", tags)
			}
		}
	}}, append(keyRefusals(), invalid("TagKeys", "a")), false},
	"ListResourceTags": {map[string]success{"two": func(e *env) (params, func(map[string]any)) {
		id := e.key(&kms.CreateKeyOptions{Tags: map[string]string{"a": "b", "c": "d"}})
		return params{"KeyId": id}, func(f map[string]any) {
			e.want(id, f, "Tags", "Tag", 0, "KeyId")
			e.want("c", f, "Tags", "Tag", 1, "TagKey")
			e.want("d", f, "Tags", "Tag", 1, "TagValue")
		}
	}}, keyRefusals(), false},

	"DescribeRegions": {map[string]success{"one": func(e *env) (params, func(map[string]any)) {
		return nil, func(f map[string]any) {
			e.want(region, f, "Regions", "Region", 0, "RegionId")
			e.want(nil, f, "Regions", "Region", 1)
		}
	}}, nil, true},
}

// wantAlias checks what an alias points at.
func (e *env) wantAlias(name, id string) {
	e.Helper()
	if got := e.describe(name).ID; got != id {
		e.Errorf("%s is of %s", name, got)
	}
}

// imported is of material that ends at a time.
func imported(until string) success {
	return func(e *env) (params, func(map[string]any)) {
		id := e.aes(kms.KeyStatePendingImport)
		p, err := e.ImportParameters(ctx, id, kms.WrappingRSAOAEPSHA256+"/RSA_2048")
		must(e, err)
		wrapped := e.wrap(p.PublicKey, bytes.Repeat([]byte{9}, 32))
		return params{"KeyId": id, "ImportToken": b64(p.Token), "EncryptedKeyMaterial": b64(wrapped),
				"KeyMaterialExpireUnix": until}, func(map[string]any) {
				k := e.describe(id)
				isState(kms.KeyStateEnabled)(e, k)
				if v := k.Versions[0].ValidTo; until != "0" && strconv.FormatInt(v.Unix(), 10) != until {
					e.Errorf("ends at %v", v)
				}
			}
	}
}
