package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/embedkms/kms"
)

func usage() {
	fmt.Fprint(flag.CommandLine.Output(), `usage: dbpassword
       dbpassword -dir keys seal      < password     > password.enc
       dbpassword -dir keys open      < password.enc
       dbpassword -dir keys rotate
       dbpassword -dir keys reencrypt < password.enc > new.enc

Without arguments it shows all of this in a temporary directory.

The key store is the directory keys/store and the root key the file
keys/root.key; the first seal creates both. In production the root key lives
elsewhere: whoever has a copy of both has the password.

Seal takes one newline off the end of the password; open adds none. Reencrypt
says on standard error whether anything changed.
`)
}

func isCommand(name string) bool {
	return name == "seal" || name == "open" || name == "rotate" || name == "reencrypt"
}

// run runs a command from one stream to another.
func run(ctx context.Context, dir, command string, stdin io.Reader, stdout io.Writer) error {
	k, closeKeys, err := openKeys(ctx, dir, command == "seal")
	if err != nil {
		return err
	}
	defer closeKeys()
	var input []byte
	if command != "rotate" {
		if input, err = io.ReadAll(stdin); err != nil {
			return err
		}
	}
	output, err := answer(ctx, k, command, input)
	if err != nil {
		return err
	}
	// Unchecked, a full disk would pass for success.
	_, err = stdout.Write(output)
	return err
}

// answer returns what a command makes of its input.
func answer(ctx context.Context, k *kms.KMS, command string, input []byte) ([]byte, error) {
	switch command {
	case "seal":
		if err := ensureKey(ctx, k); err != nil {
			return nil, err
		}
		sealed, err := seal(ctx, k, withoutNewline(input))
		return line(sealed), err
	case "open":
		return open(ctx, k, string(input))
	case "reencrypt":
		sealed, changed, err := reEncrypt(ctx, k, string(input))
		if err == nil {
			fmt.Fprintf(os.Stderr, "changed=%t\n", changed)
		}
		return line(sealed), err
	default:
		key, err := k.RotateKey(ctx, alias)
		if err != nil {
			return nil, err
		}
		return line(fmt.Sprintf("%s now encrypts under version %d", alias, key.PrimaryVersion)), nil
	}
}

func line(s string) []byte { return []byte(s + "\n") }

// withoutNewline takes one newline, of either kind, off the end of a password.
func withoutNewline(password []byte) []byte {
	password, cut := bytes.CutSuffix(password, []byte("\n"))
	if cut {
		password = bytes.TrimSuffix(password, []byte("\r"))
	}
	return password
}
