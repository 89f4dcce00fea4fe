package kms_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/keypair"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// A key of as many versions as its record has room for can still be disabled and
// destroyed, whatever has become of it before. Only what adds to it is refused.
func TestFullRecord(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k := open(t, store, nil)
	key := newPairKey(t, k, kms.KeySpecECP384, kms.KeyUsageSignVerify)
	editKey(t, store, key, func(rec *record.Key) {
		for len(rec.Versions) < 2185 { // quickly, with copies
			rec.Versions = append(rec.Versions, rec.Versions[0])
		}
	})
	k = open(t, store, nil)
	var err error
	rotations := 0
	for ; err == nil; rotations++ {
		_, err = k.RotateKey(ctx, key)
	}
	if want(t, err, kms.ErrLimitExceeded); rotations < 3 || rotations > 300 {
		t.Fatalf("%d rotations", rotations)
	}
	fill(t, k, key)
	editKey(t, store, key, func(rec *record.Key) {
		for len(rec.Changes) < record.MaxChanges {
			rec.Changes.Add(record.ChangeID{byte(len(rec.Changes)), 1})
		}
		for i := range len(rec.Versions) - 3 {
			rec.Versions[i].DestructionDate = rec.CreatedAt
		}
	})
	k = open(t, store, nil)
	must(t, k.DisableKey(ctx, key))
	must(t, k.EnableKey(ctx, key))
	d, err := k.DescribeKey(ctx, key)
	must(t, err)
	for _, version := range []uint32{d.PrimaryVersion - 2, d.PrimaryVersion - 1} {
		_, err := k.ScheduleVersionDestruction(ctx, key, version, 0)
		must(t, err)
	}
	_, err = k.Sign(ctx, key, kms.AlgorithmECDSASHA384, password, kms.MessageTypeRaw)
	must(t, err)
	_, err = k.ScheduleKeyDeletion(ctx, key, 0)
	must(t, err)
	must(t, k.CancelKeyDeletion(ctx, key))
}

// Destroying versions makes room for others.
func TestRoomAfterDestruction(t *testing.T) {
	ctx := t.Context()
	store, c := memstore.New(), newClock()
	k := open(t, store, &kms.Options{Now: c.now})
	key := newPairKey(t, k, kms.KeySpecRSA2048, kms.KeyUsageSignVerify)
	editKey(t, store, key, func(rec *record.Key) {
		for len(rec.Versions) < 405 {
			rec.Versions = append(rec.Versions, rec.Versions[0])
		}
	})
	k = open(t, store, &kms.Options{Now: c.now})
	var err error
	for err == nil {
		_, err = k.RotateKey(ctx, key)
	}
	want(t, err, kms.ErrLimitExceeded)
	for version := range uint32(3) {
		_, err = k.ScheduleVersionDestruction(ctx, key, version+1, 7*day)
		must(t, err)
	}
	c.advance(7 * day)
	report, err := k.Maintain(ctx)
	if err != nil || report.VersionsDestroyed != 3 {
		t.Errorf("%+v, %v", report, err)
	}
	_, err = k.RotateKey(ctx, key)
	must(t, err)
}

// A key takes its material back, whatever was added to it while that was away.
func TestRoomForImportedMaterial(t *testing.T) {
	for spec, versions := range map[kms.KeySpec]int{kms.KeySpecAES256: 4096, kms.KeySpecECP256: 2340} {
		t.Run(string(spec), func(t *testing.T) {
			ctx := t.Context()
			store := memstore.New()
			k := open(t, store, nil)
			key, material := newExternalKey(t, k, spec), material1
			if spec == kms.KeySpecECP256 {
				material = materialsOf(keypair.ECP256)[0]
			}
			again := func() error { return importMaterial(t, k, key, material, kms.ImportKeyMaterialOptions{}) }
			must(t, again())
			editKey(t, store, key, func(rec *record.Key) {
				for len(rec.Versions) < versions {
					v := rec.Versions[0]
					rand.Read(v.Fingerprint[:])
					rec.Versions = append(rec.Versions, v)
				}
				last := len(rec.Versions) - 1
				rec.Versions[0], rec.Versions[last] = rec.Versions[last], rec.Versions[0]
			})
			k = open(t, store, nil)
			must(t, k.DeleteImportedKeyMaterial(ctx, key))
			fill(t, k, key)
			must(t, again())
			editKey(t, store, key, func(rec *record.Key) {
				for i := range rec.Versions {
					rec.Versions[i].Material = material
					rec.Versions[i].ValidTo = rec.CreatedAt.AddDate(1000, 0, 0)
				}
			})
			k = open(t, store, nil)
			must(t, k.DisableKey(ctx, key))
			_, err := k.ScheduleKeyDeletion(ctx, key, 0)
			must(t, err)
		})
	}
}

// fill describes a key at as much length as there is room for, and returns that.
func fill(t *testing.T, k *kms.KMS, key string) (n int) {
	t.Helper()
	description := func(n int) error {
		long := strings.Repeat("d", n)
		_, err := k.UpdateKey(t.Context(), key, &kms.UpdateKeyOptions{Description: &long})
		return err
	}
	for step := 4096; step > 0; step /= 2 {
		if n+step <= 8192 && description(n+step) == nil {
			n += step
		}
	}
	if n < 8191 {
		want(t, description(n+1), kms.ErrLimitExceeded)
	}
	return n
}

// What docs/algorithms.md says of how many versions fit into a record.
func TestVersionsThatFit(t *testing.T) {
	for spec, said := range map[string]int{
		"rsa-4096": 210, "rsa-3072": 280, "rsa-2048": 400, "ec-p384": 2200, "sm2": 2700, "ec-p256": 2700,
	} {
		material, err := os.ReadFile(filepath.Join("internal", "keypair", "testdata", "test-only-"+spec+".der"))
		must(t, err)
		key := record.Key{Spec: spec, Usage: string(kms.KeyUsageSignVerify), Origin: string(kms.OriginKMS)}
		for key.Bound(len(material)) <= keystore.MaxData {
			key.Versions = append(key.Versions, record.Version{Material: material})
		}
		n := len(key.Versions) - 1
		t.Logf("%s: %d versions", spec, n)
		if n < said || n > said+said/20 {
			t.Errorf("%s: %d versions fit, the document says %d", spec, n, said)
		}
	}
}
