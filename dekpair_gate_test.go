package kms_test

import (
	"context"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/keystore/memstore"
)

// The Authorizer and the Auditor get to know what a data key pair is bound to,
// under which key it is, and the Auditor the version of that.
func TestDataKeyPairsPassTheGate(t *testing.T) {
	ctx := t.Context()
	g := &gatekeeper{}
	k := open(t, memstore.New(), &kms.Options{Authorizer: g, Auditor: g})
	key := newKey(t, k, kms.KeySpecSM4)
	must(t, k.CreateAlias(ctx, "alias/a", key))
	for version := uint32(1); version <= 2; version++ {
		for _, aad := range []kms.AAD{prod, kms.AdditionalData("raw"), nil} {
			d, err := k.GenerateDataKeyPair(ctx, key, kms.KeySpecECP256, aad)
			must(t, err)
			for _, c := range []struct {
				op, alias string
				call      func() error
			}{
				{kms.OpGenerateDataKeyPair, "alias/a", func() error {
					_, err := k.GenerateDataKeyPair(ctx, "alias/a", kms.KeySpecECP256, aad)
					return err
				}},
				{kms.OpGenerateDataKeyPair, "", func() error {
					_, err := k.GenerateDataKeyPairWithoutPlaintext(ctx, key, kms.KeySpecECP256, aad)
					return err
				}},
				{kms.OpDecryptDataKeyPair, "", func() error {
					_, err := k.DecryptDataKeyPair(ctx, d.PrivateKeyCiphertext, aad)
					return err
				}},
				{kms.OpDecryptDataKeyPair, "alias/a", func() error {
					_, err := k.DecryptDataKeyPairWith(ctx, "alias/a", d.PrivateKeyCiphertext, aad)
					return err
				}},
			} {
				g.take()
				must(t, c.call())
				requests, events := g.take()
				if len(requests) != 1 || len(events) != 1 {
					t.Fatalf("%s: asked %+v, told %+v", c.op, requests, events)
				}
				if r := requests[0]; r.Op != c.op || r.KeyID != key || r.Alias != c.alias ||
					r.Spec != kms.KeySpecSM4 || !sameAAD(r.AAD, aad) {
					t.Errorf("%s: asked %+v", c.op, r)
				}
				if e := events[0]; e.Op != c.op || e.KeyID != key || e.Alias != c.alias ||
					e.KeyVersion != version || !sameAAD(e.AAD, aad) || e.Err != nil {
					t.Errorf("%s: told %+v", c.op, e)
				}
			}
		}
		_, err := k.RotateKey(ctx, key)
		must(t, err)
	}
}

// The Auditor gets to know what a data key pair was to be bound to, also if there
// is none.
func TestDataKeyPairFailuresAreTold(t *testing.T) {
	ctx := t.Context()
	g := &gatekeeper{}
	k := open(t, memstore.New(), &kms.Options{Auditor: g})
	key := newKey(t, k, "")
	d, err := k.GenerateDataKeyPair(ctx, key, kms.KeySpecECP256, nil)
	must(t, err)
	_, decrypted := k.DecryptDataKeyPair(ctx, d.PrivateKeyCiphertext, prod)
	want(t, decrypted, kms.ErrInvalidCiphertext)
	must(t, k.DisableKey(ctx, key))
	_, generated := k.GenerateDataKeyPair(ctx, key, kms.KeySpecECP256, prod)
	want(t, generated, kms.ErrKeyDisabled)
	_, disabled := k.DecryptDataKeyPairWith(ctx, key, d.PrivateKeyCiphertext, prod)
	want(t, disabled, kms.ErrKeyDisabled)
	_, events := g.take()
	told := map[error]kms.Event{}
	for _, e := range events {
		told[e.Err] = e
	}
	for _, err := range []error{decrypted, generated, disabled} {
		if e, ok := told[err]; !ok || e.KeyID != key || !sameAAD(e.AAD, prod) {
			t.Errorf("%v: told %+v", err, e)
		}
	}
}

// A slowGM is a provider that takes its time: something else happens during the
// last of so many calls of SM2Private.
type slowGM struct {
	gm.Provider
	calls     int
	meanwhile func() // nil for nothing
}

func (s *slowGM) SM2Private(d *[32]byte) (gm.SM2Private, error) {
	if s.calls--; s.calls == 0 && s.meanwhile != nil {
		s.meanwhile()
	}
	return s.Provider.SM2Private(d)
}

// A key that is disabled while a data key pair is made encrypts it no more.
func TestDataKeyPairOfAnEndedKey(t *testing.T) {
	store, p := memstore.New(), &slowGM{Provider: gm.Default()}
	k, other := open(t, store, &kms.Options{GM: p, MaxStale: -1}), open(t, store, nil)
	key := newKey(t, k, kms.KeySpecAES256)
	_, err := k.GenerateDataKeyPair(t.Context(), key, kms.KeySpecSM2, prod)
	must(t, err)
	calls := -p.calls
	changes := map[string]struct {
		call func(context.Context, *kms.KMS, string) error
		want error
	}{
		"disabled": {func(ctx context.Context, k *kms.KMS, key string) error { return k.DisableKey(ctx, key) }, kms.ErrKeyDisabled},
		"archived": {func(ctx context.Context, k *kms.KMS, key string) error { return k.ArchiveKey(ctx, key) }, kms.ErrKeyArchived},
		"deleted": {func(ctx context.Context, k *kms.KMS, key string) error {
			_, err := k.ScheduleKeyDeletion(ctx, key, 0)
			return err
		}, kms.ErrKeyPendingDeletion},
	}
	for name, change := range changes {
		for by, k2 := range map[string]*kms.KMS{"the same KMS": k, "another": other} {
			for what, generate := range map[string]func(context.Context, string, kms.KeySpec, kms.AAD) (*kms.DataKeyPair, error){
				"pair": k.GenerateDataKeyPair, "without plaintext": k.GenerateDataKeyPairWithoutPlaintext,
			} {
				t.Run(name+" by "+by+", "+what, func(t *testing.T) {
					key, changed := newKey(t, k, kms.KeySpecAES256), false
					p.calls, p.meanwhile = calls, func() {
						must(t, change.call(t.Context(), k2, key))
						changed = true
					}
					d, err := generate(t.Context(), key, kms.KeySpecSM2, prod)
					if want(t, err, change.want); d != nil || !changed {
						t.Errorf("%v; changed: %t", d, changed)
					}
				})
			}
		}
	}
}

// A key that is rotated while a data key pair is made encrypts it under its new
// version.
func TestDataKeyPairOfARotatedKey(t *testing.T) {
	ctx := t.Context()
	store, p := memstore.New(), &slowGM{Provider: gm.Default()}
	k, other := open(t, store, &kms.Options{GM: p, MaxStale: -1}), open(t, store, nil)
	key := newKey(t, k, kms.KeySpecAES256)
	_, err := k.GenerateDataKeyPair(ctx, key, kms.KeySpecSM2, prod)
	must(t, err)
	p.calls, p.meanwhile = -p.calls, func() {
		_, err := other.RotateKey(ctx, key)
		must(t, err)
	}
	d, err := k.GenerateDataKeyPair(ctx, key, kms.KeySpecSM2, prod)
	must(t, err)
	info, err := kms.ParseCiphertext(d.PrivateKeyCiphertext)
	if err != nil || d.KeyVersion != 2 || info.KeyVersion != 2 {
		t.Errorf("%v of %+v, %v", d, info, err)
	}
	_, err = k.DecryptDataKeyPair(ctx, d.PrivateKeyCiphertext, prod)
	must(t, err)
}
