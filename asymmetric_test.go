package kms_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/kmstest"
)

func newPairKey(tb testing.TB, k *kms.KMS, spec kms.KeySpec, usage kms.KeyUsage) string {
	tb.Helper()
	key, err := k.CreateKey(tb.Context(), &kms.CreateKeyOptions{Spec: spec, Usage: usage})
	must(tb, err)
	return key.ID
}

// A ciphertext decrypts under its key, version and algorithm, and under no other.
func TestDecryptAsymmetricNeedsAll(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	for spec, alg := range map[kms.KeySpec]kms.Algorithm{
		kms.KeySpecRSA2048: kms.AlgorithmRSAESOAEPSHA256, kms.KeySpecSM2: kms.AlgorithmSM2Encrypt,
	} {
		key, other := newPairKey(t, k, spec, ""), newPairKey(t, k, spec, "")
		out, err := k.EncryptAsymmetric(ctx, key, alg, password)
		must(t, err)
		_, err = k.RotateKey(ctx, key)
		must(t, err)
		if plaintext, err := k.DecryptAsymmetric(ctx, key, 1, alg, out.Ciphertext); err != nil || !bytes.Equal(plaintext, password) {
			t.Errorf("%s: %q, %v", spec, plaintext, err)
		}
		for name, call := range map[string]func() ([]byte, error){
			"primary version": func() ([]byte, error) { return k.DecryptAsymmetric(ctx, key, 0, alg, out.Ciphertext) },
			"other version":   func() ([]byte, error) { return k.DecryptAsymmetric(ctx, key, 2, alg, out.Ciphertext) },
			"other key":       func() ([]byte, error) { return k.DecryptAsymmetric(ctx, other, 1, alg, out.Ciphertext) },
			"nothing":         func() ([]byte, error) { return k.DecryptAsymmetric(ctx, key, 1, alg, nil) },
			"half":            func() ([]byte, error) { return k.DecryptAsymmetric(ctx, key, 1, alg, out.Ciphertext[:90]) },
			"more":            func() ([]byte, error) { return k.DecryptAsymmetric(ctx, key, 1, alg, append(out.Ciphertext, 0)) },
			"a flip": func() ([]byte, error) {
				flipped := bytes.Clone(out.Ciphertext)
				flipped[len(flipped)-1] ^= 1
				return k.DecryptAsymmetric(ctx, key, 1, alg, flipped)
			},
		} {
			plaintext, err := call()
			wantExactly(t, err, kms.ErrInvalidCiphertext, fmt.Sprintf("%s under %s", name, spec))
			if plaintext != nil {
				t.Errorf("%s under %s: %x", name, spec, plaintext)
			}
		}
		_, err = k.DecryptAsymmetric(ctx, key, 3, alg, out.Ciphertext)
		want(t, err, kms.ErrVersionNotFound)
	}
}

// wantExactly is want that also looks for causes, of which there must be none.
func wantExactly(t *testing.T, err, sentinel error, what string) {
	t.Helper()
	if e, ok := err.(*kms.Error); !ok || e.Err != sentinel {
		t.Errorf("%s: %v, want exactly %v", what, err, sentinel)
	}
}

func TestAsymmetricLimits(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	for _, c := range []struct {
		spec kms.KeySpec
		alg  kms.Algorithm
		most int
	}{
		{kms.KeySpecRSA2048, kms.AlgorithmRSAESOAEPSHA256, 190},
		{kms.KeySpecRSA3072, kms.AlgorithmRSAESOAEPSHA256, 318},
		{kms.KeySpecRSA4096, kms.AlgorithmRSAESOAEPSHA256, 446},
		{kms.KeySpecSM2, kms.AlgorithmSM2Encrypt, 1024},
	} {
		key := newPairKey(t, k, c.spec, "")
		for _, n := range []int{1, c.most} {
			out, err := k.EncryptAsymmetric(ctx, key, c.alg, make([]byte, n))
			must(t, err)
			plaintext, err := k.DecryptAsymmetric(ctx, key, 0, c.alg, out.Ciphertext)
			if err != nil || !bytes.Equal(plaintext, make([]byte, n)) {
				t.Errorf("%s, %d bytes: %x, %v", c.spec, n, plaintext, err)
			}
		}
		for _, n := range []int{0, c.most + 1, 1 << 20} {
			for _, k := range []*kms.KMS{k, k.DryRun()} {
				_, err := k.EncryptAsymmetric(ctx, key, c.alg, make([]byte, n))
				want(t, err, kms.ErrInvalidPlaintext)
				if limit := fmt.Sprintf("1 to %d", c.most); !strings.Contains(err.Error(), limit) {
					t.Errorf("%v does not name %s", err, limit)
				}
			}
		}
	}
}

// A version that another process has made a moment ago is found, and one that is
// scheduled for destruction is refused.
func TestVersionsOfPairs(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	k, other := open(t, store, nil), open(t, store, nil)
	key := newPairKey(t, k, kms.KeySpecECP256, "")
	sign := func() *kms.Signature {
		sig, err := k.Sign(ctx, key, kms.AlgorithmECDSASHA256, password, kms.MessageTypeRaw)
		must(t, err)
		return sig
	}
	verify := func(k *kms.KMS, version uint32, sig *kms.Signature) error {
		return k.Verify(ctx, key, version, sig.Algorithm, password, kms.MessageTypeRaw, sig.Signature)
	}
	first := sign()
	must(t, verify(other, 0, first)) // which has cached it
	_, err := k.RotateKey(ctx, key)
	must(t, err)
	second := sign()
	must(t, verify(other, second.KeyVersion, second))
	must(t, verify(other, 0, second))
	must(t, verify(other, 1, first))
	wantExactly(t, verify(k, 0, first), kms.ErrInvalidSignature, "under version 2")
	want(t, verify(k, 3, second), kms.ErrVersionNotFound)
	_, err = k.ScheduleVersionDestruction(ctx, key, 1, 0)
	must(t, err)
	want(t, verify(k, 1, first), kms.ErrKeyPendingDeletion)
	must(t, verify(k, 2, second))
}

// What is signed of a message is its digest, and everything else is refused.
func TestMessageTypes(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	for spec, digests := range map[kms.KeySpec]map[kms.Algorithm]func(key string) []byte{
		kms.KeySpecECP256: {kms.AlgorithmECDSASHA256: func(string) []byte {
			d := sha256.Sum256(password)
			return d[:]
		}},
		kms.KeySpecRSA2048: {kms.AlgorithmRSASSAPSSSHA256: func(string) []byte {
			d := sha256.Sum256(password)
			return d[:]
		}},
		kms.KeySpecSM2: {kms.AlgorithmSM2DSASM3: func(key string) []byte {
			p, err := k.PublicKey(ctx, key, 0)
			must(t, err)
			d, err := p.SM2Digest([]byte("1234567812345678"), password)
			must(t, err)
			return d
		}},
	} {
		key := newPairKey(t, k, spec, kms.KeyUsageSignVerify)
		for alg, digest := range digests {
			d := digest(key)
			for _, c := range []struct{ signed, verified kms.MessageType }{
				{kms.MessageTypeRaw, kms.MessageTypeDigest}, {kms.MessageTypeDigest, kms.MessageTypeRaw},
			} {
				message := map[kms.MessageType][]byte{kms.MessageTypeRaw: password, kms.MessageTypeDigest: d}
				sig, err := k.Sign(ctx, key, alg, message[c.signed], c.signed)
				must(t, err)
				must(t, k.Verify(ctx, key, 1, alg, message[c.verified], c.verified, sig.Signature))
				err = k.Verify(ctx, key, 1, alg, d, kms.MessageTypeRaw, sig.Signature)
				wantExactly(t, err, kms.ErrInvalidSignature, "the digest's digest")
			}
			for _, n := range []int{0, 31, 33, 64} {
				_, err := k.Sign(ctx, key, alg, make([]byte, n), kms.MessageTypeDigest)
				want(t, err, kms.ErrInvalidArgument)
				want(t, k.Verify(ctx, key, 0, alg, make([]byte, n), kms.MessageTypeDigest, d), kms.ErrInvalidArgument)
			}
			for _, mt := range []kms.MessageType{"", "raw", "HASH"} {
				_, err := k.Sign(ctx, key, alg, d, mt)
				want(t, err, kms.ErrInvalidArgument)
			}
			for _, sig := range [][]byte{nil, {}, {0x30}, d, make([]byte, 64), make([]byte, 256), make([]byte, 1<<16)} {
				err := k.Verify(ctx, key, 0, alg, d, kms.MessageTypeDigest, sig)
				wantExactly(t, err, kms.ErrInvalidSignature, fmt.Sprintf("signature %.20x", sig))
			}
		}
	}
}

func TestMAC(t *testing.T) {
	ctx := t.Context()
	k := kmstest.New(t)
	for _, spec := range macSpecs {
		key := newPairKey(t, k, spec, "")
		for _, message := range [][]byte{nil, password, make([]byte, 1<<20)} {
			mac, err := k.GenerateMAC(ctx, key, message)
			must(t, err)
			if len(mac.MAC) != 32 || mac.KeyVersion != 1 {
				t.Errorf("%s: %+v", spec, mac)
			}
			must(t, k.VerifyMAC(ctx, key, 0, message, mac.MAC))
			wantExactly(t, k.VerifyMAC(ctx, key, 1, append(message, 'x'), mac.MAC), kms.ErrInvalidSignature, "other message")
			for _, n := range []int{0, 16, 31} {
				wantExactly(t, k.VerifyMAC(ctx, key, 0, message, mac.MAC[:n]), kms.ErrInvalidSignature, "cut MAC")
			}
			wantExactly(t, k.VerifyMAC(ctx, key, 0, message, append(mac.MAC, 0)), kms.ErrInvalidSignature, "longer MAC")
		}
		old, err := k.GenerateMAC(ctx, key, password)
		must(t, err)
		_, err = k.RotateKey(ctx, key)
		must(t, err)
		wantExactly(t, k.VerifyMAC(ctx, key, 0, password, old.MAC), kms.ErrInvalidSignature, "rotated")
		must(t, k.VerifyMAC(ctx, key, old.KeyVersion, password, old.MAC))
	}
}

// A call that was cancelled before it began makes no pair, which would take seconds:
// it leaves the randomness where it was.
func TestCreateKeyCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	store := memstore.New()
	k := open(t, store, nil)
	before := slices.Collect(records(t, store, ""))
	draw := func() (b [32]byte) { rand.Read(b[:]); return b }
	cryptotest.SetGlobalRandom(t, 1)
	first := draw()
	cryptotest.SetGlobalRandom(t, 1)
	key, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Spec: kms.KeySpecRSA4096})
	if want(t, err, context.Canceled); key != nil || !errors.Is(err, kms.ErrStoreUnavailable) {
		t.Errorf("%+v, %v", key, err)
	}
	if draw() != first {
		t.Error("it has made something")
	}
	if after := slices.Collect(records(t, store, "")); !sameRecords(before, after) {
		t.Error("something was changed")
	}
}
