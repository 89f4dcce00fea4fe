package keystoretest

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
)

// A lockless store keeps records in files and looks before it writes, without a
// lock between the processes.
type lockless struct {
	keystore.Store // for List: nothing
	dir            string
}

func (s *lockless) path(key string) string {
	return filepath.Join(s.dir, strings.ReplaceAll(key, "/", "."))
}

func (s *lockless) Get(ctx context.Context, key string) (keystore.Record, error) {
	b, err := os.ReadFile(s.path(key))
	if err != nil {
		return keystore.Record{}, keystore.ErrNotFound
	}
	return keystore.Record{Key: key, Rev: binary.BigEndian.Uint64(b), Data: b[8:]}, nil
}

func (s *lockless) Put(ctx context.Context, r keystore.Record) error {
	if old, _ := s.Get(ctx, r.Key); old.Rev != r.Rev-1 {
		return keystore.ErrConflict
	}
	time.Sleep(100 * time.Microsecond)
	f, err := os.CreateTemp(s.dir, ".tmp")
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(append(binary.BigEndian.AppendUint64(nil, r.Rev), r.Data...)); err != nil {
		return err
	}
	return os.Rename(f.Name(), s.path(r.Key))
}

// TestProcessesSensitive wants RunProcesses to find that updates are lost.
func TestProcessesSensitive(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("this careless store renames an open file, which Windows refuses")
	}
	open := func(dir string) keystore.Store { return &lockless{memstore.New(), dir} }
	if os.Getenv(workerVar) != "" {
		RunProcesses(t, "", func(t *testing.T, dir string) keystore.Store { return open(dir) })
		return
	}
	dir := t.TempDir()
	failures := watch(func(r tester) { supervise(r, t.Name(), dir, open(dir)) })
	// The counter is wrong, or goes back under a worker's eyes.
	text := strings.Join(failures, "\n")
	if !strings.Contains(text, `record "counter"`) && !strings.Contains(text, "revision conflict") {
		t.Errorf("failures: %q", failures)
	}
}

// A stuck store blocks writes, and does not look at ctx.
type stuck struct {
	keystore.Store
	mu sync.Mutex
}

func (s *stuck) Put(_ context.Context, r keystore.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Store.Put(context.Background(), r)
}

func TestBlockedSensitive(t *testing.T) {
	s := &stuck{Store: memstore.New()}
	failures := watch(func(r tester) {
		blocked(r, s, func() func() { s.mu.Lock(); return s.mu.Unlock })
	})
	if len(failures) == 0 {
		t.Error("a store that ignores ctx passes")
	}
}
