package huawei_test

import (
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2/model"

	"github.com/embedkms/kms"
)

func (x *session) schedule(id, days string) (*model.DeleteKeyResponse, error) {
	return x.DeleteKey(&model.DeleteKeyRequest{
		Body: &model.ScheduleKeyDeletionRequestBody{KeyId: id, PendingDays: days, Sequence: new(serial)},
	})
}

var lifecycleOperations = map[string]operation{
	"POST enable-key": {
		key: func(t *testing.T, x *session) string { return x.disabled(t) },
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.EnableKey(&model.EnableKeyRequest{Body: of(id)})
			return err
		},
		cases: cases{"state": enables},
	},
	"POST disable-key": {
		key: keyOf(nil),
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.DisableKey(&model.DisableKeyRequest{Body: of(id)})
			return err
		},
		cases: cases{"state": disables},
	},
	"POST schedule-key-deletion": {
		key: keyOf(nil),
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.schedule(id, "7")
			return err
		},
		cases: cases{"state": schedules},
	},
	"POST cancel-key-deletion": {
		key: func(t *testing.T, x *session) string { return x.scheduled(t) },
		call: func(t *testing.T, x *session, id string) error {
			_, err := x.CancelKeyDeletion(&model.CancelKeyDeletionRequest{Body: of(id)})
			return err
		},
		cases: cases{"state": cancels},
	},
}

// in fails the test unless an answer, and the library, say that a key is in a state.
func (x *session) in(
	t *testing.T, id string, gotID, got *string, number string, state kms.KeyState,
) {
	t.Helper()
	equal(t, "key_id", gotID, id)
	equal(t, "key_state", got, number)
	if s := x.key(t, id).State; s != state {
		t.Errorf("the key is %s, want %s", s, state)
	}
}

func enables(t *testing.T, x *session) {
	archived := x.create(t, nil)
	must(t, x.k.ArchiveKey(t.Context(), archived))
	for _, id := range []string{x.disabled(t), archived} {
		got, err := x.EnableKey(&model.EnableKeyRequest{Body: of(id)})
		must(t, err)
		x.in(t, id, got.KeyInfo.KeyId, got.KeyInfo.KeyState, "2", kms.KeyStateEnabled)
		_, err = x.EnableKey(&model.EnableKeyRequest{Body: of(id)})
		refused(t, err, 400, "KMS.1201")
	}
	_, err := x.EnableKey(&model.EnableKeyRequest{Body: of(x.scheduled(t))})
	refused(t, err, 400, "KMS.0210")
}

func disables(t *testing.T, x *session) {
	id := x.create(t, nil)
	got, err := x.DisableKey(&model.DisableKeyRequest{Body: of(id)})
	must(t, err)
	x.in(t, id, got.KeyInfo.KeyId, got.KeyInfo.KeyState, "3", kms.KeyStateDisabled)
	_, err = x.DisableKey(&model.DisableKeyRequest{Body: of(id)})
	refused(t, err, 400, "KMS.1301")
	_, err = x.DisableKey(&model.DisableKeyRequest{Body: of(x.scheduled(t))})
	refused(t, err, 400, "KMS.0210")
}

func schedules(t *testing.T, x *session) {
	id := x.create(t, nil)
	for _, days := range []string{"6", "1097", "x", ""} {
		_, err := x.schedule(id, days)
		refused(t, err, 400, "KMS.1401")
	}
	got, err := x.schedule(id, "1096")
	must(t, err)
	x.in(t, id, got.KeyId, got.KeyState, "4", kms.KeyStatePendingDeletion)
	_, err = x.schedule(id, "7")
	refused(t, err, 400, "KMS.1402")
}

func cancels(t *testing.T, x *session) {
	id := x.scheduled(t)
	got, err := x.CancelKeyDeletion(&model.CancelKeyDeletionRequest{Body: of(id)})
	must(t, err)
	x.in(t, id, got.KeyId, got.KeyState, "3", kms.KeyStateDisabled)
	_, err = x.CancelKeyDeletion(&model.CancelKeyDeletionRequest{Body: of(id)})
	refused(t, err, 400, "KMS.1501")
}
