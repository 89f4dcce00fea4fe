package kms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

func TestOpenOptions(t *testing.T) {
	ctx := t.Context()
	for name, opts := range map[string]*kms.Options{
		"nil": nil, "zero": {}, "longest": {MaxStale: time.Minute}, "strict": {MaxStale: -1, OutageGrace: -1},
		"one key": {CacheKeys: 1},
	} {
		k := open(t, memstore.New(), opts)
		ct := encrypt(t, k, newKey(t, k, ""), password, nil)
		if pt, err := k.Decrypt(ctx, ct, nil); err != nil || !bytes.Equal(pt, password) {
			t.Errorf("%s: %q, %v", name, pt, err)
		}
	}
	for name, opts := range map[string]*kms.Options{
		"stale": {MaxStale: time.Minute + 1}, "cache": {CacheKeys: -1},
	} {
		_, err := kms.Open(ctx, memstore.New(), root(t, 1), opts)
		if want(t, err, kms.ErrInvalidArgument); err.Error()[:10] != "kms: Open:" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := kms.Open(ctx, nil, root(t, 1), nil)
	want(t, err, kms.ErrInvalidArgument)
	_, err = kms.Open(ctx, memstore.New(), nil, nil)
	want(t, err, kms.ErrInvalidArgument)
}

func TestMustExist(t *testing.T) {
	store := memstore.New()
	_, err := kms.Open(t.Context(), store, root(t, 1), &kms.Options{MustExist: true})
	want(t, err, kms.ErrInvalidState)
	if n := count(t, store, ""); n != 0 {
		t.Errorf("%d records were written", n)
	}
	open(t, store, nil)
	open(t, store, &kms.Options{MustExist: true})
}

// A store with records and no keyring is not a new store.
func TestRecordsWithoutKeyring(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	newKey(t, open(t, store, nil), "")
	rec, err := store.Get(ctx, keyring.Key)
	must(t, err)
	must(t, store.Delete(ctx, keyring.Key, rec.Rev))
	_, err = kms.Open(ctx, store, root(t, 1), nil)
	want(t, err, kms.ErrTampered)
	if n := count(t, store, "meta/"); n != 0 {
		t.Error("a keyring was written")
	}
}

// A rootFunc is a root key that answers what the test says.
type rootFunc struct {
	rootkey.Provider
	unwrap func() error
}

func (r rootFunc) Unwrap(ctx context.Context, wrapped, aad []byte) ([]byte, error) {
	if err := r.unwrap(); err != nil {
		return nil, err
	}
	return r.Provider.Unwrap(ctx, wrapped, aad)
}

func TestRoots(t *testing.T) {
	ctx := t.Context()
	store := memstore.New()
	open(t, store, nil)
	before, err := store.Get(ctx, keyring.Key)
	must(t, err)
	offline := errors.New("hsm: offline")
	for name, c := range map[string]struct {
		root     rootkey.Provider
		sentinel error
	}{
		"another root":     {root(t, 2), kms.ErrWrongRootKey},
		"says so":          {rootFunc{root(t, 1), func() error { return rootkey.ErrWrongKey }}, kms.ErrWrongRootKey},
		"cannot be asked":  {rootFunc{root(t, 1), func() error { return offline }}, kms.ErrRootUnavailable},
		"finds it altered": {rootFunc{root(t, 1), func() error { return rootkey.ErrTampered }}, kms.ErrTampered},
		"is too old":       {rootFunc{root(t, 1), func() error { return rootkey.ErrFormatTooNew }}, kms.ErrFormatTooNew},
	} {
		_, err := kms.Open(ctx, store, c.root, nil)
		want(t, err, c.sentinel)
		if c.sentinel == kms.ErrRootUnavailable && !errors.Is(err, offline) {
			t.Errorf("%s: %v does not carry its cause", name, err)
		}
	}
	if after, err := store.Get(ctx, keyring.Key); err != nil || after.Rev != 1 || !bytes.Equal(after.Data, before.Data) {
		t.Error("the keyring was changed")
	}
}

func TestOpenUnavailable(t *testing.T) {
	store := faultstore.New(memstore.New())
	store.SetDown(true)
	_, err := kms.Open(t.Context(), store, root(t, 1), nil)
	want(t, err, kms.ErrStoreUnavailable)
	if !errors.Is(err, faultstore.ErrFault) {
		t.Errorf("%v does not carry its cause", err)
	}
}

// However many open an empty store at once, there is one keyring: what each has
// encrypted, the others decrypt.
func TestOpenRace(t *testing.T) {
	for round := range 20 {
		store := faultstore.New(memstore.New())
		if round%2 == 1 {
			var first atomic.Bool // write, whose reply is lost
			store.Fault = func(c faultstore.Call) faultstore.Fault {
				if c.Method == "Put" && first.CompareAndSwap(false, true) {
					return faultstore.LoseReply
				}
				return faultstore.None
			}
		}
		openRace(t, func() keystore.Store { return store })
	}
	dir := t.TempDir()
	openRace(t, func() keystore.Store { return fileStore(t, dir) })
}

func openRace(t *testing.T, store func() keystore.Store) {
	t.Helper()
	var mu sync.Mutex
	var kmss []*kms.KMS
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			k, err := kms.Open(context.Background(), store(), root(t, 1), nil)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			kmss = append(kmss, k)
			mu.Unlock()
		})
	}
	wg.Wait()
	for _, k := range kmss {
		ct := encrypt(t, k, newKey(t, k, ""), password, nil)
		for _, other := range kmss {
			if pt, err := other.Decrypt(t.Context(), ct, nil); err != nil || !bytes.Equal(pt, password) {
				t.Fatalf("%q, %v", pt, err)
			}
		}
	}
	for _, k := range kmss {
		k.Close()
	}
}

func fileStore(tb testing.TB, dir string) *filestore.Store {
	tb.Helper()
	store, err := filestore.Open(dir, nil)
	must(tb, err)
	tb.Cleanup(func() { store.Close() })
	return store
}

const workerDir = "KMS_TEST_WORKER_DIR"

// Four processes open one empty directory at once, each creates keys, rotates a
// shared one and encrypts; one keyring comes of it, and this process decrypts
// everything.
func TestProcesses(t *testing.T) {
	if dir := os.Getenv(workerDir); dir != "" {
		worker(t, dir)
		return
	}
	dir := t.TempDir()
	var workers [4]*exec.Cmd
	var outputs [4]bytes.Buffer
	for i := range workers {
		workers[i] = exec.Command(os.Args[0], "-test.run=^TestProcesses$")
		workers[i].Env = append(os.Environ(), workerDir+"="+dir, fmt.Sprintf("WORKER=%d", i))
		workers[i].Stdout, workers[i].Stderr = &outputs[i], &outputs[i]
		must(t, workers[i].Start())
	}
	for i, w := range workers {
		if err := w.Wait(); err != nil {
			t.Fatalf("worker %d: %v\n%s", i, err, &outputs[i])
		}
	}
	k := open(t, fileStore(t, filepath.Join(dir, "store")), &kms.Options{MustExist: true})
	d, err := k.DescribeKey(t.Context(), "alias/shared")
	if err != nil || d.PrimaryVersion != 1+4*10 {
		t.Errorf("%+v, %v", d, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "ct-*"))
	if err != nil || len(files) != 4*10 {
		t.Fatalf("%d ciphertexts, %v", len(files), err)
	}
	for _, file := range files {
		ct, err := os.ReadFile(file)
		must(t, err)
		if pt, err := k.Decrypt(t.Context(), ct, prod); err != nil || !bytes.Equal(pt, password) {
			t.Errorf("%s: %q, %v", file, pt, err)
		}
	}
}

func worker(t *testing.T, dir string) {
	ctx := t.Context()
	k := open(t, fileStore(t, filepath.Join(dir, "store")), nil)
	_, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: "alias/shared"})
	if err != nil && !errors.Is(err, kms.ErrAliasExists) {
		t.Fatal(err)
	}
	for i := range 10 {
		_, err := k.RotateKey(ctx, "alias/shared")
		must(t, err)
		ct := encrypt(t, k, "alias/shared", password, prod)
		name := filepath.Join(dir, fmt.Sprintf("ct-%s-%d", os.Getenv("WORKER"), i))
		must(t, os.WriteFile(name, ct, 0o600))
	}
}

// The main job, across restarts, on the embedded default.
func TestFileStore(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	rootFile := filepath.Join(dir, "root.key")
	var cts [][]byte
	for version := range uint32(3) {
		r, err := rootkey.File(rootFile, &rootkey.FileOptions{Create: true})
		must(t, err)
		store := fileStore(t, filepath.Join(dir, "store"))
		k, err := kms.Open(ctx, store, r, nil)
		must(t, err)
		if version == 0 {
			_, err = k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: "alias/orders-db"})
		} else {
			_, err = k.RotateKey(ctx, "alias/orders-db")
		}
		must(t, err)
		cts = append(cts, encrypt(t, k, "alias/orders-db", password, prod))
		for i, ct := range cts {
			pt, err := k.Decrypt(ctx, ct, prod)
			info, _ := kms.ParseCiphertext(ct)
			if err != nil || !bytes.Equal(pt, password) || info.KeyVersion != uint32(i+1) {
				t.Errorf("version %d: %q, %v", info.KeyVersion, pt, err)
			}
		}
		must(t, k.Close())
		must(t, store.Close())
	}
}

// What filestore says of a damaged file, or of one that a newer version wrote,
// reaches the caller as such, not as an outage.
func TestDamagedFile(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	k := open(t, fileStore(t, dir), &kms.Options{MaxStale: -1})
	key := newKey(t, k, "")
	file := filepath.Join(dir, "key", key)
	good, err := os.ReadFile(file)
	must(t, err)
	newer := bytes.Clone(good)
	newer[7]++ // the version of the file's format
	for _, c := range []struct {
		file     []byte
		sentinel error
	}{{nil, kms.ErrTampered}, {good[:30], kms.ErrTampered}, {newer, kms.ErrFormatTooNew}} {
		must(t, os.WriteFile(file, c.file, 0o600))
		_, err := k.Encrypt(ctx, key, password, nil)
		want(t, err, c.sentinel)
		_, err = k.DescribeKey(ctx, key)
		want(t, err, c.sentinel)
		_, err = k.RotateKey(ctx, key)
		want(t, err, c.sentinel)
		for d, err := range k.Keys(ctx, "") {
			if want(t, err, c.sentinel); d.ID != key {
				t.Errorf("key %+v", d)
			}
		}
	}
	must(t, os.WriteFile(file, good, 0o600))
	encrypt(t, k, key, password, nil)
}

// A file that is no record, in a record's folder, is an error of its own in Keys.
func TestForeignFile(t *testing.T) {
	dir := t.TempDir()
	k := open(t, fileStore(t, dir), nil)
	key := newKey(t, k, "")
	good, err := os.ReadFile(filepath.Join(dir, "key", key))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "key", key+".bak"), good, 0o600))
	var ids []string
	for d, err := range k.Keys(t.Context(), "") {
		if ids = append(ids, d.ID); d.ID != key {
			want(t, err, kms.ErrTampered)
		}
	}
	if len(ids) != 2 || ids[0] != key || ids[1] != key+"/bak" {
		t.Errorf("keys %q", ids)
	}
}
