package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/embedkms/kms"
)

const tourSize = 8 << 20 // of the file that the tour seals

// tour shows on w what the commands do, in a directory that it removes.
func tour(ctx context.Context, w io.Writer) error {
	tmp, err := os.MkdirTemp("", "envelope-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	say(w, "Open an empty key store, and make its root key, in %s, and create a key: %s",
		filepath.Join(tmp, "keys"), alias)
	k, closeKeys, err := openKeys(ctx, filepath.Join(tmp, "keys"), true)
	if err != nil {
		return err
	}
	defer closeKeys()
	if err := ensureKey(ctx, k); err != nil {
		return err
	}

	plaintext := make([]byte, tourSize)
	rand.Read(plaintext)
	in, sealed, out := filepath.Join(tmp, "in"), filepath.Join(tmp, "sealed"), filepath.Join(tmp, "out")
	if err := os.WriteFile(in, plaintext, 0o600); err != nil {
		return err
	}
	if err := showSeal(ctx, w, k, in, sealed); err != nil {
		return err
	}
	if err := showOpen(ctx, w, k, sealed, out, plaintext); err != nil {
		return err
	}
	if err := showDamage(ctx, w, k, sealed, out); err != nil {
		return err
	}
	say(w, "\nRotate %s: the file stays as it is, and still opens.", alias)
	if _, err := k.RotateKey(ctx, alias); err != nil {
		return err
	}
	if err := showOpen(ctx, w, k, sealed, out, plaintext); err != nil {
		return err
	}
	say(w, "\nDone; %s is removed.", tmp)
	return nil
}

func showSeal(ctx context.Context, w io.Writer, k *kms.KMS, in, sealed string) error {
	say(w, "\nSeal a file of %d bytes under a fresh data key:", tourSize)
	if err := sealFile(ctx, k, in, sealed); err != nil {
		return err
	}
	f, err := os.Open(sealed)
	if err != nil {
		return err
	}
	defer f.Close()
	head, encryptedKey, err := readHeader(f)
	if err != nil {
		return err
	}
	info, err := kms.ParseCiphertext(encryptedKey)
	if err != nil {
		return err
	}
	stat, err := f.Stat()
	if err != nil {
		return err
	}
	say(w, "  %d bytes: a header of %d and chunks of %d", stat.Size(), len(head), chunkSize+overhead)
	say(w, "  the header has the %s, of %d bytes, under %s, version %d",
		info.Purpose, info.PlaintextSize, info.KeyID, info.KeyVersion)
	return nil
}

func showOpen(ctx context.Context, w io.Writer, k *kms.KMS, sealed, out string, want []byte) error {
	say(w, "\nOpen it:")
	if err := openFile(ctx, k, sealed, out); err != nil {
		return err
	}
	got, err := os.ReadFile(out)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.New("the opened file is not the one that was sealed")
	}
	say(w, "  %d bytes, the same as before", len(got))
	return os.Remove(out)
}

// showDamage tries what must not work.
func showDamage(ctx context.Context, w io.Writer, k *kms.KMS, sealed, out string) error {
	good, err := os.ReadFile(sealed)
	if err != nil {
		return err
	}
	first := len(newHeader(make([]byte, 32+kms.Overhead)))
	chunk := func(n int) []byte { return good[first+n*(chunkSize+overhead):][:chunkSize+overhead] }
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	for _, damage := range []struct {
		what string
		file []byte
	}{
		{"Flip one bit in the middle", flipped},
		{"Cut off the last chunk", good[:len(good)-chunkSize-overhead]},
		{"Repeat the last chunk", append(bytes.Clone(good), chunk(tourSize/chunkSize-1)...)},
		{"Swap the first two chunks", bytes.Join([][]byte{
			good[:first], chunk(1), chunk(0), good[first+2*(chunkSize+overhead):]}, nil)},
	} {
		damaged := sealed + ".damaged"
		if err := os.WriteFile(damaged, damage.file, 0o600); err != nil {
			return err
		}
		err := openFile(ctx, k, damaged, out)
		if _, statErr := os.Stat(out); err == nil || statErr == nil {
			return fmt.Errorf("%s: the file opens", damage.what)
		}
		say(w, "\n%s:\n  error: %v; there is no output", damage.what, err)
	}
	return nil
}

func say(w io.Writer, format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
