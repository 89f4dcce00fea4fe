package crash_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/ackload"
	"github.com/embedkms/kms/internal/durable"
	"github.com/embedkms/kms/internal/integration/proof"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
)

const smallDisk = 6 << 20

// TestDiskFull fills a small disk while records are written. Writes fail, reads go
// on, nothing is lost, and with some room all goes on by itself.
func TestDiskFull(t *testing.T) {
	for _, x := range subjects() {
		t.Run(x.name, func(t *testing.T) {
			dir := mountSmall(t)
			s := x.open(t, dir)
			var ledger ackload.Ledger
			failed, took := fillUnderLoad(t, s, dir, &ledger)
			found := check(t, &ledger, s)
			must(t, s.Close())
			found.Add(check(t, &ledger, x.open(t, dir)))
			wantNone(t, found)
			noTemps(t, dir)
			proof.Report(t, "%d calls failed, %d writes acknowledged, %d lost, "+
				"%d corrupt, all goes on %v after there is room", failed, ledger.Acked(),
				found.Lost, found.Corrupt, took.Round(time.Millisecond))
		})
	}
}

// fillUnderLoad fills the disk in dir while records are written to s, until calls
// fail. It returns how many did, and how long it took until writes went on once
// there was room.
func fillUnderLoad(
	t *testing.T, s keystore.Store, dir string, ledger *ackload.Ledger,
) (failed int64, took time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var failures atomic.Int64
	ended := make(chan error, 1)
	go func() {
		ended <- ackload.Run(ctx, s, &ackload.Options{Writers: 2, Note: ledger.Note,
			Failed: func(error) { failures.Add(1) }})
	}()
	must(t, ledger.Advance(ctx))
	free := fill(t, dir)
	for failures.Load() < 20 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if _, err := s.List(ctx, "", "", keystore.MaxLimit); err != nil {
		t.Errorf("List on a full disk: %v", err)
	}
	free()
	begun := time.Now()
	must(t, ledger.Advance(ctx))
	if took = time.Since(begun); took > recovery {
		t.Errorf("writes go on %v after there is room, want %v", took, recovery)
	}
	cancel()
	must(t, <-ended)
	return failures.Load(), took
}

// TestDiskFullKMS has a KMS on a full disk: it serves, and changes nothing until
// there is room.
func TestDiskFullKMS(t *testing.T) {
	for _, x := range subjects() {
		t.Run(x.name, func(t *testing.T) {
			dir := mountSmall(t)
			k := target.OpenKMS(t, x.open(t, dir), nil)
			key, err := k.CreateKey(t.Context(), &kms.CreateKeyOptions{Alias: "alias/a"})
			must(t, err)
			free := fill(t, dir)
			rotated := rotateUntilFull(t, k, key.ID)
			text, err := k.Encrypt(t.Context(), "alias/a", []byte("v"), nil)
			must(t, err)
			free()
			now, err := k.RotateKey(t.Context(), key.ID)
			must(t, err)
			// The call that failed may have been made, as its error says.
			if n := now.PrimaryVersion; n != rotated+1 && n != rotated+2 || int(n) != len(now.Versions) {
				t.Errorf("version %d of %d, after %d", n, len(now.Versions), rotated)
			}
			k.Close()
			again := target.OpenKMS(t, x.open(t, dir), nil)
			got, err := again.Decrypt(t.Context(), text, nil)
			if err != nil || string(got) != "v" {
				t.Errorf("Decrypt: %q, %v", got, err)
			}
			noTemps(t, dir)
		})
	}
}

// rotateUntilFull returns the version of the last rotation before one fails, as it
// must on a full disk: what is left of the last blocks takes a few.
func rotateUntilFull(t *testing.T, k *kms.KMS, id string) (version uint32) {
	t.Helper()
	version = 1
	for range 200 {
		key, err := k.RotateKey(t.Context(), id)
		if err == nil {
			version = key.PrimaryVersion
			continue
		}
		if !errors.Is(err, kms.ErrStoreUnavailable) && !errors.Is(err, kms.ErrUnknownOutcome) {
			t.Errorf("RotateKey on a full disk: %v", err)
		}
		proof.Report(t, "RotateKey: %v", err)
		return version
	}
	t.Fatal("the disk is not full")
	return 0
}

// mountSmall mounts a new disk of 6 MB until the test ends.
func mountSmall(t *testing.T) (dir string) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	must(t, os.WriteFile(image, newImage(t, smallDisk), 0o600))
	dir, _ = mount(t, image, "defaults")
	return dir
}

// fill writes a file until the disk in dir is full, which free removes.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	must(t, err)
	for size := 64 << 10; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	must(t, f.Close())
	return func() { must(t, os.Remove(path)) }
}

// noTemps wants no temporary file in dir.
func noTemps(t *testing.T, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if strings.HasPrefix(d.Name(), durable.TempPrefix) {
			t.Errorf("left behind: %s", path)
		}
		return err
	}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
