package tencent_test

import (
	"testing"
	"time"

	sdk "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/kms/v20190118"

	"github.com/embedkms/kms"
)

// rotate enables rotation; 0 days are none given.
func rotate(c *sdk.Client, id string, days uint64) error {
	r := sdk.NewEnableKeyRotationRequest()
	r.KeyId = &id
	if days != 0 {
		r.RotateDays = &days
	}
	_, err := c.EnableKeyRotation(r)
	return err
}

func stopRotation(c *sdk.Client, id string) error {
	r := sdk.NewDisableKeyRotationRequest()
	r.KeyId = &id
	_, err := c.DisableKeyRotation(r)
	return err
}

func rotationStatus(c *sdk.Client, id string) (*sdk.GetKeyRotationStatusResponse, error) {
	r := sdk.NewGetKeyRotationStatusRequest()
	r.KeyId = &id
	return c.GetKeyRotationStatus(r)
}

// rotates fails unless a key is rotated so often, for the library and for the SDK.
func (x *session) rotates(t *testing.T, id string, period time.Duration) {
	t.Helper()
	key, err := x.k.DescribeKey(t.Context(), id)
	must(t, err)
	if key.RotationPeriod != period {
		t.Errorf("period %v, want %v", key.RotationPeriod, period)
	}
	w, err := rotationStatus(x.Client, id)
	must(t, err)
	equal(t, "KeyRotationEnabled", w.Response.KeyRotationEnabled, period != 0)
}

var rotationCases = []testCase{
	{"EnableKeyRotation", "periods", func(t *testing.T, x *session) {
		id := x.create(t, nil)
		for days, want := range map[uint64]int{0: 365, 7: 7, 365: 365} {
			must(t, rotate(x.Client, id, days))
			x.rotates(t, id, time.Duration(want)*day)
		}
	}},
	{"EnableKeyRotation", "errors", func(t *testing.T, x *session) {
		x.unknown(t, func(c *sdk.Client, id string) error { return rotate(c, id, 7) })
		id := x.create(t, nil)
		refused(t, rotate(x.Client, id, 6), "InvalidParameterValue")
		refused(t, rotate(x.Client, id, 366), "InvalidParameterValue")
		external := x.create(t, &kms.CreateKeyOptions{Origin: kms.OriginExternal})
		refused(t, rotate(x.Client, external, 7), "UnsupportedOperation.ExternalCmkCanNotRotate")
		pair := x.create(t, &kms.CreateKeyOptions{Spec: kms.KeySpecSM2})
		refused(t, rotate(x.Client, pair, 7), stateCode)
	}},
	{"DisableKeyRotation", "twice", func(t *testing.T, x *session) {
		id := x.create(t, &kms.CreateKeyOptions{RotationPeriod: 7 * day})
		for range 2 {
			must(t, stopRotation(x.Client, id))
			x.rotates(t, id, 0)
		}
	}},
	{"DisableKeyRotation", "errors", func(t *testing.T, x *session) { x.unknown(t, stopRotation) }},
	{"GetKeyRotationStatus", "of the library", func(t *testing.T, x *session) {
		x.rotates(t, x.create(t, &kms.CreateKeyOptions{RotationPeriod: 7 * day}), 7*day)
		x.rotates(t, x.create(t, nil), 0)
	}},
	{"GetKeyRotationStatus", "errors", func(t *testing.T, x *session) {
		x.unknown(t, func(c *sdk.Client, id string) error {
			_, err := rotationStatus(c, id)
			return err
		})
	}},
}
