package emmansun_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"slices"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/gm/emmansun"
	"github.com/embedkms/kms/internal/sm2"
	"github.com/embedkms/kms/keystore/memstore"
)

// BenchmarkKMS measures what the library adds to an operation: each is done bare,
// as the standard library or the provider does it, and by a KMS, in turns, so that
// a busy machine slows down both. It reports the medians and their ratio:
//
//	go test -run '^$' -bench KMS .
func BenchmarkKMS(b *testing.B) {
	for _, p := range []gm.Provider{gm.Default(), emmansun.Provider()} {
		benchmarkGM(b, p)
	}
	k := openKMS(b, memstore.New(), gm.Default())
	for _, bits := range []int{2048, 3072, 4096} {
		benchmarkRSA(b, k, bits)
	}
	benchmarkEC(b, k, kms.KeySpecECP256, elliptic.P256(), kms.AlgorithmECDSASHA256, make([]byte, sha256.Size))
	benchmarkEC(b, k, kms.KeySpecECP384, elliptic.P384(), kms.AlgorithmECDSASHA384, make([]byte, sha512.Size384))
	benchmarkMAC(b, k, kms.KeySpecHMACSHA256, sha256.New)
}

func benchmarkGM(b *testing.B, p gm.Provider) {
	k := openKMS(b, memstore.New(), p)
	b.Run(p.Name(), func(b *testing.B) {
		benchmarkGCM(b, k, p)
		benchmarkSM2(b, k, p)
		benchmarkMAC(b, k, kms.KeySpecHMACSM3, p.NewSM3)
	})
}

// compare measures an operation bare and by a KMS.
func compare(b *testing.B, name string, bare, kms func() error) {
	b.Run(name, func(b *testing.B) {
		calls := 1 // of each in a row
		for elapsed(b, calls, bare) < 50*time.Microsecond {
			calls *= 2
		}
		var times [2][]float64
		for b.Loop() {
			for i, f := range []func() error{bare, kms} {
				times[i] = append(times[i], float64(elapsed(b, calls, f))/float64(calls))
			}
		}
		with, without := median(times[1]), median(times[0])
		b.ReportMetric(without, "bare-ns")
		b.ReportMetric(with, "kms-ns")
		b.ReportMetric(with/without, "ratio")
		b.ReportMetric(0, "ns/op") // of both
	})
}

func elapsed(b *testing.B, calls int, f func() error) time.Duration {
	start := time.Now()
	for range calls {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}

func median(times []float64) float64 {
	slices.Sort(times)
	return times[len(times)/2]
}

// benchmarkGCM compares with SM4-GCM under a random nonce into a reused buffer,
// which authenticates as many bytes.
func benchmarkGCM(b *testing.B, k *kms.KMS, p gm.Provider) {
	aead, err := p.NewSM4GCM(new([16]byte))
	must(b, err)
	ctx, key := context.Background(), newKey(b, k, kms.KeySpecSM4, "")
	for _, size := range []int{32, 4096} {
		plaintext, aad := make([]byte, size), make([]byte, 67+1)
		buf := make([]byte, 0, size+kms.Overhead)
		nonce := make([]byte, 12)
		compare(b, fmt.Sprintf("SM4/encrypt/%d", size), func() error {
			rand.Read(nonce)
			aead.Seal(buf, nonce, plaintext, aad)
			return nil
		}, func() error {
			_, err := k.AppendEncrypt(ctx, buf, key, plaintext, nil)
			return err
		})
		raw := aead.Seal(nil, nonce, plaintext, aad)
		sealed, err := k.Encrypt(ctx, key, plaintext, nil)
		must(b, err)
		compare(b, fmt.Sprintf("SM4/decrypt/%d", size), func() error {
			_, err := aead.Open(buf, nonce, raw, aad)
			return err
		}, func() error {
			_, err := k.AppendDecrypt(ctx, buf, sealed, nil)
			return err
		})
	}
}

func benchmarkSM2(b *testing.B, k *kms.KMS, p gm.Provider) {
	ctx, d, digest := context.Background(), sm2.GenerateKey(), make([]byte, 32)
	private, err := p.SM2Private(&d)
	must(b, err)
	point := private.Public()
	public, err := p.SM2Public(&point)
	must(b, err)
	plaintext := make([]byte, 32)
	c, err := public.Encrypt(plaintext)
	must(b, err)
	rs, err := private.SignDigest((*[32]byte)(digest))
	must(b, err)

	encrypts, signs := newKey(b, k, kms.KeySpecSM2, ""), newKey(b, k, kms.KeySpecSM2, kms.KeyUsageSignVerify)
	out, err := k.EncryptAsymmetric(ctx, encrypts, kms.AlgorithmSM2Encrypt, plaintext)
	must(b, err)
	compare(b, "SM2/encrypt",
		func() error { _, err := public.Encrypt(plaintext); return err },
		func() error {
			_, err := k.EncryptAsymmetric(ctx, encrypts, kms.AlgorithmSM2Encrypt, plaintext)
			return err
		})
	compare(b, "SM2/decrypt",
		func() error { _, err := private.Decrypt(c); return err },
		func() error {
			_, err := k.DecryptAsymmetric(ctx, encrypts, 0, kms.AlgorithmSM2Encrypt, out.Ciphertext)
			return err
		})
	compareSignatures(b, "SM2", k, signs, kms.AlgorithmSM2DSASM3, digest,
		func() error { _, err := private.SignDigest((*[32]byte)(digest)); return err },
		func() error { return failed(public.VerifyDigest((*[32]byte)(digest), &rs)) })
}

var errFailed = errors.New("it does not verify")

func failed(ok bool) error {
	if ok {
		return nil
	}
	return errFailed
}

// compareSignatures compares signatures of a digest.
func compareSignatures(b *testing.B, name string, k *kms.KMS, key string, alg kms.Algorithm, digest []byte, sign, verify func() error) {
	ctx := context.Background()
	sig, err := k.Sign(ctx, key, alg, digest, kms.MessageTypeDigest)
	must(b, err)
	compare(b, name+"/sign", sign, func() error {
		_, err := k.Sign(ctx, key, alg, digest, kms.MessageTypeDigest)
		return err
	})
	compare(b, name+"/verify", verify, func() error {
		return k.Verify(ctx, key, 0, alg, digest, kms.MessageTypeDigest, sig.Signature)
	})
}

func benchmarkRSA(b *testing.B, k *kms.KMS, bits int) {
	ctx, name := context.Background(), fmt.Sprintf("RSA_%d", bits)
	private, err := rsa.GenerateKey(rand.Reader, bits)
	must(b, err)
	public, plaintext, digest := &private.PublicKey, make([]byte, 32), make([]byte, sha256.Size)
	c, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public, plaintext, nil)
	must(b, err)
	encrypts := newKey(b, k, kms.KeySpec(name), "")
	out, err := k.EncryptAsymmetric(ctx, encrypts, kms.AlgorithmRSAESOAEPSHA256, plaintext)
	must(b, err)
	compare(b, name+"/encrypt",
		func() error { _, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public, plaintext, nil); return err },
		func() error {
			_, err := k.EncryptAsymmetric(ctx, encrypts, kms.AlgorithmRSAESOAEPSHA256, plaintext)
			return err
		})
	compare(b, name+"/decrypt",
		func() error { _, err := rsa.DecryptOAEP(sha256.New(), nil, private, c, nil); return err },
		func() error {
			_, err := k.DecryptAsymmetric(ctx, encrypts, 0, kms.AlgorithmRSAESOAEPSHA256, out.Ciphertext)
			return err
		})
	opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	sig, err := rsa.SignPSS(rand.Reader, private, crypto.SHA256, digest, opts)
	must(b, err)
	signs := newKey(b, k, kms.KeySpec(name), kms.KeyUsageSignVerify)
	compareSignatures(b, name, k, signs, kms.AlgorithmRSASSAPSSSHA256, digest,
		func() error { _, err := rsa.SignPSS(rand.Reader, private, crypto.SHA256, digest, opts); return err },
		func() error { return rsa.VerifyPSS(public, crypto.SHA256, digest, sig, opts) })
}

func benchmarkEC(b *testing.B, k *kms.KMS, spec kms.KeySpec, curve elliptic.Curve, alg kms.Algorithm, digest []byte) {
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	must(b, err)
	sig, err := ecdsa.SignASN1(rand.Reader, private, digest)
	must(b, err)
	compareSignatures(b, string(spec), k, newKey(b, k, spec, ""), alg, digest,
		func() error { _, err := ecdsa.SignASN1(rand.Reader, private, digest); return err },
		func() error { return failed(ecdsa.VerifyASN1(&private.PublicKey, digest, sig)) })
}

func benchmarkMAC(b *testing.B, k *kms.KMS, spec kms.KeySpec, newHash func() hash.Hash) {
	key, secret, message := newKey(b, k, spec, ""), make([]byte, 32), make([]byte, 1024)
	compare(b, string(spec)+"/1024", func() error {
		h := hmac.New(newHash, secret)
		h.Write(message)
		h.Sum(nil)
		return nil
	}, func() error {
		_, err := k.GenerateMAC(context.Background(), key, message)
		return err
	})
}
