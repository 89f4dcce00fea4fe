package kms_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/settle"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/kmstest"
)

// FuzzParseCiphertext checks that what parses is what the header's bytes say,
// and that all else is the one error.
func FuzzParseCiphertext(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.ct)
	}
	f.Fuzz(func(t *testing.T, ct []byte) {
		info, err := kms.ParseCiphertext(ct)
		if err != nil {
			if want(t, err, kms.ErrInvalidCiphertext); err.Error() != "kms: ParseCiphertext: ciphertext is invalid" {
				t.Fatalf("error %q", err)
			}
			return
		}
		id := fmt.Sprintf("%x-%x-%x-%x-%x", ct[3:7], ct[7:9], ct[9:11], ct[11:13], ct[13:19])
		version := uint32(ct[19])<<24 | uint32(ct[20])<<16 | uint32(ct[21])<<8 | uint32(ct[22])
		if ct[0] != 0xC1 || info.Suite != kms.Suite(ct[1]) || info.Purpose != kms.Purpose(ct[2]) ||
			info.KeyID != id || info.KeyVersion != version || info.PlaintextSize != len(ct)-kms.Overhead {
			t.Fatalf("%x: %+v", ct, info)
		}
		if info.Suite < 1 || info.Suite > 2 || info.Purpose < 1 || info.Purpose > 3 || version == 0 ||
			info.PlaintextSize < 1 || info.PlaintextSize > kms.MaxPlaintext {
			t.Fatalf("%x parses: %+v", ct, info)
		}
	})
}

// A vector is a line of internal/suite/testdata/envelope.txt.
type vector struct {
	spec    kms.KeySpec
	purpose kms.Purpose
	context string // names and values between NULs, or bytes
	isMap   bool
	ct      []byte
}

func vectors(tb testing.TB) (list []vector) {
	tb.Helper()
	file, err := os.ReadFile("internal/suite/testdata/envelope.txt")
	must(tb, err)
	_, lines, _ := strings.Cut(string(file), "\n\n")
	for line := range strings.Lines(lines) {
		f := strings.Fields(line)
		v := vector{spec: kms.KeySpecAES256, purpose: kms.PurposeData}
		if f[0] == "SM4" {
			v.spec = kms.KeySpecSM4
		}
		switch f[1] {
		case "datakey":
			v.purpose = kms.PurposeDataKey
		case "privatekey":
			v.purpose = kms.PurposePrivateKey
		}
		switch f[2] {
		case "map":
			v.context, v.isMap = "a\x00b\x00tenant\x00acme", true
		case "raw":
			v.context = "123aad"
		}
		v.ct, err = hex.DecodeString(f[3])
		must(tb, err)
		list = append(list, v)
	}
	if len(list) != 7 {
		tb.Fatalf("%d vectors, want 7", len(list))
	}
	return list
}

// aadOf returns the AAD that a vector, or the fuzzer, means.
func aadOf(context string, isMap bool) kms.AAD {
	if !isMap {
		return kms.AdditionalData(context)
	}
	m := kms.EncryptionContext{}
	for pair := range slices.Chunk(strings.Split(context, "\x00"), 2) {
		if len(pair) == 2 {
			m[pair[0]] = pair[1]
		}
	}
	return m
}

// vectorKMS returns a KMS with the key of the vectors of a spec.
func vectorKMS(tb testing.TB, spec kms.KeySpec) *kms.KMS {
	tb.Helper()
	store := memstore.New()
	k := open(tb, store, nil)
	ring, err := keyring.Open(context.Background(), settle.NewWriter(store), root(tb, 1), true, time.Now())
	must(tb, err)
	material := make([]byte, map[kms.KeySpec]int{kms.KeySpecAES256: 32, kms.KeySpecSM4: 16}[spec])
	for i := range material {
		material[i] = byte(i)
	}
	key := record.Key{
		Spec: string(spec), Usage: string(kms.KeyUsageEncryptDecrypt), Origin: string(kms.OriginKMS),
		Mode: record.Enabled, CreatedAt: time.Now(),
		Versions: []record.Version{{ID: [16]byte{1}, CreatedAt: time.Now(), Material: material}},
	}
	rec := keystore.Record{Key: "key/" + unknown, Rev: 1}
	rec.Data = ring.Seal(rec.Key, rec.Rev, key.Marshal())
	must(tb, store.Put(context.Background(), rec))
	return k
}

// The known answers open through the whole library.
func TestKnownAnswers(t *testing.T) {
	ctx := t.Context()
	for _, v := range vectors(t) {
		k, aad := vectorKMS(t, v.spec), aadOf(v.context, v.isMap)
		switch v.purpose {
		case kms.PurposeData:
			if pt, err := k.Decrypt(ctx, v.ct, aad); err != nil || string(pt) != "hello world" {
				t.Errorf("%q, %v", pt, err)
			}
		case kms.PurposeDataKey:
			if dek, err := k.DecryptDataKey(ctx, v.ct, aad); err != nil || dek.Plaintext[1] != 1 {
				t.Errorf("%v, %v", dek, err)
			}
		case kms.PurposePrivateKey:
			if pair, err := k.DecryptDataKeyPair(ctx, v.ct, aad); err != nil || pair.Spec != kms.KeySpecECP256 {
				t.Errorf("%v, %v", pair, err)
			}
		}
	}
}

// FuzzDecrypt checks that nothing decrypts but what was encrypted.
func FuzzDecrypt(f *testing.F) {
	kmss := map[kms.KeySpec]*kms.KMS{}
	for _, spec := range specs {
		kmss[spec] = vectorKMS(f, spec)
	}
	known := map[string]kms.Purpose{}
	name := func(sm4 bool, aad kms.AAD, ct []byte) string {
		if reflect.ValueOf(aad).Len() == 0 {
			aad = nil // empty ones bind nothing
		}
		return fmt.Sprintf("%v %T %q %x", sm4, aad, aad, ct)
	}
	for _, v := range vectors(f) {
		f.Add(v.spec == kms.KeySpecSM4, v.ct, v.context, v.isMap)
		known[name(v.spec == kms.KeySpecSM4, aadOf(v.context, v.isMap), v.ct)] = v.purpose
	}
	documented := []error{kms.ErrInvalidCiphertext, kms.ErrKeyNotFound, kms.ErrVersionNotFound, kms.ErrInvalidAAD}
	f.Fuzz(func(t *testing.T, sm4 bool, ct []byte, context string, isMap bool) {
		k := kmss[kms.KeySpecAES256]
		if sm4 {
			k = kmss[kms.KeySpecSM4]
		}
		aad, before := aadOf(context, isMap), bytes.Clone(ct)
		pt, err := k.Decrypt(t.Context(), ct, aad)
		dek, dekErr := k.DecryptDataKey(t.Context(), ct, aad)
		pair, pairErr := k.DecryptDataKeyPair(t.Context(), ct, aad)
		out, _, reErr := k.ReEncrypt(t.Context(), ct, aad, nil)
		if !bytes.Equal(ct, before) {
			t.Fatal("the ciphertext was changed")
		}
		purpose := known[name(sm4, aad, ct)]
		errs := []error{err, dekErr, pairErr, reErr}
		if (err == nil) != (purpose == kms.PurposeData) || (dekErr == nil) != (purpose == kms.PurposeDataKey) ||
			(pairErr == nil) != (purpose == kms.PurposePrivateKey) || (purpose != 0) != (reErr == nil) {
			t.Fatalf("%x with %q: %v", ct, context, errs)
		}
		for i, err := range errs {
			if err != nil && [...]bool{pt != nil, dek != nil, pair != nil, out != nil}[i] {
				t.Fatalf("returned something with %v", err)
			}
			if err != nil && !slices.ContainsFunc(documented, func(s error) bool { return errors.Is(err, s) }) {
				t.Fatal(err)
			}
		}
	})
}

// The grammar of key references, as the documentation has it.
var (
	idForm    = regexp.MustCompile(`^[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{12}$`)
	aliasForm = regexp.MustCompile(`^alias/[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$`)
)

// FuzzKeyRef checks the grammar of key references: IDs and aliases of the right
// form that do not exist are not found, all else is malformed.
func FuzzKeyRef(f *testing.F) {
	for _, ref := range []string{
		"", unknown, "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz", "0D0466B0-e727-4d9c-b35d-f84bb474a37f",
		"alias/a", "alias/a/b", "alias//", "alias/a/", "alias/ä", "alias/a\n", "Alias/a", "alias/-_Z9",
	} {
		f.Add(ref)
	}
	k := kmstest.New(f)
	key := newKey(f, k, "")
	f.Fuzz(func(t *testing.T, ref string) {
		_, err := k.Encrypt(t.Context(), ref, password, nil)
		_, described := k.DescribeKey(t.Context(), ref)
		switch isAlias := aliasForm.MatchString(ref) && len(ref) <= 256; {
		case isAlias && err == nil: // one that an earlier round has created
		case isAlias:
			want(t, err, kms.ErrAliasNotFound)
			want(t, described, kms.ErrAliasNotFound)
			must(t, k.CreateAlias(t.Context(), ref, key))
			_, err := k.Encrypt(t.Context(), ref, password, nil)
			must(t, err)
		case idForm.MatchString(ref):
			want(t, err, kms.ErrKeyNotFound)
			want(t, described, kms.ErrKeyNotFound)
		default:
			want(t, err, kms.ErrInvalidKeyRef)
			want(t, described, kms.ErrInvalidKeyRef)
			want(t, k.CreateAlias(t.Context(), ref, key), kms.ErrInvalidKeyRef)
		}
	})
}
