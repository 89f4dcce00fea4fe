package kms_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/faultstore"
	"github.com/embedkms/kms/keystore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

func TestRestoreRefusesNonEmpty(t *testing.T) {
	ctx := t.Context()
	s := newSample(t, 2)
	backup := s.export(t, root(t, 2))
	for _, key := range []string{"meta/keyring", "key/" + unknown, "alias/a", "usage/" + unknown, "token/a", "zzz", "0"} {
		store := memstore.New()
		must(t, store.Put(ctx, keystore.Record{Key: key, Rev: 1, Data: []byte{1}}))
		want(t, restore(t, store, root(t, 1), backup, root(t, 2)), kms.ErrStoreNotEmpty)
		if n := count(t, store, ""); n != 1 {
			t.Errorf("%s: %d records", key, n)
		}
	}
	empty := memstore.New()
	open(t, empty, nil)
	want(t, restore(t, empty, root(t, 1), backup, root(t, 2)), kms.ErrStoreNotEmpty)
	for name, err := range map[string]error{
		"store":       kms.Restore(ctx, nil, root(t, 1), bytes.NewReader(backup), root(t, 2)),
		"root":        kms.Restore(ctx, memstore.New(), nil, bytes.NewReader(backup), root(t, 2)),
		"backup":      kms.Restore(ctx, memstore.New(), root(t, 1), nil, root(t, 2)),
		"backup root": kms.Restore(ctx, memstore.New(), root(t, 1), bytes.NewReader(backup), nil),
	} {
		t.Run(name, func(t *testing.T) { want(t, err, kms.ErrInvalidArgument) })
	}
}

// refuses fails the test unless a backup is refused with one of these, before
// anything is written.
func refuses(t *testing.T, what string, backup []byte, backupRoot rootkey.Provider, sentinels ...error) {
	t.Helper()
	store := memstore.New()
	err := restore(t, store, root(t, 1), backup, backupRoot)
	matches := false
	for _, sentinel := range sentinels {
		matches = matches || errors.Is(err, sentinel)
	}
	if e, ok := errors.AsType[*kms.Error](err); !matches || !ok || e.Op != kms.OpRestore {
		t.Fatalf("%s: %v", what, err)
	}
	if n := count(t, store, ""); n != 0 {
		t.Fatalf("%s: %d records were written", what, n)
	}
}

// headerSize returns where the header of a backup ends.
func headerSize(backup []byte) int {
	n := 27 + int(backup[26])
	return n + 2 + int(binary.BigEndian.Uint16(backup[n:]))
}

// A backup that was cut, altered, extended or put together is refused whole.
func TestRestoreAltered(t *testing.T) {
	s := newSample(t, 8)
	p := root(t, 2)
	good := s.export(t, p)
	head := headerSize(good)
	for n := 0; n < len(good); n += 97 {
		refuses(t, fmt.Sprint("cut to ", n), good[:n], p, kms.ErrTampered)
	}
	refuses(t, "last byte cut", good[:len(good)-1], p, kms.ErrTampered)
	for bit := 0; bit < len(good)*8; bit += 31 {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		sentinels := []error{kms.ErrTampered}
		if bit/8 < head { // it may name another root, or a later format
			sentinels = append(sentinels, kms.ErrWrongRootKey, kms.ErrFormatTooNew)
		}
		refuses(t, fmt.Sprint("bit ", bit), bad, p, sentinels...)
	}
	for name, more := range map[string][]byte{"a byte": {0}, "a newline": {'\n'}, "itself": good, "its frames": good[head:]} {
		refuses(t, "extended by "+name, append(bytes.Clone(good), more...), p, kms.ErrTampered)
	}
	other := s.export(t, p)
	refuses(t, "frames of another", append(bytes.Clone(good[:head]), other[headerSize(other):]...), p, kms.ErrTampered)
	refuses(t, "random", bytes.Repeat([]byte("backup"), 1000), p, kms.ErrTampered)
	refuses(t, "another root", good, root(t, 3), kms.ErrWrongRootKey)
	refuses(t, "root of the store", good, root(t, 1), kms.ErrWrongRootKey)
	offline := rootFunc{p, func() error { return errors.New("hsm: offline") }}
	refuses(t, "offline", good, offline, kms.ErrRootUnavailable)
	words := s.export(t, passphrase(t, "right", ""))
	refuses(t, "another passphrase", words, passphrase(t, "wrong", ""), kms.ErrWrongRootKey)
	store := memstore.New()
	err := restore(t, store, wrapFunc{root(t, 1), func() error { return errors.New("hsm: read-only") }}, good, p)
	if want(t, err, kms.ErrRootUnavailable); count(t, store, "") != 0 {
		t.Error("records were written")
	}
}

var errDisk = errors.New("disk: full")

// A limited reads or writes this many bytes, and then fails.
type limited struct {
	bytes.Reader
	out  bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errDisk
	}
	return l.out.Write(p)
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errDisk
	}
	return l.Reader.Read(p)
}

// A writer or reader that fails is the cause, wherever it does.
func TestBackupFails(t *testing.T) {
	ctx := t.Context()
	s := newSample(t, 40)
	k := open(t, s.store, nil)
	good := s.export(t, root(t, 2))
	for n := 0; n < len(good); n += 1000 {
		w := &limited{left: n}
		err := k.Export(ctx, w, root(t, 2))
		if want(t, err, kms.ErrBackupFailed); !errors.Is(err, errDisk) {
			t.Errorf("%v does not carry its cause", err)
		}
		refuses(t, fmt.Sprint("part of ", n), w.out.Bytes(), root(t, 2), kms.ErrTampered)
	}
	for n := 0; n < len(good); n += 4096 {
		r, store := &limited{left: n}, memstore.New()
		r.Reset(good)
		err := kms.Restore(ctx, store, root(t, 1), r, root(t, 2))
		if want(t, err, kms.ErrBackupFailed); !errors.Is(err, errDisk) || count(t, store, "") != 0 {
			t.Errorf("%v; %d records", err, count(t, store, ""))
		}
	}
	err := kms.Restore(ctx, memstore.New(), root(t, 1), noSeek{bytes.NewReader(good)}, root(t, 2))
	if want(t, err, kms.ErrBackupFailed); !errors.Is(err, errDisk) {
		t.Errorf("%v does not carry its cause", err)
	}
}

type noSeek struct{ io.Reader }

func (noSeek) Seek(int64, int) (int64, error) { return 0, errDisk }

// A record that does not open ends Export, which says which, and what was
// written by then restores nothing.
func TestExportWithDamage(t *testing.T) {
	ctx := t.Context()
	for _, prefix := range []string{"alias/", "key/"} {
		s := newSample(t, 8)
		var last string
		for rec := range records(t, s.store, prefix) {
			last = rec.Key
		}
		damage(t, s.store, last)
		var out bytes.Buffer
		err := open(t, s.store, nil).Export(ctx, &out, root(t, 2))
		if want(t, err, kms.ErrTampered); !strings.Contains(err.Error(), last) {
			t.Errorf("%v does not name %s", err, last)
		}
		refuses(t, last, out.Bytes(), root(t, 2), kms.ErrTampered)
	}
}

// A file that was damaged is a record without data in the list of a store.
func TestMaintainAndExportDamagedFile(t *testing.T) {
	ctx := t.Context()
	dir, c := t.TempDir(), newClock()
	k := open(t, openFiles(t, dir), &kms.Options{Now: c.now})
	keys := []string{newPeriodic(t, k), newPeriodic(t, k), newPeriodic(t, k)}
	must(t, k.CreateAlias(ctx, "alias/a", keys[0]))
	must(t, k.RotateStorageKey(ctx))
	aliases, err := filepath.Glob(filepath.Join(dir, "alias", "*"))
	must(t, err)
	c.advance(30 * day)
	for i, file := range []string{filepath.Join(dir, "key", keys[1]), aliases[0]} {
		good, err := os.ReadFile(file)
		must(t, err)
		bad := bytes.Clone(good)
		bad[len(bad)-1] ^= 1
		must(t, os.WriteFile(file, bad, 0o600))
		name := filepath.Base(file)
		r, err := k.Maintain(ctx)
		if want(t, err, kms.ErrTampered); r.Failed != 1 || r.Rotated != []int{2, 1}[i] || r.OldStorageKeys == 0 ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("%+v, %v", r, err)
		}
		var out bytes.Buffer
		err = k.Export(ctx, &out, root(t, 2))
		if want(t, err, kms.ErrTampered); !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
		refuses(t, name, out.Bytes(), root(t, 2), kms.ErrTampered)
		must(t, os.WriteFile(file, good, 0o600))
	}
	if r := maintain(t, k); r.Rotated != 0 || r.OldStorageKeys != 0 {
		t.Errorf("%+v", r)
	}
	must(t, k.Export(ctx, io.Discard, root(t, 2)))
}

// A store that fails while it is restored does not pass for a new one, nor for
// a whole one.
func TestRestoreInterrupted(t *testing.T) {
	s := newSample(t, 8)
	p := root(t, 2)
	backup := s.export(t, p)
	for fault := faultstore.Refuse; fault <= faultstore.Late; fault++ {
		synctest.Test(t, func(t *testing.T) {
			for n := 1; interruptedRestore(t, s, n, fault, backup); n++ {
				if n > 100 {
					t.Fatal("it never ends")
				}
			}
		})
	}
}

// interruptedRestore breaks the n-th write and the store with it. It reports
// whether there was one.
func interruptedRestore(t *testing.T, s *sample, n int, fault faultstore.Fault, backup []byte) bool {
	inner := memstore.New()
	store := faultstore.New(inner)
	broken, repair := breakAt(store, n, fault)
	err := restore(t, store, root(t, 1), backup, root(t, 2))
	repair()
	if !broken() {
		must(t, err)
		k := open(t, store, &kms.Options{Now: s.clock.now, MustExist: true})
		s.check(t, k)
		must(t, k.Close())
		return false
	}
	if want(t, err, kms.ErrUnknownOutcome); !errors.Is(err, faultstore.ErrFault) {
		t.Errorf("%v does not carry its cause", err)
	}
	store.Land()
	stored := count(t, inner, "")
	if stored == 0 { // nothing happened
		must(t, restore(t, store, root(t, 1), backup, root(t, 2)))
		return true
	}
	if whole := count(t, inner, "meta/"); whole == 0 {
		_, err = kms.Open(t.Context(), store, root(t, 1), nil)
		want(t, err, kms.ErrTampered)
	}
	want(t, restore(t, store, root(t, 1), backup, root(t, 2)), kms.ErrStoreNotEmpty)
	if after := count(t, inner, ""); after != stored {
		t.Errorf("%d records, were %d", after, stored)
	}
	return true
}
