// Envelope encrypts files of any size under data keys: each file under a fresh
// one of its own, which is kept in the file, encrypted under a key of the KMS.
// So the KMS never sees the file, and rotating its key rewrites no file.
//
//	envelope                        a tour, in a temporary directory
//	envelope -dir keys seal IN OUT
//	envelope -dir keys open IN OUT
//
// OUT appears when it is complete, and replaces what was there. A file that was
// altered, cut, extended or put together anew does not open, and OUT is then as
// it was. The first seal creates the key.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/filestore"
	"github.com/embedkms/kms/rootkey"
)

// alias names the key that data keys are encrypted under.
const alias = "alias/files"

// binding is what the data key of a file is bound to.
var binding = kms.EncryptionContext{"service": "orders", "purpose": "files"}

// sealFile encrypts the file in to the file out.
func sealFile(ctx context.Context, k *kms.KMS, in, out string) error {
	return convert(ctx, in, out, func(dst io.Writer, src io.Reader) error {
		data, err := k.GenerateDataKey(ctx, alias, 32, binding)
		if err != nil {
			return err
		}
		defer data.Destroy()
		return seal(dst, src, data.Plaintext, data.Ciphertext)
	})
}

// openFile decrypts the file in to the file out.
func openFile(ctx context.Context, k *kms.KMS, in, out string) error {
	return convert(ctx, in, out, func(dst io.Writer, src io.Reader) error {
		head, encryptedKey, err := readHeader(src)
		if err != nil {
			return err
		}
		data, err := k.DecryptDataKeyWith(ctx, alias, encryptedKey, binding)
		if err != nil {
			return err
		}
		defer data.Destroy()
		return open(dst, src, data.Plaintext, head)
	})
}

// convert writes out by way of a temporary file beside it, which takes its name
// only once f has returned nil: nobody ever reads a half-written file, or a
// plaintext whose end was not there to be checked.
func convert(ctx context.Context, in, out string, f func(dst io.Writer, src io.Reader) error) error {
	src, err := os.Open(in)
	if err != nil {
		return err
	}
	defer src.Close()
	// An interrupt makes reading fail, so that nothing is left behind.
	defer context.AfterFunc(ctx, func() { src.Close() })()
	tmp, err := os.CreateTemp(filepath.Dir(out), ".envelope-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	err = f(tmp, src)
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	src.Close() // Windows does not rename over an open file
	return os.Rename(tmp.Name(), out)
}

// openKeys opens the key store dir/store with the root key dir/root.key. With
// create it makes what is missing. In production the root key lives elsewhere.
func openKeys(ctx context.Context, dir string, create bool) (*kms.KMS, func(), error) {
	storeDir, newRoot := filepath.Join(dir, "store"), false
	if create {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, nil, err
		}
		// A store that exists needs its own root key, not a new one.
		_, err := os.Stat(storeDir)
		newRoot = errors.Is(err, fs.ErrNotExist)
	}
	root, err := rootkey.File(filepath.Join(dir, "root.key"), &rootkey.FileOptions{Create: newRoot})
	if err != nil {
		return nil, nil, err
	}
	store, err := filestore.Open(storeDir, nil)
	if err != nil {
		return nil, nil, err
	}
	k, err := kms.Open(ctx, store, root, &kms.Options{MustExist: !create})
	if err != nil {
		store.Close()
		return nil, nil, err
	}
	return k, func() { k.Close(); store.Close() }, nil
}

// ensureKey creates the key, unless this or another process has done so before.
func ensureKey(ctx context.Context, k *kms.KMS) error {
	_, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: alias})
	if errors.Is(err, kms.ErrAliasExists) {
		return nil
	}
	return err
}

func main() {
	dir := flag.String("dir", "", "the `directory` with the keys")
	flag.Usage = usage
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	var err error
	switch command := flag.Arg(0); {
	case *dir == "" && flag.NArg() == 0:
		err = tour(ctx, os.Stdout)
	case *dir != "" && flag.NArg() == 3 && (command == "seal" || command == "open"):
		err = run(ctx, *dir, command, flag.Arg(1), flag.Arg(2))
	default:
		flag.Usage()
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "envelope:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, command, in, out string) error {
	k, closeKeys, err := openKeys(ctx, dir, command == "seal")
	if err != nil {
		return err
	}
	defer closeKeys()
	if command == "open" {
		return openFile(ctx, k, in, out)
	}
	if err := ensureKey(ctx, k); err != nil {
		return err
	}
	return sealFile(ctx, k, in, out)
}

func usage() {
	fmt.Fprint(flag.CommandLine.Output(), `usage: envelope
       envelope -dir keys seal IN OUT
       envelope -dir keys open IN OUT

Without arguments it shows both in a temporary directory.

The key store is the directory keys/store and the root key the file
keys/root.key; the first seal creates both. In production the root key lives
elsewhere: whoever has a copy of both can open every file.

OUT appears when it is complete, with mode 0600, and replaces what was there.
`)
}
