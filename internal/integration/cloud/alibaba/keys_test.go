package alibaba_test

import (
	"fmt"
	"time"

	"github.com/embedkms/kms"
)

// changes is a success of an operation that changes a key and answers nothing.
func changes(state kms.KeyState, p params, check func(e *env, k *kms.Key)) success {
	return func(e *env) (params, func(map[string]any)) {
		id := e.aes(state)
		return with(p, "KeyId", id), func(f map[string]any) {
			if len(f) > 2 { // RequestId, and the old SDK's own
				e.Errorf("the answer has %v", f)
			}
			check(e, e.describe(id))
		}
	}
}

// isState checks the state that a key has then.
func isState(want kms.KeyState) func(*env, *kms.Key) {
	return func(e *env, k *kms.Key) {
		if k.State != want {
			e.Errorf("the key is %s", k.State)
		}
	}
}

// in is a refusal of a key in a state.
func in(state kms.KeyState, code string, status int) refusal {
	return refusal{string(state), func(e *env,
		p params) params {
		return with(p, "KeyId", e.aes(state))
	}, code, status}
}

const stateModified = "Rejected.StateModifiedFailed"

var keyOperations = map[string]operation{
	"CreateKey": {map[string]success{"everything": func(e *env) (params, func(map[string]any)) {
		return params{"KeySpec": "Aliyun_AES_256", "KeyUsage": "ENCRYPT/DECRYPT",
				"Origin": "Aliyun_KMS", "ProtectionLevel": "SOFTWARE", "Description": "说明 <&>",
				"EnableAutomaticRotation": "true", "RotationInterval": "604800s",
				"Tags": `[{"TagKey":"a","TagValue":"b"},{"TagKey":"c","TagValue":"d"}]`},
			func(f map[string]any) {
				k := e.wantMetadata(f)
				e.want("Enabled", f, "KeyMetadata", "AutomaticRotation")
				e.want("604800s", f, "KeyMetadata", "RotationInterval")
				if k.RotationPeriod != 7*24*time.Hour || fmt.Sprint(k.Tags) != "map[a:b c:d]" || k.Description != "说明 <&>" {
					e.Errorf("%+v", k)
				}
			}
	}, "nothing": created(nil, kms.KeySpecAES256, kms.KeyUsageEncryptDecrypt),
		"external": created(params{"Origin": "EXTERNAL"}, kms.KeySpecAES256, kms.KeyUsageEncryptDecrypt),
		"RSA": created(params{"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT/DECRYPT"},
			kms.KeySpecRSA2048, kms.KeyUsageEncryptDecrypt),
		"SM2": created(params{"KeySpec": "EC_SM2"}, kms.KeySpecSM2, kms.KeyUsageSignVerify),
		"P-256": created(params{"KeySpec": "EC_P256"}, kms.KeySpecECP256,
			kms.KeyUsageSignVerify), "SM4": created(params{"KeySpec": "Aliyun_SM4"}, kms.KeySpecSM4, kms.KeyUsageEncryptDecrypt),
	}, []refusal{invalid("KeySpec", "AES"), invalid("Tags", "x"), invalid("RotationInterval",
		"6d"), refused("P-256K", "UnsupportedOperation", 400, "KeySpec", "EC_P256K"),
		refused("HSM", "Unsupported.ProtectionLevel", 400, "ProtectionLevel",
			"HSM"), refused("instance", "UnsupportedOperation", 400, "DKMSInstanceId", "kst-x"),
		refused("policy", "UnsupportedOperation", 400, "Policy", "{}")}, true},

	"DescribeKey": {map[string]success{"disabled": func(e *env) (params, func(map[string]any)) {
		return params{"KeyId": e.alias(e.aes(kms.KeyStateDisabled))},
			func(f map[string]any) { e.wantMetadata(f) }
	}, "pending deletion": func(e *env) (params, func(map[string]any)) {
		id := e.aes(kms.KeyStatePendingDeletion)
		return params{"KeyId": id}, func(f map[string]any) {
			e.want(e.wantMetadata(f).DeletionDate.UTC().Format(time.RFC3339), f, "KeyMetadata",
				"DeleteDate")
		}
	}, "archived": func(e *env) (params, func(map[string]any)) {
		id := e.enabled()
		must(e, e.ArchiveKey(ctx, id))
		return params{"KeyId": keyARN(id)}, func(f map[string]any) {
			e.want("Disabled", f,
				"KeyMetadata", "KeyState")
		}
	}}, keyRefusals(), false},

	"ListKeys": {map[string]success{"filters": func(e *env) (params, func(map[string]any)) {
		id := e.aes(kms.KeyStatePendingDeletion)
		return params{"PageNumber": "1", "PageSize": "100",
				"Filters": `[{"Key":"KeyState","Values":["PendingDeletion"]},{"Key":"KeySpec","Values":["Aliyun_AES_256"]},` +
					`{"Key":"KeyUsage","Values":["ENCRYPT/DECRYPT","SIGN/VERIFY"]},{"Key":"ProtectionLevel","Values":["SOFTWARE"]},` +
					`{"Key":"CreatorType","Values":["User"]}]`}, func(f map[string]any) {
				e.wantListed(f, id, keyARN(id))
			}
	}, "none": func(e *env) (params, func(map[string]any)) {
		return params{"Filters": `[{"Key":"CreatorType","Values":["Service"]}]`},
			func(f map[string]any) { e.want(0, f, "TotalCount") }
	}, "page behind the last": func(e *env) (params, func(map[string]any)) {
		return params{"PageNumber": "2147483647",
			"PageSize": "1"}, func(f map[string]any) { e.want(nil, f, "Keys", "Key", 0) }
	}}, []refusal{invalid("PageSize", "101"), invalid("PageNumber", "0"), invalid("Filters", "[1]")}, true},

	"UpdateKeyDescription": {map[string]success{"words": changes(kms.KeyStateEnabled,
		params{"Description": "说明"}, func(e *env, k *kms.Key) {
			if k.Description != "说明" {
				e.Errorf("described as %q", k.Description)
			}
		})}, append(keyRefusals(), invalid("Description", string(make([]byte, 8193)))), false},

	"EnableKey": {map[string]success{"disabled": changes(kms.KeyStateDisabled, nil,
		isState(kms.KeyStateEnabled))}, append(keyRefusals(), in(kms.KeyStatePendingDeletion, stateModified, 409)), false},
	"DisableKey": {map[string]success{"enabled": changes(kms.KeyStateEnabled, nil,
		isState(kms.KeyStateDisabled))}, append(keyRefusals(), in(kms.KeyStatePendingImport, stateModified, 409)), false},
	"ScheduleKeyDeletion": {map[string]success{"shortest": scheduled("7", 7),
		"longest": scheduled("366", 366)},
		append(keyRefusals(), invalid("PendingWindowInDays", "6"),
			invalid("PendingWindowInDays", "367"), in(kms.KeyStatePendingDeletion, stateModified,
				409)), false},
	"CancelKeyDeletion": {map[string]success{"scheduled": changes(kms.KeyStatePendingDeletion, nil,
		isState(kms.KeyStateEnabled))},
		append(keyRefusals(), in(kms.KeyStateEnabled, stateModified, 409)), false},

	"CreateKeyVersion": {map[string]success{"symmetric": func(e *env) (params, func(map[string]any)) {
		id := e.enabled()
		return params{"KeyId": e.alias(id)}, func(f map[string]any) {
			e.wantVersion(f["KeyVersion"].(map[string]any), id, 2)
			if p := e.describe(id).PrimaryVersion; p != 2 {
				e.Errorf("the primary version is %d", p)
			}
		}
	}}, append(keyRefusals(), in(kms.KeyStatePendingDeletion, "Rejected.PendingDeletion", 409)), false},
	"ListKeyVersions": {map[string]success{"page": func(e *env) (params, func(map[string]any)) {
		id := e.enabled()
		_, err := e.RotateKey(ctx, id)
		must(e, err)
		return params{"KeyId": id, "PageNumber": "2", "PageSize": "1"}, func(f map[string]any) {
			e.want(2, f, "TotalCount")
			e.want(versionID(id, 2), f, "KeyVersions", "KeyVersion", 0, "KeyVersionId")
			e.want(nil, f, "KeyVersions", "KeyVersion", 1)
		}
	}}, append(keyRefusals(), invalid("PageSize", "102")), false},
	"DescribeKeyVersion": {map[string]success{"first": func(e *env) (params, func(map[string]any)) {
		id := e.enabled()
		return params{"KeyId": e.alias(id), "KeyVersionId": versionID(id, 1)}, func(f map[string]any) {
			e.wantVersion(f["KeyVersion"].(map[string]any), id, 1)
			e.want(e.describe(id).CreatedAt.UTC().Format(time.RFC3339), f, "KeyVersion", "CreationDate")
		}
	}}, append(keyRefusals(), refused("no version", "Forbidden.KeyNotFound", 404, "KeyVersionId", "x")),
		false},
	"UpdateRotationPolicy": {map[string]success{"on": rotated(params{"EnableAutomaticRotation": "true",
		"RotationInterval": "730d"}, 730),
		"hours": rotated(params{"EnableAutomaticRotation": "true", "RotationInterval": "168h"},
			7), "off": rotated(params{"EnableAutomaticRotation": "false"}, 0)},
		append(keyRefusals(), refused("731 days", "InvalidParameter", 400, "EnableAutomaticRotation",
			"true", "RotationInterval", "731d"),
			refused("no interval", "MissingParameter", 400, "EnableAutomaticRotation", "true",
				"RotationInterval", ""),
			refusal{"pair", func(e *env, p params) params {
				return with(p, "KeyId", e.rsa.sign, "EnableAutomaticRotation", "true",
					"RotationInterval", "7d")
			}, "UnsupportedOperation", 400}), false},
}

func created(p params, spec kms.KeySpec, usage kms.KeyUsage) success {
	return func(e *env) (params, func(map[string]any)) {
		return with(p), func(f map[string]any) {
			if k := e.wantMetadata(f); k.Spec != spec || k.Usage != usage {
				e.Errorf("made a key of %s for %s", k.Spec, k.Usage)
			}
		}
	}
}

func scheduled(days string, want int) success {
	return changes(kms.KeyStateEnabled, params{"PendingWindowInDays": days}, func(e *env, k *kms.Key) {
		late := time.Duration(want)*24*time.Hour - time.Until(k.DeletionDate)
		if k.State != kms.KeyStatePendingDeletion || late < 0 || late > time.Hour {
			e.Errorf("%s, and %v too early", k.State, late)
		}
	})
}

func rotated(p params, days int) success {
	return changes(kms.KeyStateEnabled, p, func(e *env, k *kms.Key) {
		if k.RotationPeriod != time.Duration(days)*24*time.Hour {
			e.Errorf("rotated every %v", k.RotationPeriod)
		}
	})
}

// wantMetadata checks all of a KeyMetadata, and returns the key.
func (e *env) wantMetadata(f map[string]any) *kms.Key {
	e.Helper()
	id, _ := at(f, "KeyMetadata", "KeyId").(string)
	k := e.describe(id)
	primary := ""
	if k.PrimaryVersion != 0 {
		primary = versionID(id, k.PrimaryVersion)
	}
	for name, want := range map[string]any{
		"Arn": keyARN(id), "KeyState": k.State, "Description": k.Description, "Creator": account,
		"PrimaryKeyVersion": primary,
		"CreationDate":      k.CreatedAt.UTC().Format(time.RFC3339), "ProtectionLevel": "SOFTWARE",
		"Origin": map[kms.Origin]string{kms.OriginKMS: "Aliyun_KMS",
			kms.OriginExternal: "EXTERNAL"}[k.Origin],
		"KeySpec": map[kms.KeySpec]string{"AES_256": "Aliyun_AES_256", "SM4": "Aliyun_SM4",
			"SM2": "EC_SM2", "EC_P256": "EC_P256", "RSA_2048": "RSA_2048"}[k.Spec],
		"KeyUsage": map[kms.KeyUsage]string{kms.KeyUsageEncryptDecrypt: "ENCRYPT/DECRYPT",
			kms.KeyUsageSignVerify: "SIGN/VERIFY"}[k.Usage],
	} {
		e.want(want, f, "KeyMetadata", name)
	}
	return k
}

// wantListed checks that a key is in the list of ListKeys.
func (e *env) wantListed(f map[string]any, id, arn string) {
	e.Helper()
	keys, _ := at(f, "Keys", "Key").([]any)
	for i := range keys {
		if at(f, "Keys", "Key", i, "KeyId") == id {
			e.want(arn, f, "Keys", "Key", i, "KeyArn")
			return
		}
	}
	e.Errorf("%s is not in %v", id, keys)
}
