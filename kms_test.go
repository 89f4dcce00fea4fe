package kms_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/kmstest"
	"github.com/embedkms/kms/rootkey"
)

var (
	specs    = []kms.KeySpec{kms.KeySpecAES256, kms.KeySpecSM4}
	prod     = kms.EncryptionContext{"service": "orders", "env": "prod"}
	unknown  = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
	password = []byte("correct horse battery staple")
)

// root returns a root key that is the same for the same n.
func root(tb testing.TB, n byte) rootkey.Provider {
	tb.Helper()
	p, err := rootkey.Static(bytes.Repeat([]byte{n}, 32))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// open opens store with root(1), until the end of the test.
func open(tb testing.TB, store keystore.Store, opts *kms.Options) *kms.KMS {
	tb.Helper()
	k, err := kms.Open(context.Background(), store, root(tb, 1), opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { k.Close() })
	return k
}

// newKey creates a key and returns its ID.
func newKey(tb testing.TB, k *kms.KMS, spec kms.KeySpec) string {
	tb.Helper()
	key, err := k.CreateKey(context.Background(), &kms.CreateKeyOptions{Spec: spec})
	if err != nil {
		tb.Fatal(err)
	}
	return key.ID
}

func encrypt(tb testing.TB, k *kms.KMS, key string, plaintext []byte, aad kms.AAD) []byte {
	tb.Helper()
	ct, err := k.Encrypt(context.Background(), key, plaintext, aad)
	if err != nil {
		tb.Fatal(err)
	}
	return ct
}

// want fails the test unless err is a *kms.Error around sentinel.
func want(tb testing.TB, err, sentinel error) {
	tb.Helper()
	if !errors.Is(err, sentinel) {
		tb.Fatalf("error %v, want %v", err, sentinel)
	}
	e, ok := errors.AsType[*kms.Error](err)
	if !ok {
		tb.Fatalf("error %T, want *kms.Error", err)
	}
	if _, twice := errors.AsType[*kms.Error](e.Err); twice {
		tb.Fatalf("error wrapped twice: %v", err)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func TestEncryptDecrypt(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	for _, spec := range specs {
		key := newKey(t, k, spec)
		for name, aad := range map[string]kms.AAD{
			"nil": nil, "map": prod, "raw": kms.AdditionalData("123aad"),
			"nil map": kms.EncryptionContext(nil), "no bytes": kms.AdditionalData{},
		} {
			for _, size := range []int{1, 11, 4096, kms.MaxPlaintext} {
				plaintext := bytes.Repeat([]byte{'x'}, size)
				ct := encrypt(t, k, key, plaintext, aad)
				if len(ct) != size+kms.Overhead {
					t.Errorf("%s %s: %d bytes of %d", spec, name, len(ct), size)
				}
				got, err := k.Decrypt(ctx, ct, aad)
				if err != nil || !bytes.Equal(got, plaintext) {
					t.Errorf("%s %s: decrypted %q, %v", spec, name, got, err)
				}
				got, err = k.DecryptWith(ctx, key, ct, aad)
				if err != nil || !bytes.Equal(got, plaintext) {
					t.Errorf("%s %s: decrypted with the key %q, %v", spec, name, got, err)
				}
			}
		}
	}
}

func TestAppend(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key := newKey(t, k, kms.KeySpecAES256)
	head := []byte("head")
	ct, err := k.AppendEncrypt(ctx, head, key, password, prod)
	if err != nil || !bytes.HasPrefix(ct, head) {
		t.Fatalf("%x, %v", ct, err)
	}
	pt, err := k.AppendDecrypt(ctx, head, ct[len(head):], prod)
	if err != nil || string(pt) != "head"+string(password) {
		t.Fatalf("%q, %v", pt, err)
	}
	// In place, and with the AAD under dst.
	buf := append(make([]byte, 0, 512), password...)
	ct, err = k.AppendEncrypt(ctx, buf[:0], key, buf, kms.AdditionalData(buf))
	must(t, err)
	pt, err = k.AppendDecrypt(ctx, ct[:0], ct, kms.AdditionalData(password))
	if err != nil || !bytes.Equal(pt, password) {
		t.Fatalf("%q, %v", pt, err)
	}
	if out, err := k.AppendEncrypt(ctx, head, unknown, password, nil); err == nil || out != nil {
		t.Errorf("%x, %v", out, err)
	}
}

func TestContextBinds(t *testing.T) {
	k := kmstest.New(t)
	key := newKey(t, k, kms.KeySpecAES256)
	ct := encrypt(t, k, key, password, prod)
	for name, aad := range map[string]kms.AAD{
		"none": nil, "less": kms.EncryptionContext{"service": "orders"},
		"more":  kms.EncryptionContext{"service": "orders", "env": "prod", "x": ""},
		"value": kms.EncryptionContext{"service": "orders", "env": "test"},
		"case":  kms.EncryptionContext{"Service": "orders", "env": "prod"},
		"bytes": kms.AdditionalData("service=orders,env=prod"),
	} {
		pt, err := k.Decrypt(t.Context(), ct, aad)
		want(t, err, kms.ErrInvalidCiphertext)
		if pt != nil {
			t.Errorf("%s: returned %q", name, pt)
		}
	}
}

// An AAD that is neither of the two kinds is an error, not nothing.
func TestForeignAAD(t *testing.T) {
	k := kmstest.New(t)
	key := newKey(t, k, kms.KeySpecAES256)
	ct := encrypt(t, k, key, password, nil)
	foreign := struct{ kms.AAD }{prod}
	for _, aad := range []kms.AAD{foreign, &prod} {
		_, err := k.Encrypt(t.Context(), key, password, aad)
		want(t, err, kms.ErrInvalidAAD)
		_, err = k.Decrypt(t.Context(), ct, aad)
		want(t, err, kms.ErrInvalidAAD)
		_, _, err = k.ReEncrypt(t.Context(), ct, aad, nil)
		want(t, err, kms.ErrInvalidAAD)
	}
}

func TestLimits(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key := newKey(t, k, kms.KeySpecAES256)
	ct := encrypt(t, k, key, password, nil)
	long := strings.Repeat("x", 32768)
	check := func(err, sentinel error, limit string) {
		t.Helper()
		want(t, err, sentinel)
		if !strings.Contains(err.Error(), limit) {
			t.Errorf("%v does not name the limit %s", err, limit)
		}
	}
	for _, n := range []int{0, kms.MaxPlaintext + 1} {
		_, err := k.Encrypt(ctx, key, make([]byte, n), nil)
		check(err, kms.ErrInvalidPlaintext, "1 to 6144")
	}
	for _, n := range []int{-1, 0, kms.MaxDataKey + 1} {
		_, err := k.GenerateDataKey(ctx, key, n, nil)
		check(err, kms.ErrInvalidArgument, "1 to 1024")
		_, err = k.GenerateDataKeyWithoutPlaintext(ctx, key, n, nil)
		check(err, kms.ErrInvalidArgument, "1 to 1024")
	}
	for _, n := range []int{0, kms.MaxDataKey + 1} {
		_, err := k.EncryptDataKey(ctx, key, make([]byte, n), nil, nil)
		check(err, kms.ErrInvalidPlaintext, "1 to 1024")
	}
	for limit, aad := range map[string]kms.AAD{
		"32768": kms.EncryptionContext{"k": long}, "8192": kms.AdditionalData(long[:8193]),
		"empty key": kms.EncryptionContext{"": "v"}, "UTF-8": kms.EncryptionContext{"k": "\xff"},
	} {
		_, err := k.Encrypt(ctx, key, password, aad)
		check(err, kms.ErrInvalidAAD, limit)
		_, err = k.Decrypt(ctx, ct, aad)
		check(err, kms.ErrInvalidAAD, limit)
		_, _, err = k.ReEncrypt(ctx, ct, nil, &kms.ReEncryptOptions{AAD: aad, ChangeAAD: true})
		check(err, kms.ErrInvalidAAD, limit)
		_, err = k.DryRun().Encrypt(ctx, key, password, aad)
		check(err, kms.ErrInvalidAAD, limit)
		_, err = k.DryRun().Decrypt(ctx, ct, aad)
		check(err, kms.ErrInvalidAAD, limit)
	}
}

func TestKeyReferences(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key := newKey(t, k, kms.KeySpecAES256)
	longest := "alias/" + strings.Repeat("a", 250)
	for _, alias := range []string{"alias/a", "alias/orders/db-1/A_z", longest, "alias/-", "alias/key"} {
		must(t, k.CreateAlias(ctx, alias, key))
		if got, err := k.DescribeKey(ctx, alias); err != nil || got.ID != key {
			t.Errorf("%s: %v", alias, err)
		}
		_, err := k.Encrypt(ctx, alias, password, nil)
		must(t, err)
	}
	for ref, sentinel := range map[string]error{
		"": kms.ErrInvalidKeyRef, "orders": kms.ErrInvalidKeyRef, "alias": kms.ErrInvalidKeyRef,
		"alias/": kms.ErrInvalidKeyRef, "alias//a": kms.ErrInvalidKeyRef, "alias/a/": kms.ErrInvalidKeyRef,
		"alias/a//b": kms.ErrInvalidKeyRef, "alias/a.b": kms.ErrInvalidKeyRef, "alias/a b": kms.ErrInvalidKeyRef,
		"alias/ä": kms.ErrInvalidKeyRef, "alias/a\x00": kms.ErrInvalidKeyRef, "Alias/a": kms.ErrInvalidKeyRef,
		longest + "a": kms.ErrInvalidKeyRef, strings.ToUpper(key): kms.ErrInvalidKeyRef,
		key + " ": kms.ErrInvalidKeyRef, key[:35]: kms.ErrInvalidKeyRef, "{" + key + "}": kms.ErrInvalidKeyRef,
		strings.ReplaceAll(key, "-", "_"):      kms.ErrInvalidKeyRef,
		"0d0466b0-e727-4d9c-b35d-f84bb474a37F": kms.ErrInvalidKeyRef,
		unknown:                                kms.ErrKeyNotFound,
		"zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz": kms.ErrKeyNotFound,
		"alias/b":                              kms.ErrAliasNotFound, "alias/A": kms.ErrAliasNotFound,
	} {
		calls := everyCallWithKey(k, ref)
		maps.Copy(calls, everyPairCall(k, ref))
		for name, call := range calls {
			t.Run(fmt.Sprintf("%s %.40q", name, ref), func(t *testing.T) { want(t, call(ctx), sentinel) })
		}
	}
}

// everyCallWithKey returns every operation that takes a key reference.
func everyCallWithKey(k *kms.KMS, ref string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Encrypt": func(ctx context.Context) error {
			_, err := k.Encrypt(ctx, ref, password, nil)
			return err
		},
		"DecryptWith": func(ctx context.Context) error {
			_, err := k.DecryptWith(ctx, ref, form(1), nil)
			return err
		},
		"GenerateDataKey": func(ctx context.Context) error {
			_, err := k.GenerateDataKey(ctx, ref, 32, nil)
			return err
		},
		"GenerateDataKeyWithoutPlaintext": func(ctx context.Context) error {
			_, err := k.GenerateDataKeyWithoutPlaintext(ctx, ref, 32, nil)
			return err
		},
		"EncryptDataKey": func(ctx context.Context) error {
			_, err := k.EncryptDataKey(ctx, ref, password, nil, nil)
			return err
		},
		"DecryptDataKeyWith": func(ctx context.Context) error {
			_, err := k.DecryptDataKeyWith(ctx, ref, form(2), nil)
			return err
		},
		"DescribeKey": func(ctx context.Context) error { _, err := k.DescribeKey(ctx, ref); return err },
		"RotateKey":   func(ctx context.Context) error { _, err := k.RotateKey(ctx, ref); return err },
		"EnableKey":   func(ctx context.Context) error { return k.EnableKey(ctx, ref) },
		"DisableKey":  func(ctx context.Context) error { return k.DisableKey(ctx, ref) },
		"ArchiveKey":  func(ctx context.Context) error { return k.ArchiveKey(ctx, ref) },
		"CreateAlias": func(ctx context.Context) error { return k.CreateAlias(ctx, "alias/new", ref) },
		"UpdateKey":   func(ctx context.Context) error { _, err := k.UpdateKey(ctx, ref, nil); return err },
		"ScheduleKeyDeletion": func(ctx context.Context) error {
			_, err := k.ScheduleKeyDeletion(ctx, ref, 0)
			return err
		},
		"CancelKeyDeletion": func(ctx context.Context) error { return k.CancelKeyDeletion(ctx, ref) },
		"ScheduleVersionDestruction": func(ctx context.Context) error {
			_, err := k.ScheduleVersionDestruction(ctx, ref, 1, 0)
			return err
		},
		"CancelVersionDestruction": func(ctx context.Context) error { return k.CancelVersionDestruction(ctx, ref, 1) },
		"ImportParameters": func(ctx context.Context) error {
			_, err := k.ImportParameters(ctx, ref, kms.WrappingRSAOAEPSHA256)
			return err
		},
		"ImportKeyMaterial":         func(ctx context.Context) error { return k.ImportKeyMaterial(ctx, ref, nil) },
		"DeleteImportedKeyMaterial": func(ctx context.Context) error { return k.DeleteImportedKeyMaterial(ctx, ref) },
	}
}

// form returns bytes that have the form of a ciphertext of an unknown key.
func form(purpose byte) []byte {
	b := make([]byte, kms.Overhead+1)
	b[0], b[1], b[2], b[22] = 0xC1, 1, purpose, 1
	return b
}

func TestCreateKey(t *testing.T) {
	ctx := t.Context()
	now := time.Date(2030, 1, 2, 3, 4, 5, 678_900_000, time.FixedZone("", 3600))
	k := open(t, memstore.New(), &kms.Options{Now: func() time.Time { return now }})
	tags := map[string]string{"team": "payments", "cost centre": ""}
	created, err := k.CreateKey(ctx, &kms.CreateKeyOptions{
		Spec: kms.KeySpecSM4, Usage: kms.KeyUsageEncryptDecrypt, Alias: "alias/orders-db",
		Description: "orders ✓", Tags: tags,
	})
	must(t, err)
	tags["team"] = "changed later"
	at := time.Date(2030, 1, 2, 2, 4, 5, 678_000_000, time.UTC)
	described, err := k.DescribeKey(ctx, "alias/orders-db")
	must(t, err)
	for _, key := range []*kms.Key{created, described} {
		if key.Spec != kms.KeySpecSM4 || key.Usage != kms.KeyUsageEncryptDecrypt ||
			key.State != kms.KeyStateEnabled || key.Origin != kms.OriginKMS ||
			key.Description != "orders ✓" || key.PrimaryVersion != 1 || !key.CreatedAt.Equal(at) ||
			!maps.Equal(key.Tags, map[string]string{"team": "payments", "cost centre": ""}) ||
			!slices.Equal(key.Versions, []kms.KeyVersion{{Version: 1, CreatedAt: at, Origin: kms.OriginKMS, State: kms.KeyStateEnabled}}) {
			t.Errorf("key %+v", key)
		}
		if key.ID[14] != '4' || !strings.Contains("89ab", key.ID[19:20]) {
			t.Errorf("ID %s is not a version 4 UUID", key.ID)
		}
	}
	if plain, err := k.CreateKey(ctx, nil); err != nil || plain.Spec != kms.KeySpecAES256 || plain.Tags != nil {
		t.Errorf("default key %+v, %v", plain, err)
	}
}

func TestCreateKeyRefuses(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	many := map[string]string{}
	for i := range 65 {
		many[fmt.Sprint(i)] = ""
	}
	for name, c := range map[string]struct {
		opts     kms.CreateKeyOptions
		sentinel error
	}{
		"spec":          {kms.CreateKeyOptions{Spec: "AES_128"}, kms.ErrUnsupportedAlgorithm},
		"spec of case":  {kms.CreateKeyOptions{Spec: "rsa_2048"}, kms.ErrUnsupportedAlgorithm},
		"usage":         {kms.CreateKeyOptions{Usage: "SIGN"}, kms.ErrInvalidArgument},
		"usage of spec": {kms.CreateKeyOptions{Usage: kms.KeyUsageSignVerify}, kms.ErrInvalidUsage},
		"period":        {kms.CreateKeyOptions{Spec: kms.KeySpecECP256, RotationPeriod: 90 * day}, kms.ErrInvalidArgument},
		"description":   {kms.CreateKeyOptions{Description: long}, kms.ErrInvalidArgument},
		"not UTF-8":     {kms.CreateKeyOptions{Description: "\xff"}, kms.ErrInvalidArgument},
		"tags":          {kms.CreateKeyOptions{Tags: many}, kms.ErrInvalidArgument},
		"tag no name":   {kms.CreateKeyOptions{Tags: map[string]string{"": "v"}}, kms.ErrInvalidArgument},
		"tag name":      {kms.CreateKeyOptions{Tags: map[string]string{long[:129]: "v"}}, kms.ErrInvalidArgument},
		"tag value":     {kms.CreateKeyOptions{Tags: map[string]string{"k": long[:257]}}, kms.ErrInvalidArgument},
		"tag not UTF-8": {kms.CreateKeyOptions{Tags: map[string]string{"k": "\xff"}}, kms.ErrInvalidArgument},
		"alias":         {kms.CreateKeyOptions{Alias: "orders"}, kms.ErrInvalidKeyRef},
		"alias form":    {kms.CreateKeyOptions{Alias: "alias//"}, kms.ErrInvalidKeyRef},
	} {
		t.Run(name, func(t *testing.T) {
			store := memstore.New()
			k := open(t, store, nil)
			_, err := k.CreateKey(t.Context(), &c.opts)
			want(t, err, c.sentinel)
			_, err = k.DryRun().CreateKey(t.Context(), &c.opts)
			want(t, err, c.sentinel)
			if recs, _ := store.List(t.Context(), "key/", "", 1); len(recs) != 0 {
				t.Error("a key was stored")
			}
		})
	}
}

func TestLargestTags(t *testing.T) {
	tags := map[string]string{}
	for i := range 64 {
		tags[fmt.Sprintf("%0128d", i)] = strings.Repeat("v", 256)
	}
	k := kmstest.New(t)
	key, err := k.CreateKey(t.Context(), &kms.CreateKeyOptions{Tags: tags, Description: strings.Repeat("d", 8192)})
	must(t, err)
	if got, err := k.DescribeKey(t.Context(), key.ID); err != nil || !maps.Equal(got.Tags, tags) {
		t.Errorf("%v", err)
	}
}

func TestRotate(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	for _, spec := range specs {
		key := newKey(t, k, spec)
		var cts [][]byte
		for v := uint32(1); v <= 5; v++ {
			ct := encrypt(t, k, key, fmt.Append(nil, v), prod)
			if info, _ := kms.ParseCiphertext(ct); info.KeyVersion != v {
				t.Errorf("version %d encrypted, want %d", info.KeyVersion, v)
			}
			cts = append(cts, ct)
			got, err := k.RotateKey(ctx, key)
			if err != nil || got.PrimaryVersion != v+1 || len(got.Versions) != int(v+1) {
				t.Fatalf("rotated %+v, %v", got, err)
			}
		}
		for i, ct := range cts {
			if pt, err := k.Decrypt(ctx, ct, prod); err != nil || string(pt) != fmt.Sprint(i+1) {
				t.Errorf("version %d: %q, %v", i+1, pt, err)
			}
		}
	}
}

// A key of the most versions: stored, loaded and used, and no more.
func TestRotateLimit(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k := open(t, store, nil)
	key := newKey(t, k, kms.KeySpecAES256)
	first := encrypt(t, k, key, password, nil)
	editKey(t, store, key, func(rec *record.Key) {
		for i := range 4094 {
			v := rec.Versions[0]
			v.ID[0], v.ID[1], v.Material = byte(i), byte(i>>8), bytes.Repeat([]byte{byte(i), 1}, 16)
			rec.Versions = append(rec.Versions, v)
		}
	})
	d, err := k.RotateKey(ctx, key)
	if err != nil || d.PrimaryVersion != 4096 {
		t.Fatalf("%d, %v", d.PrimaryVersion, err)
	}
	_, err = k.RotateKey(ctx, key)
	want(t, err, kms.ErrLimitExceeded)
	for _, ct := range [][]byte{first, encrypt(t, k, key, password, nil)} {
		if pt, err := k.Decrypt(ctx, ct, nil); err != nil || !bytes.Equal(pt, password) {
			t.Errorf("%q, %v", pt, err)
		}
	}
}

// editKey changes a stored key as a KMS with root(1) would.
func editKey(tb testing.TB, store keystore.Store, key string, edit func(*record.Key)) {
	tb.Helper()
	ctx := context.Background()
	ring, err := keyring.Open(ctx, settle.NewWriter(store), root(tb, 1), true, time.Now())
	must(tb, err)
	rec, err := store.Get(ctx, "key/"+key)
	must(tb, err)
	body, err := ring.Open(rec)
	must(tb, err)
	stored, err := record.ParseKey(body)
	must(tb, err)
	edit(stored)
	rec.Rev++
	rec.Data = ring.Seal(rec.Key, rec.Rev, stored.Marshal())
	must(tb, store.Put(ctx, rec))
}

func TestDisable(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key := newKey(t, k, kms.KeySpecAES256)
	must(t, k.CreateAlias(ctx, "alias/a", key))
	ct := encrypt(t, k, key, password, nil)
	dek, err := k.GenerateDataKey(ctx, key, 32, nil)
	must(t, err)
	for range 2 { // the second time is a no-op
		must(t, k.DisableKey(ctx, "alias/a"))
		for name, call := range map[string]func() error{
			"encrypt":   func() error { _, err := k.Encrypt(ctx, key, password, nil); return err },
			"decrypt":   func() error { _, err := k.Decrypt(ctx, ct, nil); return err },
			"with":      func() error { _, err := k.DecryptWith(ctx, key, ct, nil); return err },
			"generate":  func() error { _, err := k.GenerateDataKey(ctx, "alias/a", 32, nil); return err },
			"wrap":      func() error { _, err := k.EncryptDataKey(ctx, key, password, nil, nil); return err },
			"unwrap":    func() error { _, err := k.DecryptDataKey(ctx, dek.Ciphertext, nil); return err },
			"reencrypt": func() error { _, _, err := k.ReEncrypt(ctx, ct, nil, nil); return err },
			"rotate":    func() error { _, err := k.RotateKey(ctx, key); return err },
		} {
			if err := call(); !errors.Is(err, kms.ErrKeyDisabled) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if d, err := k.DescribeKey(ctx, key); err != nil || d.State != kms.KeyStateDisabled {
			t.Errorf("%+v, %v", d, err)
		}
		must(t, k.CreateAlias(ctx, fmt.Sprintf("alias/%d", time.Now().UnixNano()), key))
	}
	for range 2 {
		must(t, k.EnableKey(ctx, key))
		if pt, err := k.Decrypt(ctx, ct, nil); err != nil || !bytes.Equal(pt, password) {
			t.Errorf("%q, %v", pt, err)
		}
	}
}

func TestAlias(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k := open(t, store, nil)
	one, two := newKey(t, k, kms.KeySpecAES256), newKey(t, k, kms.KeySpecAES256)
	must(t, k.CreateAlias(ctx, "alias/orders-db", one))
	want(t, k.CreateAlias(ctx, "alias/orders-db", two), kms.ErrAliasExists)
	want(t, k.CreateAlias(ctx, "alias/orders-db", one), kms.ErrAliasExists)
	must(t, k.CreateAlias(ctx, "alias/second", "alias/orders-db"))
	for _, alias := range []string{"alias/orders-db", "alias/second"} {
		if d, err := k.DescribeKey(ctx, alias); err != nil || d.ID != one {
			t.Errorf("%s: %v, %v", alias, d, err)
		}
	}
	_, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: "alias/second"})
	want(t, err, kms.ErrAliasExists)
	if n := count(t, store, "key/"); n != 2 {
		t.Errorf("%d keys, want 2", n)
	}
	for rec := range records(t, store, "alias/") {
		if strings.Contains(rec.Key, "orders") || bytes.Contains(rec.Data, []byte("orders")) {
			t.Errorf("the store shows the name of %s", rec.Key)
		}
	}
}

// records returns what a store holds.
func records(tb testing.TB, s keystore.Store, prefix string) func(func(keystore.Record) bool) {
	tb.Helper()
	recs, err := s.List(context.Background(), prefix, "", keystore.MaxLimit)
	if err != nil {
		tb.Fatal(err)
	}
	return slices.Values(recs)
}

func count(tb testing.TB, s keystore.Store, prefix string) (n int) {
	for range records(tb, s, prefix) {
		n++
	}
	return n
}

func TestKeys(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	var ids []string
	for range keystore.MaxLimit + 150 {
		ids = append(ids, newKey(t, k, kms.KeySpecAES256))
	}
	slices.Sort(ids)
	list := func(after string) (got []string) {
		for key, err := range k.Keys(ctx, after) {
			must(t, err)
			got = append(got, key.ID)
		}
		return got
	}
	if got := list(""); !slices.Equal(got, ids) {
		t.Errorf("%d keys, want %d", len(got), len(ids))
	}
	if got := list(ids[99]); !slices.Equal(got, ids[100:]) {
		t.Errorf("%d keys after the hundredth, want %d", len(got), len(ids)-100)
	}
	if got := list(ids[len(ids)-1]); got != nil {
		t.Errorf("%d keys after the last", len(got))
	}
	for range k.Keys(ctx, "") {
		break // must not yield again
	}
	for _, err := range k.Keys(ctx, "alias/a") {
		want(t, err, kms.ErrInvalidKeyRef)
	}
}

func TestReEncrypt(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	for _, spec := range specs {
		key, other := newKey(t, k, spec), newKey(t, k, kms.KeySpecSM4)
		ct := encrypt(t, k, key, password, prod)
		reencrypt := func(ct []byte, aad kms.AAD, opts *kms.ReEncryptOptions, changes bool) []byte {
			t.Helper()
			out, changed, err := k.ReEncrypt(ctx, ct, aad, opts)
			if err != nil || changed != changes {
				t.Fatalf("changed %v, %v", changed, err)
			}
			if bytes.Equal(out, ct) == changes {
				t.Fatal("the ciphertext does not show whether it changed")
			}
			return out
		}
		opens := func(ct []byte, aad kms.AAD, key string, version uint32) {
			t.Helper()
			pt, err := k.DecryptWith(ctx, key, ct, aad)
			info, _ := kms.ParseCiphertext(ct)
			if err != nil || !bytes.Equal(pt, password) || info.KeyVersion != version {
				t.Fatalf("%q, version %d, %v", pt, info.KeyVersion, err)
			}
		}
		same := reencrypt(ct, prod, nil, false)
		if &same[0] == &ct[0] {
			t.Error("the result is not a copy")
		}
		_, err := k.RotateKey(ctx, key)
		must(t, err)
		current := reencrypt(ct, prod, nil, true)
		opens(current, prod, key, 2)
		reencrypt(current, prod, &kms.ReEncryptOptions{Key: key, SourceKey: key}, false)
		reencrypt(current, prod, &kms.ReEncryptOptions{AAD: nil}, false)
		reencrypt(current, prod, &kms.ReEncryptOptions{AAD: maps.Clone(prod), ChangeAAD: true}, false)
		opens(reencrypt(current, prod, &kms.ReEncryptOptions{ChangeAAD: true}, true), nil, key, 2)
		raw := kms.AdditionalData("raw")
		opens(reencrypt(current, prod, &kms.ReEncryptOptions{AAD: raw, ChangeAAD: true}, true), raw, key, 2)
		opens(reencrypt(current, prod, &kms.ReEncryptOptions{Key: other}, true), prod, other, 1)

		_, _, err = k.ReEncrypt(ctx, ct, nil, nil)
		want(t, err, kms.ErrInvalidCiphertext)
		_, _, err = k.ReEncrypt(ctx, current, nil, nil) // current, but not with this AAD
		want(t, err, kms.ErrInvalidCiphertext)
		_, _, err = k.ReEncrypt(ctx, ct, prod, &kms.ReEncryptOptions{SourceKey: other})
		want(t, err, kms.ErrInvalidCiphertext)
		_, _, err = k.ReEncrypt(ctx, ct, prod, &kms.ReEncryptOptions{Key: unknown})
		want(t, err, kms.ErrKeyNotFound)
	}
}

func TestReEncryptKeepsPurpose(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key, other := newKey(t, k, kms.KeySpecAES256), newKey(t, k, kms.KeySpecSM4)
	dek, err := k.GenerateDataKey(ctx, key, 32, prod)
	must(t, err)
	out, changed, err := k.ReEncrypt(ctx, dek.Ciphertext, prod, &kms.ReEncryptOptions{Key: other})
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	got, err := k.DecryptDataKey(ctx, out, prod)
	if err != nil || !bytes.Equal(got.Plaintext, dek.Plaintext) || got.KeyID != other {
		t.Errorf("%v, %v", got, err)
	}
	_, err = k.Decrypt(ctx, out, prod)
	want(t, err, kms.ErrInvalidCiphertext)
}

func TestDataKeys(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	for _, spec := range specs {
		key := newKey(t, k, spec)
		for _, size := range []int{1, 16, 32, 33, kms.MaxDataKey} {
			dek, err := k.GenerateDataKey(ctx, key, size, prod)
			if err != nil || len(dek.Plaintext) != size || dek.KeyID != key || dek.KeyVersion != 1 {
				t.Fatalf("%v, %v", dek, err)
			}
			back, err := k.DecryptDataKey(ctx, dek.Ciphertext, prod)
			if err != nil || !bytes.Equal(back.Plaintext, dek.Plaintext) || !bytes.Equal(back.Ciphertext, dek.Ciphertext) {
				t.Fatalf("%v, %v", back, err)
			}
			if cap(dek.Plaintext) != size || cap(back.Plaintext) != size {
				t.Errorf("room for %d and %d bytes behind %d", cap(dek.Plaintext), cap(back.Plaintext), size)
			}
			if back, err = k.DecryptDataKeyWith(ctx, key, dek.Ciphertext, prod); err != nil || back.KeyID != key {
				t.Fatalf("%v, %v", back, err)
			}
			sealed, err := k.EncryptDataKey(ctx, key, dek.Plaintext, dek.Digest(), prod)
			if err != nil || sealed.Plaintext != nil || sealed.Digest() != nil {
				t.Fatalf("%v, %v", sealed, err)
			}
			bare, err := k.GenerateDataKeyWithoutPlaintext(ctx, key, size, prod)
			if err != nil || bare.Plaintext != nil {
				t.Fatalf("%v, %v", bare, err)
			}
			if back, err = k.DecryptDataKey(ctx, bare.Ciphertext, prod); err != nil || len(back.Plaintext) != size {
				t.Fatalf("%v, %v", back, err)
			}
			kept := back.Plaintext
			if back.Destroy(); back.Plaintext != nil || !bytes.Equal(kept, make([]byte, size)) {
				t.Error("Destroy left the plaintext")
			}
		}
	}
}

// A caller may use the buffer of a ciphertext again, and a data key's plaintext may
// grow: neither is any other's memory.
func TestDataKeyIsACopy(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key := newKey(t, k, kms.KeySpecAES256)
	for _, size := range []int{1, 16, 32, 33} {
		dek, err := k.GenerateDataKey(ctx, key, size, prod)
		must(t, err)
		buf := bytes.Clone(dek.Ciphertext)
		back, err := k.DecryptDataKey(ctx, buf, prod)
		must(t, err)
		clear(buf)
		_ = append(back.Plaintext, make([]byte, 64)...)
		if !bytes.Equal(back.Ciphertext, dek.Ciphertext) || !bytes.Equal(back.Plaintext, dek.Plaintext) || back.KeyID != key {
			t.Errorf("%d bytes: %x, %x, %s", size, back.Plaintext, back.Ciphertext, back.KeyID)
		}
	}
}

// The digests are the vendors': SHA-256 under AES keys, SM3 under SM4 keys.
func TestDataKeyDigest(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	dek := make([]byte, 64)
	sum256 := sha256.Sum256(dek)
	sm3 := gm.Default().NewSM3()
	sm3.Write(dek)
	digests := map[kms.KeySpec][]byte{kms.KeySpecAES256: sum256[:], kms.KeySpecSM4: sm3.Sum(nil)}
	if fmt.Sprintf("%X", sum256)[:8] != "F5A5FD42" { // Huawei Cloud's published sample
		t.Fatal("not the published digest")
	}
	for _, spec := range specs {
		key := newKey(t, k, spec)
		for of, digest := range digests {
			_, err := k.EncryptDataKey(ctx, key, dek, digest, nil)
			if of == spec {
				must(t, err)
			} else {
				want(t, err, kms.ErrDigestMismatch)
			}
		}
		for _, bad := range [][]byte{{}, digests[spec][:31], append(bytes.Clone(digests[spec]), 0)} {
			_, err := k.EncryptDataKey(ctx, key, dek, bad, nil)
			want(t, err, kms.ErrDigestMismatch)
			_, err = k.DryRun().EncryptDataKey(ctx, key, dek, bad, nil)
			want(t, err, kms.ErrDigestMismatch)
		}
	}
}

// A data key does not show, however it is printed.
func TestDataKeyHidesPlaintext(t *testing.T) {
	k := kmstest.New(t)
	dek, err := k.EncryptDataKey(t.Context(), newKey(t, k, kms.KeySpecAES256), []byte("SECRETSECRETSECRET"), nil, nil)
	must(t, err)
	dek.Plaintext = []byte("SECRETSECRETSECRET")
	var out bytes.Buffer
	for _, v := range []any{dek, *dek, []any{dek}, struct{ D *kms.DataKey }{dek}, map[string]kms.DataKey{"d": *dek}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb, v)
		}
		b, err := json.Marshal(v)
		must(t, err)
		out.Write(b)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "d", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "d", v)
	}
	for _, form := range []string{"SECRET", fmt.Sprintf("%x", "SECRET"), fmt.Sprintf("%X", "SECRET"), "U0VDUkVU", "83 69 67"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the plaintext shows as %s in\n%s", form, out.String())
		}
	}
}

func TestPurposesDoNotMix(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key := newKey(t, k, kms.KeySpecAES256)
	dek, err := k.GenerateDataKey(ctx, key, 32, nil)
	must(t, err)
	_, err = k.Decrypt(ctx, dek.Ciphertext, nil)
	want(t, err, kms.ErrInvalidCiphertext)
	ct := encrypt(t, k, key, password, nil)
	_, err = k.DecryptDataKey(ctx, ct, nil)
	want(t, err, kms.ErrInvalidCiphertext)
	ct[2] = byte(kms.PurposeDataKey)
	_, err = k.DecryptDataKey(ctx, ct, nil)
	want(t, err, kms.ErrInvalidCiphertext)
}

func TestDecryptWith(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key, other := newKey(t, k, kms.KeySpecAES256), newKey(t, k, kms.KeySpecAES256)
	must(t, k.CreateAlias(ctx, "alias/other", other))
	ct := encrypt(t, k, key, password, nil)
	for _, ref := range []string{other, "alias/other"} {
		_, err := k.DecryptWith(ctx, ref, ct, nil)
		want(t, err, kms.ErrInvalidCiphertext)
	}
	_, err := k.DecryptWith(ctx, "", ct, nil) // no key is not any key
	want(t, err, kms.ErrInvalidKeyRef)
	dek, err := k.GenerateDataKey(ctx, key, 32, nil)
	must(t, err)
	_, err = k.DecryptDataKeyWith(ctx, "", dek.Ciphertext, nil)
	want(t, err, kms.ErrInvalidKeyRef)
	_, err = k.DecryptDataKeyWith(ctx, other, dek.Ciphertext, nil)
	want(t, err, kms.ErrInvalidCiphertext)
	// Nor does the other key's state or want of a version show, which are not asked.
	_, err = k.RotateKey(ctx, key)
	must(t, err)
	_, err = k.DecryptWith(ctx, other, encrypt(t, k, key, password, nil), nil)
	want(t, err, kms.ErrInvalidCiphertext)
	must(t, k.DisableKey(ctx, other))
	_, err = k.DecryptWith(ctx, other, ct, nil)
	want(t, err, kms.ErrInvalidCiphertext)
}

func TestParseCiphertext(t *testing.T) {
	k := kmstest.New(t)
	key := newKey(t, k, kms.KeySpecSM4)
	info, err := kms.ParseCiphertext(encrypt(t, k, key, []byte("hello"), prod))
	if err != nil || info != (kms.CiphertextInfo{
		Suite: kms.SuiteSM4, Purpose: kms.PurposeData, KeyID: key, KeyVersion: 1, PlaintextSize: 5,
	}) {
		t.Errorf("%+v, %v", info, err)
	}
	if s := fmt.Sprintf("%v %v", info.Suite, info.Purpose); s != "SM4 data" {
		t.Error(s)
	}
	_, err = kms.ParseCiphertext([]byte("hello"))
	want(t, err, kms.ErrInvalidCiphertext)
}

func TestErrorText(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key := newKey(t, k, kms.KeySpecAES256)
	must(t, k.CreateAlias(ctx, "alias/orders", key))
	ct := encrypt(t, k, key, password, nil)
	must(t, k.DisableKey(ctx, key))
	_, err := k.Encrypt(ctx, "alias/orders", password, nil)
	if got := err.Error(); got != "kms: Encrypt alias/orders: key is disabled" {
		t.Error(got)
	}
	_, err = k.Decrypt(ctx, ct, nil)
	if got := err.Error(); got != "kms: Decrypt "+key+": key is disabled" {
		t.Error(got)
	}
	_, err = k.Decrypt(ctx, ct[:20], nil)
	if got := err.Error(); got != "kms: Decrypt: ciphertext is invalid" {
		t.Error(got)
	}
	_, err = k.Decrypt(ctx, form(1), nil)
	if got := err.Error(); got != "kms: Decrypt 00000000-0000-0000-0000-000000000000: key not found" {
		t.Error(got)
	}
}

func TestClose(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key := newKey(t, k, kms.KeySpecAES256)
	ct := encrypt(t, k, key, password, nil)
	must(t, k.DryRun().Close()) // a view closes nothing
	if _, err := k.Decrypt(ctx, ct, nil); err != nil {
		t.Fatal(err)
	}
	must(t, k.Close())
	must(t, k.Close())
	for name, call := range everyCallWithKey(k, key) {
		if err := call(ctx); !errors.Is(err, kms.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, ref := range []string{"", unknown, "alias/none", "nonsense"} { // whatever else is wrong
		for name, call := range everyCallWithKey(k, ref) {
			if err := call(ctx); !errors.Is(err, kms.ErrClosed) {
				t.Errorf("%s %q: %v", name, ref, err)
			}
		}
	}
	_, err := k.Decrypt(ctx, ct[:5], nil)
	want(t, err, kms.ErrClosed)
	_, err = k.Encrypt(ctx, key, nil, nil)
	want(t, err, kms.ErrClosed)
	_, err = k.GenerateDataKey(ctx, key, 0, nil)
	want(t, err, kms.ErrClosed)
	_, err = k.Decrypt(ctx, ct, nil)
	want(t, err, kms.ErrClosed)
	_, err = k.CreateKey(ctx, nil)
	want(t, err, kms.ErrClosed)
	_, _, err = k.ReEncrypt(ctx, ct, nil, nil)
	want(t, err, kms.ErrClosed)
	for _, err := range k.Keys(ctx, "") {
		want(t, err, kms.ErrClosed)
	}
}

func TestDryRun(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k := open(t, store, nil)
	key := newKey(t, k, kms.KeySpecAES256)
	must(t, k.CreateAlias(ctx, "alias/taken", key))
	ct := encrypt(t, k, key, password, nil)
	dek, err := k.GenerateDataKey(ctx, key, 32, nil)
	must(t, err)
	before := slices.Collect(records(t, store, ""))
	dry := k.DryRun()
	calls := everyCallWithKey(dry, key)
	for _, name := range []string{ // TestStates makes these, and all others, in every state
		"CancelKeyDeletion", "ScheduleVersionDestruction", "CancelVersionDestruction",
		"ImportParameters", "ImportKeyMaterial", "DeleteImportedKeyMaterial",
	} {
		delete(calls, name)
	}
	calls["DecryptWith"] = func(ctx context.Context) error { _, err := dry.DecryptWith(ctx, key, ct, nil); return err }
	calls["DecryptDataKeyWith"] = func(ctx context.Context) error {
		_, err := dry.DecryptDataKeyWith(ctx, key, dek.Ciphertext, nil)
		return err
	}
	calls["Decrypt"] = func(ctx context.Context) error { _, err := dry.Decrypt(ctx, ct, prod); return err }
	calls["CreateKey"] = func(ctx context.Context) error { _, err := dry.CreateKey(ctx, nil); return err }
	calls["ReEncrypt"] = func(ctx context.Context) error { _, _, err := dry.ReEncrypt(ctx, ct, nil, nil); return err }
	calls["Keys"] = func(ctx context.Context) error {
		for _, err := range dry.Keys(ctx, "") {
			return err
		}
		return nil
	}
	addStoreCalls(dry, calls)
	delete(calls, "RemoveRoot") // of no root
	for name, call := range calls {
		if err := call(ctx); !errors.Is(err, kms.ErrDryRun) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The errors are those that the call would have met.
	want(t, dry.CreateAlias(ctx, "alias/taken", key), kms.ErrAliasExists)
	_, err = dry.CreateKey(ctx, &kms.CreateKeyOptions{Alias: "alias/taken"})
	want(t, err, kms.ErrAliasExists)
	must(t, k.DisableKey(ctx, key))
	_, err = dry.Encrypt(ctx, key, password, nil)
	want(t, err, kms.ErrKeyDisabled)
	_, err = dry.RotateKey(ctx, key)
	want(t, err, kms.ErrKeyDisabled)
	must(t, k.EnableKey(ctx, key))
	after := slices.Collect(records(t, store, ""))
	if len(after) != len(before) {
		t.Errorf("%d records, before %d", len(after), len(before))
	}
	for i := range before {
		if rev := after[i].Rev - before[i].Rev; rev != 0 && rev != 2 { // DisableKey and EnableKey
			t.Errorf("%s was written", before[i].Key)
		}
	}
}
