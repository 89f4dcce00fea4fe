//go:build !race

package kms_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/kmstest"
)

// The race detector allocates on its own account, so these run without it.
func TestAllocations(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	key := newKey(t, k, kms.KeySpecAES256)
	must(t, k.CreateAlias(ctx, "alias/orders", key))
	plaintext, raw := make([]byte, 1024), []byte("123aad")
	dst := make([]byte, 0, 2048)
	ct, ctRaw := encrypt(t, k, key, plaintext, prod), encrypt(t, k, key, plaintext, kms.AdditionalData(raw))
	dek, err := k.GenerateDataKey(ctx, key, 32, prod)
	must(t, err)
	// The largest contexts of which the comment on AppendEncrypt speaks.
	large := func(n int) kms.EncryptionContext {
		c := kms.EncryptionContext{}
		for i := range 8 {
			c[string(rune('a'+i))] = strings.Repeat("v", n/8-5)
		}
		return c
	}
	larger, largest := large(700), large(900)
	ctLargest := encrypt(t, k, key, plaintext, largest)
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		allocs float64
		call   func()
	}{
		"AppendEncrypt map":     {0, func() { _, err := k.AppendEncrypt(ctx, dst, key, plaintext, prod); check(err) }},
		"AppendEncrypt alias":   {0, func() { _, err := k.AppendEncrypt(ctx, dst, "alias/orders", plaintext, prod); check(err) }},
		"AppendEncrypt nothing": {0, func() { _, err := k.AppendEncrypt(ctx, dst, key, plaintext, nil); check(err) }},
		"AppendEncrypt literal": {0, func() {
			_, err := k.AppendEncrypt(ctx, dst, key, plaintext, kms.EncryptionContext{"service": "orders", "env": "prod"})
			check(err)
		}},
		"AppendEncrypt bytes": {0, func() { _, err := k.AppendEncrypt(ctx, dst, key, plaintext, kms.AdditionalData(raw)); check(err) }},
		"AppendDecrypt map":   {0, func() { _, err := k.AppendDecrypt(ctx, dst, ct, prod); check(err) }},
		"AppendDecrypt literal": {0, func() {
			_, err := k.AppendDecrypt(ctx, dst, ct, kms.EncryptionContext{"service": "orders", "env": "prod"})
			check(err)
		}},
		"AppendDecrypt bytes": {0, func() { _, err := k.AppendDecrypt(ctx, dst, ctRaw, kms.AdditionalData(raw)); check(err) }},
		"Encrypt":             {1, func() { _, err := k.Encrypt(ctx, key, plaintext, prod); check(err) }},
		"Decrypt":             {1, func() { _, err := k.Decrypt(ctx, ct, prod); check(err) }},
		"AppendEncrypt in turn": {0, func() {
			for _, aad := range []kms.AAD{prod, kms.EncryptionContext{"env": "test", "service": "orders"}, kms.AdditionalData(raw), nil} {
				_, err := k.AppendEncrypt(ctx, dst, key, plaintext, aad)
				check(err)
			}
		}},
		"AppendEncrypt large": {0, func() {
			for _, aad := range []kms.AAD{prod, larger, largest} {
				_, err := k.AppendEncrypt(ctx, dst, key, plaintext, aad)
				check(err)
			}
		}},
		"AppendDecrypt large": {0, func() { _, err := k.AppendDecrypt(ctx, dst, ctLargest, largest); check(err) }},
		"AppendDecrypt in turn": {0, func() {
			_, err := k.AppendDecrypt(ctx, dst, ct, prod)
			check(err)
			_, err = k.AppendDecrypt(ctx, dst, ctRaw, kms.AdditionalData(raw))
			check(err)
		}},
		// The result with its plaintext, and its ciphertext.
		"GenerateDataKey": {2, func() { _, err := k.GenerateDataKey(ctx, key, 32, prod); check(err) }},
		"DecryptDataKey":  {2, func() { _, err := k.DecryptDataKey(ctx, dek.Ciphertext, prod); check(err) }},
	} {
		if got := testing.AllocsPerRun(200, c.call); got > c.allocs {
			t.Errorf("%s: %v allocations, want %v", name, got, c.allocs)
		}
	}
}

// What cannot be a data key's ciphertext is refused before there is room for its
// plaintext.
func TestDataKeyRoom(t *testing.T) {
	k, huge := kmstest.New(t), make([]byte, 16<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := k.DecryptDataKey(t.Context(), huge, nil)
	runtime.ReadMemStats(&after)
	if want(t, err, kms.ErrInvalidCiphertext); after.TotalAlloc-before.TotalAlloc > 1<<20 {
		t.Errorf("%d bytes were allocated", after.TotalAlloc-before.TotalAlloc)
	}
}
