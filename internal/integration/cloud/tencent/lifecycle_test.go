package tencent_test

import (
	"testing"
	"time"

	sdk "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/kms/v20190118"

	"github.com/embedkms/kms"
)

const (
	day       = 24 * time.Hour
	stateCode = "ResourceUnavailable.CmkStateNotSupport"
)

// The operations on one key, and on several, that change its state.
var (
	enable = func(c *sdk.Client, id string) error {
		r := sdk.NewEnableKeyRequest()
		r.KeyId = &id
		_, err := c.EnableKey(r)
		return err
	}
	disable = func(c *sdk.Client, id string) error {
		r := sdk.NewDisableKeyRequest()
		r.KeyId = &id
		_, err := c.DisableKey(r)
		return err
	}
	archive = func(c *sdk.Client, id string) error {
		r := sdk.NewArchiveKeyRequest()
		r.KeyId = &id
		_, err := c.ArchiveKey(r)
		return err
	}
	unarchive = func(c *sdk.Client, id string) error {
		r := sdk.NewCancelKeyArchiveRequest()
		r.KeyId = &id
		_, err := c.CancelKeyArchive(r)
		return err
	}
	enableAll = func(c *sdk.Client, ids []*string) error {
		r := sdk.NewEnableKeysRequest()
		r.KeyIds = ids
		_, err := c.EnableKeys(r)
		return err
	}
	disableAll = func(c *sdk.Client, ids []*string) error {
		r := sdk.NewDisableKeysRequest()
		r.KeyIds = ids
		_, err := c.DisableKeys(r)
		return err
	}
)

func schedule(c *sdk.Client, id string, days uint64) (*sdk.ScheduleKeyDeletionResponse, error) {
	r := sdk.NewScheduleKeyDeletionRequest()
	r.KeyId, r.PendingWindowInDays = &id, &days
	return c.ScheduleKeyDeletion(r)
}

func cancel(c *sdk.Client, id string) (*sdk.CancelKeyDeletionResponse, error) {
	r := sdk.NewCancelKeyDeletionRequest()
	r.KeyId = &id
	return c.CancelKeyDeletion(r)
}

// is fails unless a key is in a state, for the library and for the SDK.
func (x *session) is(t *testing.T, id string, state kms.KeyState, shown string) {
	t.Helper()
	if got := x.state(t, id); got != state {
		t.Errorf("the key is %s, want %s", got, state)
	}
	equal(t, "KeyState", describe(t, x, id).KeyState, shown)
}

var lifecycleCases = []testCase{
	{"DisableKey", "and EnableKey", func(t *testing.T, x *session) {
		id := x.create(t, nil)
		must(t, disable(x.Client, id))
		x.is(t, id, kms.KeyStateDisabled, "Disabled")
		must(t, enable(x.Client, id))
		x.is(t, id, kms.KeyStateEnabled, "Enabled")
	}},
	{"DisableKey", "errors", func(t *testing.T, x *session) { x.stateErrors(t, disable) }},
	{"EnableKey", "twice", func(t *testing.T, x *session) {
		id := x.create(t, nil)
		must(t, disable(x.Client, id))
		must(t, enable(x.Client, id))
		must(t, enable(x.Client, id))
		x.is(t, id, kms.KeyStateEnabled, "Enabled")
	}},
	{"EnableKey", "errors", func(t *testing.T, x *session) {
		x.stateErrors(t, enable)
		id := x.create(t, nil)
		must(t, archive(x.Client, id))
		refused(t, enable(x.Client, id), stateCode)
	}},
	{"DisableKeys", "and EnableKeys", func(t *testing.T, x *session) {
		ids := []*string{new(x.create(t, nil)), new(x.create(t, nil))}
		must(t, disableAll(x.Client, ids))
		x.is(t, *ids[0], kms.KeyStateDisabled, "Disabled")
		x.is(t, *ids[1], kms.KeyStateDisabled, "Disabled")
		must(t, enableAll(x.Client, ids))
		x.is(t, *ids[0], kms.KeyStateEnabled, "Enabled")
		x.is(t, *ids[1], kms.KeyStateEnabled, "Enabled")
	}},
	{"DisableKeys", "errors", func(t *testing.T, x *session) {
		x.lists(t, disableAll)
		x.stateErrors(t, func(c *sdk.Client, id string) error { return disableAll(c, []*string{&id}) })
	}},
	{"EnableKeys", "all or none", func(t *testing.T, x *session) {
		id, other := x.create(t, nil), x.create(t, nil)
		must(t, disableAll(x.Client, []*string{&id}))
		must(t, archive(x.Client, other))
		refused(t, enableAll(x.Client, []*string{&id, &other}), stateCode)
		x.is(t, id, kms.KeyStateDisabled, "Disabled")
	}},
	{"EnableKeys", "errors", func(t *testing.T, x *session) {
		x.lists(t, enableAll)
		x.stateErrors(t, func(c *sdk.Client, id string) error { return enableAll(c, []*string{&id}) })
	}},
	{"ArchiveKey", "decrypts only", func(t *testing.T, x *session) {
		id := x.create(t, nil)
		ciphertext, err := x.k.Encrypt(t.Context(), id, plaintext, nil)
		must(t, err)
		must(t, archive(x.Client, id))
		x.is(t, id, kms.KeyStateArchived, "Archived")
		_, err = x.Decrypt(decryption(ciphertext, nil))
		must(t, err)
	}},
	{"ArchiveKey", "errors", func(t *testing.T, x *session) { x.stateErrors(t, archive) }},
	{"CancelKeyArchive", "encrypts again", func(t *testing.T, x *session) {
		id := x.create(t, nil)
		must(t, archive(x.Client, id))
		must(t, unarchive(x.Client, id))
		x.is(t, id, kms.KeyStateEnabled, "Enabled")
	}},
	{"CancelKeyArchive", "errors", func(t *testing.T, x *session) {
		x.stateErrors(t, unarchive)
		id := x.create(t, nil)
		refused(t, unarchive(x.Client, id), stateCode)
		must(t, disable(x.Client, id))
		refused(t, unarchive(x.Client, id), stateCode)
	}},
	{"ScheduleKeyDeletion", "of a disabled key", func(t *testing.T, x *session) {
		for _, days := range []uint64{7, 30} {
			id := x.create(t, nil)
			must(t, disable(x.Client, id))
			w, err := schedule(x.Client, id, days)
			must(t, err)
			equal(t, "KeyId", w.Response.KeyId, id)
			key, err := x.k.DescribeKey(t.Context(), id)
			must(t, err)
			equal(t, "DeletionDate", w.Response.DeletionDate, uint64(key.DeletionDate.Unix()))
			if away := time.Until(key.DeletionDate); away > time.Duration(days)*day ||
				away < time.Duration(days)*day-time.Hour {
				t.Errorf("%v away", away)
			}
			x.is(t, id, kms.KeyStatePendingDeletion, "PendingDelete")
			equal(t, "DeletionDate", describe(t, x, id).DeletionDate, *w.Response.DeletionDate)
		}
	}},
	{"ScheduleKeyDeletion", "errors", func(t *testing.T, x *session) {
		x.unknown(t, func(c *sdk.Client, id string) error {
			_, err := schedule(c, id, 7)
			return err
		})
		id := x.create(t, nil)
		_, err := schedule(x.Client, id, 7)
		refused(t, err, "ResourceUnavailable.CmkShouldBeDisabled")
		must(t, disable(x.Client, id))
		for _, days := range []uint64{6, 31} {
			_, err = schedule(x.Client, id, days)
			refused(t, err, "InvalidParameter.InvalidPendingWindowInDays")
		}
		_, err = schedule(x.Client, id, 7)
		must(t, err)
		_, err = schedule(x.Client, id, 7)
		refused(t, err, stateCode)
	}},
	{"CancelKeyDeletion", "disabled after it", func(t *testing.T, x *session) {
		id := x.create(t, nil)
		_, err := x.k.ScheduleKeyDeletion(t.Context(), id, 0)
		must(t, err)
		w, err := cancel(x.Client, id)
		must(t, err)
		equal(t, "KeyId", w.Response.KeyId, id)
		x.is(t, id, kms.KeyStateDisabled, "Disabled")
	}},
	{"CancelKeyDeletion", "errors", func(t *testing.T, x *session) {
		x.unknown(t, func(c *sdk.Client, id string) error {
			_, err := cancel(c, id)
			return err
		})
		_, err := cancel(x.Client, x.create(t, nil))
		refused(t, err, "ResourceUnavailable.CmkNotPendingDelete")
	}},
}

// stateErrors makes a change of keys that it is refused for, in states among them
// that know no change.
func (x *session) stateErrors(t *testing.T, change func(c *sdk.Client, id string) error) {
	t.Helper()
	x.unknown(t, change)
	pending := x.create(t, nil)
	_, err := x.k.ScheduleKeyDeletion(t.Context(), pending, 0)
	must(t, err)
	refused(t, change(x.Client, pending), stateCode)
	refused(t, change(x.Client, x.create(t, &kms.CreateKeyOptions{Origin: kms.OriginExternal})),
		stateCode)
}
