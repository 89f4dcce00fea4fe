package filestore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/embedkms/kms/internal/durable"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/filestore"
	"github.com/embedkms/kms/keystore/keystoretest"
)

func TestStore(t *testing.T) {
	keystoretest.Run(t, func(t *testing.T) func() keystore.Store {
		dir := fastDir(t)
		return func() keystore.Store { return openStore(t, dir) }
	})
}

func TestProcesses(t *testing.T) {
	keystoretest.RunProcesses(t, t.TempDir(), func(t *testing.T, dir string) keystore.Store {
		return openStore(t, dir)
	})
}

func FuzzStore(f *testing.F) {
	keystoretest.Fuzz(f, func(t *testing.T) keystore.Store { return openStore(t, fastDir(t)) })
}

// TestBlockedByLock has another process, as it were, hold the lock.
func TestBlockedByLock(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	keystoretest.RunBlocked(t, s, func() func() {
		release := holdLock(t, dir)
		// Readers do not wait for it.
		if _, err := s.Get(t.Context(), "key/a"); err != nil {
			t.Error(err)
		}
		if page, err := s.List(t.Context(), "", "", 10); err != nil || len(page) != 1 {
			t.Errorf("List: %d records, %v", len(page), err)
		}
		return release
	})
}

// TestBlockedByDisk has an fsync hang.
func TestBlockedByDisk(t *testing.T) {
	fsys := newFS()
	s := openFS(t, t.TempDir(), fsys)
	keystoretest.RunBlocked(t, s, func() func() {
		gate := make(chan struct{})
		fsys.before(func(call string) error {
			if isSync(call) {
				<-gate
			}
			return nil
		})
		return func() { close(gate) }
	})
}

// openStore opens dir until the test ends.
func openStore(t testing.TB, dir string) *filestore.Store {
	t.Helper()
	s, err := filestore.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// holdLock locks the store in dir as a writer of another process does.
func holdLock(t testing.TB, dir string) (release func()) {
	t.Helper()
	f, err := durable.OS{}.OpenFile(filepath.Join(dir, filestore.LockName), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := durable.TryLock(f); !ok || err != nil {
		t.Fatalf("lock: %v, %v", ok, err)
	}
	return func() { f.Close() }
}

func put(t testing.TB, s keystore.Store, key string, rev uint64, data string) {
	t.Helper()
	r := keystore.Record{Key: key, Rev: rev, Data: []byte(data)}
	if err := s.Put(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// wantRecord checks what is stored under key.
func wantRecord(t testing.TB, s keystore.Store, key string, rev uint64, data string) {
	t.Helper()
	r, err := s.Get(t.Context(), key)
	if err != nil || r.Rev != rev || string(r.Data) != data {
		t.Errorf("%s: revision %d, %q, %v, want %d, %q", key, r.Rev, r.Data, err, rev, data)
	}
}
