package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/embedkms/kms/internal/durable"
	"github.com/embedkms/kms/keystore"
)

// Get implements keystore.Store. It takes no lock.
func (s *Store) Get(ctx context.Context, key string) (keystore.Record, error) {
	if err := s.enter(ctx); err != nil {
		return keystore.Record{}, err
	}
	defer s.calls.Done()
	if err := keystore.CheckKey(key); err != nil {
		return keystore.Record{}, err
	}
	r, err := s.load(key)
	missing := errors.Is(err, keystore.ErrNotFound)
	if err != nil && !missing {
		return keystore.Record{}, err
	}
	folder, _ := s.path(key)
	if err := s.settle(ctx, folder); err != nil {
		return keystore.Record{}, err
	}
	if missing {
		if err := s.attached(); err != nil {
			return keystore.Record{}, err
		}
	}
	return r, err
}

// Put implements keystore.Store.
func (s *Store) Put(ctx context.Context, r keystore.Record) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.calls.Done()
	if err := keystore.CheckPut(r); err != nil {
		return err
	}
	file := encode(r) // a copy: the write may outlive this call
	return s.exclusive(ctx, func() error { return s.put(r.Key, r.Rev, file) })
}

// Delete implements keystore.Store.
func (s *Store) Delete(ctx context.Context, key string, rev uint64) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.calls.Done()
	if err := keystore.CheckKey(key); err != nil {
		return err
	}
	return s.exclusive(ctx, func() error { return s.remove(key, rev) })
}

func (s *Store) put(key string, rev uint64, file []byte) error {
	switch r, err := s.load(key); {
	case err != nil && !errors.Is(err, keystore.ErrNotFound):
		return err
	case r.Rev != rev-1: // 0 where there is none
		return conflict(key, r.Rev, rev)
	}
	folder, path := s.path(key)
	temp, err := s.writeTemp(folder, file)
	if err != nil {
		return err
	}
	err = s.commit(folder, func() error {
		if rev > 1 {
			return s.fs.Rename(temp, path)
		}
		// Exclusive even if the lock is broken: no record is ever lost to one.
		defer s.fs.Remove(temp)
		return s.fs.Link(temp, path)
	})
	if err != nil {
		s.fs.Remove(temp)
	}
	if rev == 1 && errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("filestore: record %s: %w: created meanwhile", key, keystore.ErrConflict)
	}
	return err
}

func (s *Store) remove(key string, rev uint64) error {
	r, err := s.load(key)
	if err != nil {
		return err
	}
	if r.Rev != rev {
		return conflict(key, r.Rev, rev)
	}
	folder, path := s.path(key)
	return s.commit(folder, func() error { return s.fs.Remove(path) })
}

func conflict(key string, stored, rev uint64) error {
	return fmt.Errorf("filestore: record %s: %w: stored %d, given %d",
		key, keystore.ErrConflict, stored, rev)
}

// writeTemp writes a temporary file in folder, which it creates if need be.
func (s *Store) writeTemp(folder string, file []byte) (string, error) {
	temp, err := durable.WriteTemp(s.fs, folder, file)
	if errors.Is(err, fs.ErrNotExist) {
		err = s.commit(s.dir, func() error { return s.fs.Mkdir(folder, 0o700) })
		if err != nil {
			return "", err
		}
		temp, err = durable.WriteTemp(s.fs, folder, file)
	}
	return temp, s.final(err)
}

// load reads the record under key, which may not be durable.
func (s *Store) load(key string) (keystore.Record, error) {
	_, path := s.path(key)
	b, err := s.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return keystore.Record{}, fmt.Errorf("filestore: %w: %s", keystore.ErrNotFound, key)
	}
	if err != nil {
		return keystore.Record{}, wrap(err)
	}
	r, err := decode(key, b)
	if err != nil {
		return keystore.Record{}, fmt.Errorf("filestore: %s: %w", path, err)
	}
	return r, nil
}

// read returns the file at path, or as much of it as shows that it is no record.
func (s *Store) read(path string) ([]byte, error) {
	f, err := s.fs.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	b := make([]byte, min(info.Size(), int64(maxFile)+1))
	n, err := io.ReadFull(f, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // cut short meanwhile: no record either
	}
	return b[:n], err
}
