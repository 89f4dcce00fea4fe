package kms_test

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/kmstest"
)

// The benchmarks run raw AES-256-GCM beside the library: cached, with a random
// nonce, into a reused buffer, authenticating as many bytes. What counts is the
// ratio within one run; on a busy machine, of the fastest of several rounds:
//
//	go test -run '^$' -bench 'crypt$' -count 10 .

var (
	benchSizes    = []int{32, 1 << 10, 4 << 10}
	benchContexts = []struct {
		name    string
		aad     kms.AAD
		encoded int // bytes of the context's encoding
	}{
		{"two-pairs", prod, 31},
		{"none", nil, 1},
	}
)

// rawGCM is what the library is measured against.
func rawGCM(b *testing.B) cipher.AEAD {
	block, err := aes.NewCipher(make([]byte, 32))
	check(b, err)
	aead, err := cipher.NewGCMWithRandomNonce(block)
	check(b, err)
	return aead
}

// check is must without its cost, which is more than that of what is measured.
func check(b *testing.B, err error) {
	if err != nil {
		b.Fatal(err)
	}
}

// headerBytes are those before the context that the envelope authenticates.
const headerBytes = 67

func BenchmarkEncrypt(b *testing.B) {
	for _, c := range benchContexts {
		for _, size := range benchSizes {
			plaintext, dst := make([]byte, size), make([]byte, 0, size+kms.Overhead)
			b.Run(fmt.Sprintf("%s/%d/raw", c.name, size), func(b *testing.B) {
				aead, aad := rawGCM(b), make([]byte, headerBytes+c.encoded)
				b.ReportAllocs()
				for b.Loop() {
					aead.Seal(dst, nil, plaintext, aad)
				}
			})
			for _, spec := range specs {
				b.Run(fmt.Sprintf("%s/%d/%s", c.name, size, spec), func(b *testing.B) {
					k := kmstest.New(b)
					key := newKey(b, k, spec)
					b.ReportAllocs()
					for b.Loop() {
						_, err := k.AppendEncrypt(b.Context(), dst, key, plaintext, c.aad)
						check(b, err)
					}
				})
			}
		}
	}
}

func BenchmarkDecrypt(b *testing.B) {
	for _, c := range benchContexts {
		for _, size := range benchSizes {
			plaintext, dst := make([]byte, size), make([]byte, 0, size)
			b.Run(fmt.Sprintf("%s/%d/raw", c.name, size), func(b *testing.B) {
				aead, aad := rawGCM(b), make([]byte, headerBytes+c.encoded)
				ciphertext := aead.Seal(nil, nil, plaintext, aad)
				b.ReportAllocs()
				for b.Loop() {
					_, err := aead.Open(dst, nil, ciphertext, aad)
					check(b, err)
				}
			})
			for _, spec := range specs {
				b.Run(fmt.Sprintf("%s/%d/%s", c.name, size, spec), func(b *testing.B) {
					k := kmstest.New(b)
					ciphertext := encrypt(b, k, newKey(b, k, spec), plaintext, c.aad)
					b.ReportAllocs()
					for b.Loop() {
						_, err := k.AppendDecrypt(b.Context(), dst, ciphertext, c.aad)
						check(b, err)
					}
				})
			}
		}
	}
}

// Two cores against one, each with a key and a buffer in common.
func BenchmarkParallel(b *testing.B) {
	const size = 1 << 10
	plaintext := make([]byte, size)
	for _, procs := range []int{1, runtime.NumCPU()} {
		run := func(name string, op func(*testing.B) func(dst []byte)) {
			b.Run(fmt.Sprintf("%s/cores=%d", name, procs), func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				op := op(b)
				b.RunParallel(func(pb *testing.PB) {
					dst := make([]byte, 0, size+kms.Overhead)
					for pb.Next() {
						op(dst)
					}
				})
			})
		}
		run("encrypt/raw", func(b *testing.B) func([]byte) {
			aead, aad := rawGCM(b), make([]byte, headerBytes+31)
			return func(dst []byte) { aead.Seal(dst, nil, plaintext, aad) }
		})
		run("encrypt/kms", func(b *testing.B) func([]byte) {
			k := kmstest.New(b)
			key := newKey(b, k, kms.KeySpecAES256)
			return func(dst []byte) {
				_, err := k.AppendEncrypt(b.Context(), dst, key, plaintext, prod)
				check(b, err)
			}
		})
		run("decrypt/raw", func(b *testing.B) func([]byte) {
			aead, aad := rawGCM(b), make([]byte, headerBytes+31)
			ciphertext := aead.Seal(nil, nil, plaintext, aad)
			return func(dst []byte) {
				_, err := aead.Open(dst, nil, ciphertext, aad)
				check(b, err)
			}
		})
		run("decrypt/kms", func(b *testing.B) func([]byte) {
			k := kmstest.New(b)
			ciphertext := encrypt(b, k, newKey(b, k, kms.KeySpecAES256), plaintext, prod)
			return func(dst []byte) {
				_, err := k.AppendDecrypt(b.Context(), dst, ciphertext, prod)
				check(b, err)
			}
		})
	}
}

// One key of 1 and of 1,000 that are cached; by alias too.
func BenchmarkCachedKeys(b *testing.B) {
	plaintext, dst := make([]byte, 32), make([]byte, 0, 32+kms.Overhead)
	for _, n := range []int{1, 1000} {
		k := kmstest.New(b)
		var key string
		for range n {
			key = newKey(b, k, kms.KeySpecAES256)
			encrypt(b, k, key, plaintext, nil)
		}
		check(b, k.CreateAlias(b.Context(), "alias/orders-db", key))
		for name, ref := range map[string]string{"id": key, "alias": "alias/orders-db"} {
			b.Run(fmt.Sprintf("%s/keys=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					_, err := k.AppendEncrypt(b.Context(), dst, ref, plaintext, nil)
					check(b, err)
				}
			})
		}
	}
}

// The first decryption of a session: it derives the session's key.
func BenchmarkColdDecrypt(b *testing.B) {
	k := kmstest.New(b)
	for _, spec := range specs {
		key := newKey(b, k, spec)
		plaintext, dst := make([]byte, 64), make([]byte, 0, 64)
		cts := make([][]byte, 64) // more sessions than are remembered
		for i := range cts {
			runtime.GC() // empties the pools, so each has a session of its own
			runtime.GC()
			cts[i] = encrypt(b, k, key, plaintext, prod)
		}
		b.Run(string(spec), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_, err := k.AppendDecrypt(b.Context(), dst, cts[i%len(cts)], prod)
				check(b, err)
			}
		})
	}
}

func BenchmarkDataKey(b *testing.B) {
	k := kmstest.New(b)
	key := newKey(b, k, kms.KeySpecAES256)
	b.Run("generate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := k.GenerateDataKey(b.Context(), key, 32, prod)
			check(b, err)
		}
	})
	dek, err := k.GenerateDataKey(b.Context(), key, 32, prod)
	check(b, err)
	b.Run("decrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := k.DecryptDataKey(b.Context(), dek.Ciphertext, prod)
			check(b, err)
		}
	})
}

// A key that is not cached: one Get, opening the record, deriving its keys.
func BenchmarkLoad(b *testing.B) {
	for name, store := range map[string]keystore.Store{"memstore": memstore.New(), "filestore": fileStore(b, b.TempDir())} {
		b.Run(name, func(b *testing.B) {
			k := open(b, store, &kms.Options{MaxStale: -1, CacheKeys: 1})
			ciphertexts := [][]byte{
				encrypt(b, k, newKey(b, k, kms.KeySpecAES256), password, nil),
				encrypt(b, k, newKey(b, k, kms.KeySpecAES256), password, nil),
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_, err := k.Decrypt(b.Context(), ciphertexts[i%2], nil)
				check(b, err)
			}
		})
	}
}

func BenchmarkCreateAndRotate(b *testing.B) {
	for name, store := range map[string]keystore.Store{"memstore": memstore.New(), "filestore": fileStore(b, b.TempDir())} {
		k := open(b, store, nil)
		b.Run(name+"/create", func(b *testing.B) {
			for b.Loop() {
				newKey(b, k, kms.KeySpecAES256)
			}
		})
		b.Run(name+"/rotate", func(b *testing.B) {
			var key string
			for i := 0; b.Loop(); i++ {
				if i%100 == 0 {
					key = newKey(b, k, kms.KeySpecAES256)
				}
				_, err := k.RotateKey(b.Context(), key)
				check(b, err)
			}
		})
	}
}

// Memory is reported, not timed: bytes of heap for each AES key that is loaded,
// for a session of it that seals, and for one that it has opened.
func BenchmarkMemory(b *testing.B) {
	const n = 1000
	store := memstore.New()
	maker := open(b, store, nil)
	var keys []string
	var cts [][]byte
	for range n {
		keys = append(keys, newKey(b, maker, kms.KeySpecAES256))
		cts = append(cts, encrypt(b, maker, keys[len(keys)-1], password, nil))
	}
	perKey := func(do func(i int)) float64 {
		before := heap(2)
		for i := range n {
			do(i)
		}
		return (heap(2) - before) / n
	}
	for b.Loop() {
		k := open(b, store, nil)
		b.ReportMetric(perKey(func(i int) { // a wrong context loads the key and remembers nothing
			_, err := k.Decrypt(b.Context(), cts[i], prod)
			want(b, err, kms.ErrInvalidCiphertext)
		}), "B/loaded-key")
		b.ReportMetric(perKey(func(i int) {
			for range 2 { // from the second on
				_, err := k.Decrypt(b.Context(), cts[i], nil)
				check(b, err)
			}
		}), "B/opened-session")
		dst := make([]byte, 0, 512)
		defer debug.SetGCPercent(debug.SetGCPercent(-1))
		before := heap(2)
		for _, key := range keys {
			_, err := k.AppendEncrypt(b.Context(), dst, key, password, nil)
			check(b, err)
		}
		// The second collection would end what waits in a pool.
		b.ReportMetric((heap(1)-before)/n, "B/sealing-session")
		check(b, k.Close())
	}
}

// heap returns the bytes in use after so many collections.
func heap(collections int) float64 {
	for range collections {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
