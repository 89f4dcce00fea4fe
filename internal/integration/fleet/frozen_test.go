package fleet_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// A frozen denies what changes keys, as docs/operating.md does it.
type frozen struct{}

var errFrozen = errors.New("keys do not change while they are moved")

func (frozen) Authorize(_ context.Context, r *kms.Request) error {
	switch r.Op {
	case kms.OpEncrypt, kms.OpDecrypt, kms.OpReEncryptFrom, kms.OpReEncryptTo,
		kms.OpGenerateDataKey, kms.OpEncryptDataKey, kms.OpDecryptDataKey,
		kms.OpGenerateDataKeyPair, kms.OpDecryptDataKeyPair,
		kms.OpEncryptAsymmetric, kms.OpDecryptAsymmetric, kms.OpPublicKey,
		kms.OpSign, kms.OpVerify, kms.OpGenerateMAC, kms.OpVerifyMAC, kms.OpGenerateRandom,
		kms.OpDescribeKey, kms.OpKeys, kms.OpAliases, kms.OpRoots, kms.OpExport:
		return nil
	}
	return errFrozen
}

// TestFrozen has keys used in every way while they are moved, and nothing written.
func TestFrozen(t *testing.T) {
	ctx, store := t.Context(), memstore.New()
	s := newSample(t, store, newSlowSample(t))
	k := target.OpenKMS(t, store, &kms.Options{Authorizer: frozen{}})
	was, err := store.List(ctx, "", "", keystore.MaxLimit)
	must(t, err)
	must(t, s.check(ctx, k))
	must(t, s.checkKeys(ctx, k))
	key := s.aliases["alias/AES_256"]
	s.use(t, k, "frozen", key, nil)
	s.deeds = append(s.deeds, sign(t, k, "alias/signing-SM2", kms.AlgorithmSM2DSASM3))
	must(t, s.check(ctx, k))
	must(t, k.Export(ctx, io.Discard, target.Root(t, 2)))
	for name, call := range map[string]func() error{
		"CreateKey":   func() error { _, err := k.CreateKey(ctx, nil); return err },
		"RotateKey":   func() error { _, err := k.RotateKey(ctx, key); return err },
		"DisableKey":  func() error { return k.DisableKey(ctx, key) },
		"UpdateKey":   func() error { _, err := k.UpdateKey(ctx, key, &kms.UpdateKeyOptions{}); return err },
		"Schedule":    func() error { _, err := k.ScheduleKeyDeletion(ctx, key, 0); return err },
		"CreateAlias": func() error { return k.CreateAlias(ctx, "alias/new", key) },
		"DeleteAlias": func() error { return k.DeleteAlias(ctx, "alias/AES_256") },
		"Maintain":    func() error { _, err := k.Maintain(ctx); return err },
		"AddRoot":     func() error { return k.AddRoot(ctx, target.Root(t, 3)) },
		"RotateStore": func() error { return k.RotateStorageKey(ctx) },
		"Import": func() error {
			_, err := k.ImportParameters(ctx, s.aliases["alias/imported"], kms.WrappingRSAOAEPSHA256)
			return err
		},
	} {
		if err := call(); !errors.Is(err, kms.ErrAccessDenied) || !errors.Is(err, errFrozen) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if is, err := store.List(ctx, "", "", keystore.MaxLimit); err != nil || !reflect.DeepEqual(is, was) {
		t.Errorf("the store has changed, %v", err)
	}
}
