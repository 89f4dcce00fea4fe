package huawei_test

import (
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2/model"
)

const day = 24 * time.Hour

func (x *session) setInterval(id string, days int32) error {
	_, err := x.UpdateKeyRotationInterval(&model.UpdateKeyRotationIntervalRequest{
		Body: &model.UpdateKeyRotationIntervalRequestBody{KeyId: id, RotationInterval: days, Sequence: new(serial)},
	})
	return err
}

func (x *session) enableRotation(id string) error {
	_, err := x.EnableKeyRotation(&model.EnableKeyRotationRequest{Body: of(id)})
	return err
}

func (x *session) disableRotation(id string) error {
	_, err := x.DisableKeyRotation(&model.DisableKeyRotationRequest{Body: of(id)})
	return err
}

func (x *session) rotation(id string) (*model.ShowKeyRotationStatusResponse, error) {
	return x.ShowKeyRotationStatus(&model.ShowKeyRotationStatusRequest{Body: of(id)})
}

var rotationOperations = map[string]operation{
	"POST enable-key-rotation": {
		key:   keyOf(nil),
		call:  func(_ *testing.T, x *session, id string) error { return x.enableRotation(id) },
		cases: cases{"on": rotates, "refusals": refusesRotation},
	},
	"POST disable-key-rotation": {
		key:   keyOf(rotated),
		call:  func(_ *testing.T, x *session, id string) error { return x.disableRotation(id) },
		cases: cases{"off": rotates, "refusals": refusesRotation},
	},
	"POST update-key-rotation-interval": {
		key:   keyOf(rotated),
		call:  func(_ *testing.T, x *session, id string) error { return x.setInterval(id, 60) },
		cases: cases{"interval": rotates, "refusals": refusesRotation},
	},
	"POST get-key-rotation-status": {
		key: keyOf(rotated),
		call: func(_ *testing.T, x *session, id string) error {
			_, err := x.rotation(id)
			return err
		},
		cases: cases{"status": rotates},
	},
}

func rotates(t *testing.T, x *session) {
	id := x.create(t, nil)
	is := func(on bool, days time.Duration) {
		t.Helper()
		got, err := x.rotation(id)
		must(t, err)
		equal(t, "key_rotation_enabled", got.KeyRotationEnabled, on)
		if period := x.key(t, id).RotationPeriod; period != days*day {
			t.Errorf("the period is %v", period)
		}
		if on {
			equal(t, "rotation_interval", got.RotationInterval, int32(days))
		}
	}
	is(false, 0)
	must(t, x.enableRotation(id))
	is(true, 365)
	must(t, x.setInterval(id, 30))
	is(true, 30)
	must(t, x.enableRotation(id))
	is(true, 30)
	must(t, x.disableRotation(id))
	is(false, 0)
	key, err := x.k.RotateKey(t.Context(), id)
	must(t, err)
	got, err := x.rotation(id)
	must(t, err)
	equal(t, "number_of_rotations", got.NumberOfRotations, 1)
	equal(t, "last_rotation_time", got.LastRotationTime, milliseconds(key.Versions[1].CreatedAt))
}

func refusesRotation(t *testing.T, x *session) {
	id, disabled := x.create(t, rotated), x.disabled(t)
	for _, days := range []int32{0, 29, 366} {
		refused(t, x.setInterval(id, days), 400, "KMS.0308")
	}
	refused(t, x.setInterval(x.create(t, nil), 30), 400, "KMS.0308")
	refused(t, x.enableRotation(x.create(t, signing)), 400, "KMS.0308")
	refused(t, x.enableRotation(x.create(t, external)), 400, "KMS.1301")
	refused(t, x.enableRotation(disabled), 400, "KMS.1301")
	refused(t, x.disableRotation(disabled), 400, "KMS.1301")
	refused(t, x.disableRotation(x.scheduled(t)), 400, "KMS.0210")
}
