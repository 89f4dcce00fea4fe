// Dbpassword keeps the password of a database encrypted, so that it can lie in
// a repository, an image or a backup. It needs nothing but a directory.
//
//	dbpassword                                             a tour, in a temporary directory
//	dbpassword -dir keys seal      < password > password.enc
//	dbpassword -dir keys open      < password.enc
//	dbpassword -dir keys rotate
//	dbpassword -dir keys reencrypt < password.enc > new.enc
//
// The first seal creates the key. Seal takes one newline off the end of its
// input, since that is the editor's and not the password's; open prints the
// password and nothing else.
package main

import (
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/filestore"
	"github.com/embedkms/kms/rootkey"
)

// alias names the key by what it is for. What it stands for may change.
const alias = "alias/orders-db"

// binding is what a ciphertext is bound to: what it is the password of. It is
// not in the ciphertext, so one from a test system does not open here.
var binding = kms.EncryptionContext{"service": "orders", "env": "prod"}

// openKeys opens the key store dir/store with the root key dir/root.key. With
// create it makes what is missing; without, a wrong dir is an error.
//
// In production the root key is not beside the store: whoever copies both has
// every key. Mount it from elsewhere, or use another provider of package rootkey.
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
	_, err := k.CreateKey(ctx, &kms.CreateKeyOptions{
		Alias:       alias,
		Description: "password of the orders database",
	})
	if errors.Is(err, kms.ErrAliasExists) {
		return nil
	}
	return err
}

// seal encrypts a password.
func seal(ctx context.Context, k *kms.KMS, password []byte) (sealed string, err error) {
	ciphertext, err := k.Encrypt(ctx, alias, password, binding)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(ciphertext), nil
}

// open decrypts what seal returned. The ciphertext names its key and version,
// but this program knows which key it must be, and says so.
func open(ctx context.Context, k *kms.KMS, sealed string) (password []byte, err error) {
	ciphertext, err := decode(sealed)
	if err != nil {
		return nil, err
	}
	return k.DecryptWith(ctx, alias, ciphertext, binding)
}

// reEncrypt brings what seal returned under the newest version of the key. What
// is there already comes back as it is, with changed false.
func reEncrypt(ctx context.Context, k *kms.KMS, sealed string) (out string, changed bool, err error) {
	ciphertext, err := decode(sealed)
	if err != nil {
		return "", false, err
	}
	ciphertext, changed, err = k.ReEncrypt(ctx, ciphertext, binding, &kms.ReEncryptOptions{SourceKey: alias})
	if err != nil {
		return "", false, err
	}
	return base64.StdEncoding.EncodeToString(ciphertext), changed, nil
}

// decode reads base64, whose newlines do not count.
func decode(sealed string) ([]byte, error) {
	ciphertext, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, fmt.Errorf("input is not what seal wrote: %w", err)
	}
	return ciphertext, nil
}

func main() {
	dir := flag.String("dir", "", "the `directory` with the keys")
	flag.Usage = usage
	flag.Parse()

	var err error
	switch {
	case *dir == "" && flag.NArg() == 0:
		err = tour(context.Background(), os.Stdout)
	case *dir != "" && flag.NArg() == 1 && isCommand(flag.Arg(0)):
		err = run(context.Background(), *dir, flag.Arg(0), os.Stdin, os.Stdout)
	default:
		flag.Usage()
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dbpassword:", err)
		os.Exit(1)
	}
}
