package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/embedkms/kms"
)

// tour shows on w what the commands do, in a directory that it removes.
func tour(ctx context.Context, w io.Writer) error {
	tmp, err := os.MkdirTemp("", "dbpassword-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	dir := filepath.Join(tmp, "keys")

	say(w, "Open an empty key store, and make its root key, in %s:", dir)
	k, closeKeys, err := openKeys(ctx, dir, true)
	if err != nil {
		return err
	}
	defer closeKeys()
	say(w, "  store/    one sealed file per key, safe to back up")
	say(w, "  root.key  32 random bytes, the one secret; in production it lives elsewhere")

	say(w, "\nCreate a key and call it %s:", alias)
	if err := ensureKey(ctx, k); err != nil {
		return err
	}
	key, err := k.DescribeKey(ctx, alias)
	if err != nil {
		return err
	}
	say(w, "  key %s, %s, %s, version %d", key.ID, key.Spec, key.State, key.PrimaryVersion)

	sealed, err := showSeal(ctx, w, k, "correct horse battery staple")
	if err != nil {
		return err
	}
	if err := showFailures(ctx, w, k, sealed); err != nil {
		return err
	}
	if err := showRotation(ctx, w, k, sealed); err != nil {
		return err
	}
	say(w, "\nDone; %s is removed.", tmp)
	return nil
}

// showSeal seals a password, looks at the result and opens it.
func showSeal(ctx context.Context, w io.Writer, k *kms.KMS, password string) (string, error) {
	say(w, "\nSeal the password %q, bound to %s:", password, show(binding))
	sealed, err := seal(ctx, k, []byte(password))
	if err != nil {
		return "", err
	}
	say(w, "  %s", sealed)
	if err := showInfo(w, sealed); err != nil {
		return "", err
	}
	return sealed, showOpen(ctx, w, k, sealed, "Open it again, with the same context:")
}

// showInfo says what a ciphertext tells without any key.
func showInfo(w io.Writer, sealed string) error {
	ciphertext, err := decode(sealed)
	if err != nil {
		return err
	}
	info, err := kms.ParseCiphertext(ciphertext)
	if err != nil {
		return err
	}
	say(w, "What anyone can read from it, with ParseCiphertext:")
	say(w, "  suite %s, %s, key %s, version %d, plaintext of %d bytes",
		info.Suite, info.Purpose, info.KeyID, info.KeyVersion, info.PlaintextSize)
	return nil
}

func showOpen(ctx context.Context, w io.Writer, k *kms.KMS, sealed, what string) error {
	password, err := open(ctx, k, sealed)
	if err != nil {
		return err
	}
	say(w, "%s\n  %q", what, password)
	return nil
}

// showFailures tries what must not work.
func showFailures(ctx context.Context, w io.Writer, k *kms.KMS, sealed string) error {
	ciphertext, err := decode(sealed)
	if err != nil {
		return err
	}
	other := kms.EncryptionContext{"service": "orders", "env": "test"}
	say(w, "\nOpen it with another context, %s:", show(other))
	if err := showFailure(ctx, w, k, ciphertext, other); err != nil {
		return err
	}
	say(w, "Flip one bit of it and open that:")
	ciphertext[len(ciphertext)-1] ^= 1
	return showFailure(ctx, w, k, ciphertext, binding)
}

func showFailure(ctx context.Context, w io.Writer, k *kms.KMS, ciphertext []byte, aad kms.AAD) error {
	_, err := k.DecryptWith(ctx, alias, ciphertext, aad)
	if !errors.Is(err, kms.ErrInvalidCiphertext) {
		return fmt.Errorf("want %q, got: %w", kms.ErrInvalidCiphertext, err)
	}
	say(w, "  error: %v", err)
	return nil
}

// showRotation rotates the key and brings what is sealed after it.
func showRotation(ctx context.Context, w io.Writer, k *kms.KMS, sealed string) error {
	say(w, "\nRotate the key:")
	key, err := k.RotateKey(ctx, alias)
	if err != nil {
		return err
	}
	say(w, "  %s now encrypts under version %d", alias, key.PrimaryVersion)
	if err := showOpen(ctx, w, k, sealed, "What was sealed under version 1 still opens:"); err != nil {
		return err
	}
	for _, what := range []string{
		"Re-encrypt it, so that version 1 will not be needed any more:",
		"Re-encrypt the result, as a job that goes over all rows again would:",
	} {
		var changed bool
		sealed, changed, err = reEncrypt(ctx, k, sealed)
		if err != nil {
			return err
		}
		say(w, "%s\n  changed=%t\n  %s", what, changed, sealed)
	}
	return showInfo(w, sealed)
}

func say(w io.Writer, format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// show returns a context as it would be written in JSON.
func show(c kms.EncryptionContext) string {
	return fmt.Sprintf(`{"service": %q, "env": %q}`, c["service"], c["env"])
}
