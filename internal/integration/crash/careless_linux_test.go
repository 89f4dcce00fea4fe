//go:build amd64 || arm64

package crash_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/embedkms/kms/internal/durable"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
)

// A careless is a store that writes its files as many programs do. Nobody may use
// it: it is there to be caught.
type careless struct {
	fs  durable.FS
	dir string
	flaws
	mu sync.Mutex
}

// flaws are what a store does wrong; without any it is one to rely on.
type flaws struct {
	noFileSync bool // renames what may not be on the disk
	noDirSync  bool // forgets that a name is data as well
	noNewSync  bool // and does so where a record is new only
	inPlace    bool // over what is there, rather than beside it
}

func (x flaws) open(_ testing.TB, dir string) target.Store {
	return &careless{fs: flawedFS{flaws: x}, dir: dir, flaws: x}
}

// A flawedFS leaves out fsyncs.
type flawedFS struct {
	durable.OS
	flaws
}

func (f flawedFS) OpenFile(name string, flag int, perm fs.FileMode) (durable.File, error) {
	file, err := f.OS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	writes := flag&os.O_WRONLY != 0 // or it is a folder
	if writes && f.noFileSync || !writes && f.noDirSync {
		return unsynced{file}, nil
	}
	return file, nil
}

type unsynced struct{ durable.File }

func (unsynced) Sync() error { return nil }

func (s *careless) path(key string) string {
	return filepath.Join(s.dir, strings.ReplaceAll(key, "/", "."))
}

func (s *careless) Get(_ context.Context, key string) (keystore.Record, error) {
	b, err := os.ReadFile(s.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return keystore.Record{}, keystore.ErrNotFound
	}
	if err == nil && len(b) < 8 {
		err = fmt.Errorf("%w: %d bytes", keystore.ErrCorrupt, len(b))
	}
	if err != nil {
		return keystore.Record{}, err
	}
	return keystore.Record{Key: key, Rev: binary.BigEndian.Uint64(b), Data: b[8:]}, nil
}

func (s *careless) Put(ctx context.Context, r keystore.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now, _ := s.Get(ctx, r.Key); now.Rev != r.Rev-1 {
		return keystore.ErrConflict
	}
	b := append(binary.BigEndian.AppendUint64(nil, r.Rev), r.Data...)
	if err := s.write(s.path(r.Key), b); err != nil || r.Rev == 1 && s.noNewSync {
		return err
	}
	return durable.SyncDir(s.fs, s.dir)
}

func (s *careless) write(path string, b []byte) error {
	if !s.inPlace {
		temp, err := durable.WriteTemp(s.fs, s.dir, b)
		if err != nil {
			return err
		}
		return s.fs.Rename(temp, path)
	}
	f, err := s.fs.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}

func (s *careless) Delete(ctx context.Context, key string, rev uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now, err := s.Get(ctx, key); err != nil || now.Rev != rev {
		return errors.Join(err, keystore.ErrConflict)
	}
	if err := s.fs.Remove(s.path(key)); err != nil {
		return err
	}
	return durable.SyncDir(s.fs, s.dir)
}

func (s *careless) List(
	ctx context.Context, prefix, after string, limit int,
) (page []keystore.Record, err error) {
	entries, err := s.fs.ReadDir(s.dir)
	for _, e := range entries { // in order, as the keys are
		key := strings.ReplaceAll(e.Name(), ".", "/")
		if !strings.HasPrefix(key, prefix) || key <= after || len(page) == limit ||
			e.IsDir() || strings.HasPrefix(e.Name(), durable.TempPrefix) {
			continue
		}
		r, err := s.Get(ctx, key)
		if err != nil {
			r = keystore.Record{Key: key}
		}
		page = append(page, r)
	}
	return page, err
}

func (s *careless) Close() error { return nil }
