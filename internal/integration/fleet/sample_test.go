package fleet_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

const day = 24 * time.Hour

var (
	plaintext = []byte("4111 1111 1111 1111")
	row       = kms.EncryptionContext{"table": "orders", "id": "7"}
)

// A sample is a store with keys of every kind and state, and what is known of
// it: how each key is described, and what was made with it.
type sample struct {
	keys    map[string]*kms.Key
	aliases map[string]string // names and key IDs
	deeds   []deed
}

// A deed is something that was made with a key.
type deed struct {
	name string
	want error                                       // of undo; nil if that gives what there was
	undo func(ctx context.Context, k *kms.KMS) error // decrypts or verifies it
}

// newSample puts a sample into a store, which it opens with root 1 and which root
// 2 opens as well. It begins with what is in slow.
func newSample(t *testing.T, store keystore.Store, slow *slowSample) *sample {
	t.Helper()
	must(t, kms.Restore(t.Context(), store, target.Root(t, 1), bytes.NewReader(slow.backup), target.Root(t, 1)))
	s := &sample{maps.Clone(slow.keys), map[string]string{}, slices.Clone(slow.deeds)}
	early := openEarly(t, store)
	must(t, early.AddRoot(t.Context(), target.Root(t, 2)))
	s.addSymmetric(t, early)
	s.addStates(t, early)
	s.addMACs(t, early)
	k := target.OpenKMS(t, store, nil)
	for _, k := range []*kms.KMS{early, k} { // which stores what was counted, and then destroys
		_, err := k.Maintain(t.Context())
		must(t, err)
	}
	s.describe(t, k)
	must(t, s.check(t.Context(), k))
	return s
}

// A slowSample has the keys of a sample that take long to make.
type slowSample struct {
	sample
	backup []byte
}

func newSlowSample(t *testing.T) *slowSample {
	t.Helper()
	s := &slowSample{sample: sample{keys: map[string]*kms.Key{}}}
	k := openEarly(t, memstore.New())
	s.addImported(t, k)
	s.addPairs(t, k)
	var out bytes.Buffer
	must(t, k.Export(t.Context(), &out, target.Root(t, 1)))
	s.backup = out.Bytes()
	return s
}

// openEarly opens a store as if a week ago, so that something can have been
// destroyed by now.
func openEarly(t *testing.T, store keystore.Store) *kms.KMS {
	t.Helper()
	return target.OpenKMS(t, store, &kms.Options{
		Now: func() time.Time { return time.Now().Add(-8 * day) },
	})
}

// add makes a key of its own alias.
func (s *sample) add(t *testing.T, k *kms.KMS, name string, opts kms.CreateKeyOptions) string {
	t.Helper()
	opts.Alias = "alias/" + name
	opts.Description = "for " + name
	opts.Tags = map[string]string{"team": "payments", "name": name}
	key, err := k.CreateKey(t.Context(), &opts)
	must(t, err)
	s.keys[key.ID] = key
	return key.ID
}

// describe notes how the keys and aliases are now.
func (s *sample) describe(t *testing.T, k *kms.KMS) {
	t.Helper()
	for id := range s.keys {
		key, err := k.DescribeKey(t.Context(), id)
		must(t, err)
		s.keys[id] = key
	}
	for a, err := range k.Aliases(t.Context()) {
		must(t, err)
		s.aliases[a.Name] = a.KeyID
	}
}

// use encrypts with a key; want is what decrypting gives at last.
func (s *sample) use(t *testing.T, k *kms.KMS, name, key string, want error) {
	t.Helper()
	for _, aad := range []kms.AAD{nil, row, kms.AdditionalData("7")} {
		ct, err := k.Encrypt(t.Context(), key, plaintext, aad)
		must(t, err)
		s.deeds = append(s.deeds, deed{name, want, func(ctx context.Context, k *kms.KMS) error {
			got, err := k.Decrypt(ctx, ct, aad)
			return same(got, plaintext, err)
		}})
	}
	dek, err := k.GenerateDataKey(t.Context(), key, 32, row)
	must(t, err)
	s.deeds = append(s.deeds, deed{name + ", data key", want, func(ctx context.Context, k *kms.KMS) error {
		got, err := k.DecryptDataKey(ctx, dek.Ciphertext, row)
		if err != nil {
			return err
		}
		return same(got.Plaintext, dek.Plaintext, nil)
	}})
}

func same(got, want []byte, err error) error {
	if err == nil && !bytes.Equal(got, want) {
		return errors.New("decrypts to something else")
	}
	return err
}

func (s *sample) addSymmetric(t *testing.T, k *kms.KMS) {
	t.Helper()
	for _, spec := range []kms.KeySpec{kms.KeySpecAES256, kms.KeySpecSM4} {
		name := string(spec)
		key := s.add(t, k, name, kms.CreateKeyOptions{Spec: spec, RotationPeriod: 90 * day})
		wants := []error{kms.ErrVersionNotFound, kms.ErrKeyPendingDeletion, nil, nil}
		for i, want := range wants {
			s.use(t, k, fmt.Sprintf("%s, version %d", name, i+1), key, want)
			if i < len(wants)-1 {
				_, err := k.RotateKey(t.Context(), key)
				must(t, err)
			}
		}
		for version, window := range map[uint32]time.Duration{1: 7 * day, 2: 30 * day} {
			_, err := k.ScheduleVersionDestruction(t.Context(), key, version, window)
			must(t, err)
		}
		pair, err := k.GenerateDataKeyPair(t.Context(), key, kms.KeySpecECP256, row)
		must(t, err)
		s.deeds = append(s.deeds, deed{name + ", pair", nil, func(ctx context.Context, k *kms.KMS) error {
			got, err := k.DecryptDataKeyPair(ctx, pair.PrivateKeyCiphertext, row)
			if err != nil {
				return err
			}
			return same(got.PrivateKey, pair.PrivateKey, nil)
		}})
		must(t, k.CreateAlias(t.Context(), "alias/also/"+name, key))
	}
}

// addStates adds keys that cannot do everything any more.
func (s *sample) addStates(t *testing.T, k *kms.KMS) {
	t.Helper()
	schedule := func(window time.Duration) func(context.Context, string) error {
		return func(ctx context.Context, key string) error {
			_, err := k.ScheduleKeyDeletion(ctx, key, window)
			return err
		}
	}
	for _, c := range []struct {
		name   string
		change func(context.Context, string) error
		want   error
	}{
		{"disabled", k.DisableKey, kms.ErrKeyDisabled},
		{"archived", k.ArchiveKey, nil},
		{"to-be-deleted", schedule(30 * day), kms.ErrKeyPendingDeletion},
		{"destroyed", schedule(7 * day), kms.ErrKeyNotFound},
	} {
		key := s.add(t, k, c.name, kms.CreateKeyOptions{})
		s.use(t, k, c.name, key, c.want)
		must(t, c.change(t.Context(), key))
	}
}

func (s *sample) addImported(t *testing.T, k *kms.KMS) {
	t.Helper()
	external := kms.CreateKeyOptions{Origin: kms.OriginExternal}
	key := s.add(t, k, "imported", external)
	importMaterial(t, k, key, 1)
	s.use(t, k, "imported, version 1", key, nil)
	importMaterial(t, k, key, 2)
	s.use(t, k, "imported, version 2", key, nil)
	gone := s.add(t, k, "material-deleted", external)
	importMaterial(t, k, gone, 1)
	s.use(t, k, "material-deleted", gone, kms.ErrKeyPendingImport)
	must(t, k.DeleteImportedKeyMaterial(t.Context(), gone))
	s.add(t, k, "never-imported", external)
}

// importMaterial imports a version into a key, for a year.
func importMaterial(t *testing.T, k *kms.KMS, key string, version byte) {
	t.Helper()
	p, err := k.ImportParameters(t.Context(), key, kms.WrappingRSAOAEPSHA256+"/RSA_2048")
	must(t, err)
	public, err := x509.ParsePKIXPublicKey(p.PublicKey)
	must(t, err)
	material := bytes.Repeat([]byte{version}, 32)
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey), material, nil)
	must(t, err)
	must(t, k.ImportKeyMaterial(t.Context(), key, &kms.ImportKeyMaterialOptions{
		Token: p.Token, EncryptedMaterial: wrapped,
		ValidTo: time.Now().Add(365 * day), NewVersion: version > 1,
	}))
}

// addPairs adds keys that sign and keys that decrypt, each rotated once.
func (s *sample) addPairs(t *testing.T, k *kms.KMS) {
	t.Helper()
	for _, c := range []struct {
		spec kms.KeySpec
		alg  kms.Algorithm
	}{
		{kms.KeySpecRSA2048, kms.AlgorithmRSASSAPSSSHA256},
		{kms.KeySpecECP256, kms.AlgorithmECDSASHA256},
		{kms.KeySpecSM2, kms.AlgorithmSM2DSASM3},
	} {
		key := s.add(t, k, "signing-"+string(c.spec), kms.CreateKeyOptions{Spec: c.spec, Usage: kms.KeyUsageSignVerify})
		s.twice(t, k, key, func() deed { return sign(t, k, key, c.alg) })
	}
	for spec, alg := range map[kms.KeySpec]kms.Algorithm{
		kms.KeySpecRSA2048: kms.AlgorithmRSAESOAEPSHA256, kms.KeySpecSM2: kms.AlgorithmSM2Encrypt,
	} {
		key := s.add(t, k, "decrypting-"+string(spec), kms.CreateKeyOptions{Spec: spec, Usage: kms.KeyUsageEncryptDecrypt})
		s.twice(t, k, key, func() deed { return encryptAsymmetric(t, k, key, alg) })
	}
}

// twice does something before and after a rotation.
func (s *sample) twice(t *testing.T, k *kms.KMS, key string, do func() deed) {
	t.Helper()
	s.deeds = append(s.deeds, do())
	_, err := k.RotateKey(t.Context(), key)
	must(t, err)
	s.deeds = append(s.deeds, do())
}

func sign(t *testing.T, k *kms.KMS, key string, alg kms.Algorithm) deed {
	t.Helper()
	sig, err := k.Sign(t.Context(), key, alg, plaintext, kms.MessageTypeRaw)
	must(t, err)
	return deed{string(alg), nil, func(ctx context.Context, k *kms.KMS) error {
		return k.Verify(ctx, key, sig.KeyVersion, alg, plaintext, kms.MessageTypeRaw, sig.Signature)
	}}
}

func encryptAsymmetric(t *testing.T, k *kms.KMS, key string, alg kms.Algorithm) deed {
	t.Helper()
	ct, err := k.EncryptAsymmetric(t.Context(), key, alg, plaintext)
	must(t, err)
	return deed{string(alg), nil, func(ctx context.Context, k *kms.KMS) error {
		got, err := k.DecryptAsymmetric(ctx, key, ct.KeyVersion, alg, ct.Ciphertext)
		return same(got, plaintext, err)
	}}
}

func (s *sample) addMACs(t *testing.T, k *kms.KMS) {
	t.Helper()
	for _, spec := range []kms.KeySpec{kms.KeySpecHMACSHA256, kms.KeySpecHMACSM3} {
		key := s.add(t, k, string(spec), kms.CreateKeyOptions{Spec: spec})
		s.twice(t, k, key, func() deed {
			mac, err := k.GenerateMAC(t.Context(), key, plaintext)
			must(t, err)
			return deed{string(spec), nil, func(ctx context.Context, k *kms.KMS) error {
				return k.VerifyMAC(ctx, key, mac.KeyVersion, plaintext, mac.MAC)
			}}
		})
	}
}

// check returns how what was made with the keys is not what it was.
func (s *sample) check(ctx context.Context, k *kms.KMS) error {
	for _, d := range s.deeds {
		if err := d.undo(ctx, k); !errors.Is(err, d.want) || (err == nil) != (d.want == nil) {
			return fmt.Errorf("%s: %v, want %v", d.name, err, d.want)
		}
	}
	return nil
}

// checkKeys returns how keys and aliases are not what they were. Others that are
// there beside them do not count.
func (s *sample) checkKeys(ctx context.Context, k *kms.KMS) error {
	for id, want := range s.keys {
		if got, err := k.DescribeKey(ctx, id); err != nil || !reflect.DeepEqual(got, want) {
			return fmt.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	aliases := maps.Clone(s.aliases)
	for a, err := range k.Aliases(ctx) {
		if err != nil {
			return err
		}
		key, err := k.DescribeKey(ctx, a.Name)
		if err != nil || key.ID != a.KeyID {
			return fmt.Errorf("%s leads to %v, %v, want %s", a.Name, key, err, a.KeyID)
		}
		if aliases[a.Name] == a.KeyID {
			delete(aliases, a.Name)
		}
	}
	if len(aliases) > 0 {
		return fmt.Errorf("missing, or of another key: %v", aliases)
	}
	return nil
}

// checkBetween returns how to does not decrypt what from encrypts under the
// sample's keys.
func (s *sample) checkBetween(ctx context.Context, from, to *kms.KMS) error {
	for _, name := range []string{"alias/AES_256", "alias/also/SM4", "alias/imported"} {
		ct, err := from.Encrypt(ctx, name, plaintext, row)
		if err != nil {
			return err
		}
		got, err := to.DecryptWith(ctx, name, ct, row)
		if err = same(got, plaintext, err); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
