package filestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/embedkms/kms/internal/durable"
	"github.com/embedkms/kms/keystore"
)

const (
	lockName   = ".lock"
	formatName = ".format"

	formatText    = "github.com/embedkms/kms filestore, layout version "
	formatVersion = 1
)

// openWait is how long Open waits for the lock that a write holds for a moment.
const openWait = 10 * time.Second

// setUp creates or checks the directory and opens its lock.
func (s *Store) setUp(opts *Options) error {
	if err := durable.MkdirAll(s.fs, s.dir); err != nil {
		return wrap(err)
	}
	if !opts.AllowNetworkFS {
		if err := checkLocal(s.dir); err != nil {
			return err
		}
	}
	if err := s.checkDir(); err != nil {
		return err
	}
	f, err := s.fs.OpenFile(s.lockPath(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return wrap(err)
	}
	s.lockf = f
	if err := s.start(); err != nil {
		f.Close()
		return err
	}
	return nil
}

// start does, under the lock, what only one process may do.
func (s *Store) start() error {
	ctx, cancel := context.WithTimeout(context.Background(), openWait)
	defer cancel()
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if err := s.takeOver(); err != nil {
		return err
	}
	if err := s.removeTemps(); err != nil {
		return err
	}
	if ok, err := s.formatted(); ok || err != nil {
		return err
	}
	return s.format()
}

// removeTemps removes what crashed writers left. It is under the lock, so no
// file of a writer at work is among them; nothing depends on its success.
func (s *Store) removeTemps() error {
	temps, err := s.temps()
	for _, path := range temps {
		s.fs.Remove(path)
	}
	return err
}

// temps returns the temporary files in the folders that can be read.
func (s *Store) temps() (paths []string, err error) {
	folders, err := s.folders()
	for _, folder := range folders {
		entries, failed := s.fs.ReadDir(folder)
		err = cmp.Or(err, wrap(failed))
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), durable.TempPrefix) {
				paths = append(paths, filepath.Join(folder, e.Name()))
			}
		}
	}
	return paths, err
}

// format writes the marker of a new store.
func (s *Store) format() error {
	// The directory may be another process's work of a moment ago. Who cannot
	// read the parent did not create it either.
	err := durable.SyncDir(s.fs, filepath.Dir(s.dir))
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return wrap(err)
	}
	text := formatText + strconv.Itoa(formatVersion) + "\n"
	temp, err := s.writeTemp(s.dir, []byte(text))
	if err != nil {
		return err
	}
	defer s.fs.Remove(temp)
	return s.commit(s.dir, func() error {
		return s.fs.Link(temp, filepath.Join(s.dir, formatName))
	})
}

// formatted reports whether the directory is a store, of a version this package
// can use.
func (s *Store) formatted() (bool, error) {
	path := filepath.Join(s.dir, formatName)
	b, err := s.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, wrap(err)
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(string(b)), formatText)
	switch v, err := strconv.Atoi(text); {
	case !ok || err != nil || v < formatVersion:
		return false, fmt.Errorf("filestore: %s is damaged: it should read %q",
			path, formatText+strconv.Itoa(formatVersion))
	case v > formatVersion:
		return false, fmt.Errorf("filestore: %s has layout version %d, written by a newer "+
			"version of this module: upgrade to use it: %w", s.dir, v, keystore.ErrTooNew)
	}
	return true, nil
}

// checkDir decides whether the directory may be used as a store.
func (s *Store) checkDir() error {
	// In this order, the reverse of another process that sets it up just now:
	// who sees its files sees its marker and its mode.
	entries, err := s.fs.ReadDir(s.dir)
	if err != nil {
		return wrap(err)
	}
	if err := s.checkLinks(entries); err != nil {
		return err
	}
	ok, err := s.formatted()
	if err != nil {
		return err
	}
	info, err := os.Stat(s.dir)
	if err != nil {
		return wrap(err)
	}
	if !ok && len(entries) == 0 {
		return wrap(os.Chmod(s.dir, 0o700))
	}
	if !ok {
		if err := checkForeign(s.dir, entries); err != nil {
			return err
		}
	}
	return s.checkMode(info)
}

// checkLinks refuses a folder behind a symbolic link, which Get would follow and
// List would not.
func (s *Store) checkLinks(entries []fs.DirEntry) error {
	for _, e := range entries {
		if _, folder := startOf(e.Name(), true); folder && e.Type()&fs.ModeSymlink != 0 {
			return fmt.Errorf("filestore: %s is a symbolic link: make it a directory, or "+
				"link to the whole store", filepath.Join(s.dir, e.Name()))
		}
	}
	return nil
}

// checkMode refuses a directory that is not private.
func (s *Store) checkMode(info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("filestore: %s is accessible by group or others (mode %04o): "+
			"chmod 700 it if it is meant to hold keys", s.dir, mode)
	}
	return nil
}

// checkForeign refuses a directory without a marker that holds what looks like
// records: a restore that left out the dot files, or somebody's documents.
func checkForeign(dir string, entries []fs.DirEntry) error {
	for _, e := range entries {
		if _, ok := startOf(e.Name(), e.IsDir()); ok {
			return fmt.Errorf("filestore: %s has no %s, but contains %s: "+
				"open an empty directory, or restore the whole backup, dot files included",
				dir, formatName, e.Name())
		}
	}
	return nil
}
