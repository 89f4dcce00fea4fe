package kms_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/filestore"
	"github.com/embedkms/kms/keystore/memstore"
	"github.com/embedkms/kms/rootkey"
)

// A service that keeps its keys in files: the store in one place, the root key,
// which opens all of it, in another.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	root, err := rootkey.File(filepath.Join(dir, "root.key"), &rootkey.FileOptions{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	store, err := filestore.Open(filepath.Join(dir, "keys"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	ctx := context.Background()
	k, err := kms.Open(ctx, store, root, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer k.Close()

	if _, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: "alias/orders"}); err != nil {
		log.Fatal(err)
	}
	ciphertext, err := k.Encrypt(ctx, "alias/orders", []byte("hello"), nil)
	if err != nil {
		log.Fatal(err)
	}
	plaintext, err := k.Decrypt(ctx, ciphertext, nil)
	fmt.Printf("%s, %v\n", plaintext, err)
	// Output: hello, <nil>
}

// openExample returns a KMS over a memory store, with a key alias/orders.
func openExample() *kms.KMS {
	root, err := rootkey.Static(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		log.Fatal(err)
	}
	k, err := kms.Open(context.Background(), memstore.New(), root, nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = k.CreateKey(context.Background(), &kms.CreateKeyOptions{
		Alias:       "alias/orders",
		Description: "rows of table orders",
	})
	if err != nil {
		log.Fatal(err)
	}
	return k
}

// A card number is bound to the order that it is of. Copied to another order it
// does not open.
func ExampleKMS_Encrypt() {
	k, ctx := openExample(), context.Background()
	defer k.Close()

	order := kms.EncryptionContext{"table": "orders", "order": "1001"}
	ciphertext, err := k.Encrypt(ctx, "alias/orders", []byte("4111 1111 1111 1111"), order)
	if err != nil {
		log.Fatal(err)
	}
	plaintext, err := k.Decrypt(ctx, ciphertext, order)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", plaintext)

	_, err = k.Decrypt(ctx, ciphertext, kms.EncryptionContext{"table": "orders", "order": "1002"})
	fmt.Println(err)
	// Output:
	// 4111 1111 1111 1111
	// kms: Decrypt: ciphertext is invalid
}

// Many small values in one buffer, which is allocated once.
func ExampleKMS_AppendEncrypt() {
	k, ctx := openExample(), context.Background()
	defer k.Close()

	buf := make([]byte, 0, 64+kms.Overhead)
	for _, name := range []string{"Ada", "Grace", "Barbara"} {
		ciphertext, err := k.AppendEncrypt(ctx, buf[:0], "alias/orders", []byte(name), nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(name, "takes", len(ciphertext), "bytes")
	}
	// Output:
	// Ada takes 98 bytes
	// Grace takes 100 bytes
	// Barbara takes 102 bytes
}

// What is too large for Encrypt is encrypted under a data key, here all at once.
// For files, see examples/envelope.
func ExampleKMS_GenerateDataKey() {
	k, ctx := openExample(), context.Background()
	defer k.Close()
	bound := kms.EncryptionContext{"report": "2026-07"}

	// Seal.
	data, err := k.GenerateDataKey(ctx, "alias/orders", 32, bound)
	if err != nil {
		log.Fatal(err)
	}
	aead := newGCM(data.Plaintext)
	sealed := aead.Seal(nil, nil, make([]byte, 1<<20), nil)
	data.Destroy()
	fmt.Println("after Destroy:", data.Plaintext == nil, len(data.Ciphertext))

	// Keep data.Ciphertext with sealed. To open it:
	data, err = k.DecryptDataKey(ctx, data.Ciphertext, bound)
	if err != nil {
		log.Fatal(err)
	}
	defer data.Destroy()
	report, err := newGCM(data.Plaintext).Open(nil, nil, sealed, nil)
	fmt.Println(len(report), err)
	// Output:
	// after Destroy: true 127
	// 1048576 <nil>
}

// newGCM returns an AEAD that draws its nonces.
func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		log.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		log.Fatal(err)
	}
	return aead
}

// A job that brings stored ciphertexts under the newest version of their key. It
// can run again at any time.
func ExampleKMS_ReEncrypt() {
	k, ctx := openExample(), context.Background()
	defer k.Close()
	row, err := k.Encrypt(ctx, "alias/orders", []byte("hello"), nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := k.RotateKey(ctx, "alias/orders"); err != nil {
		log.Fatal(err)
	}
	for range 2 {
		var changed bool
		row, changed, err = k.ReEncrypt(ctx, row, nil, nil)
		if err != nil {
			log.Fatal(err)
		}
		info, err := kms.ParseCiphertext(row)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("changed=%t, version %d\n", changed, info.KeyVersion)
	}
	// Output:
	// changed=true, version 2
	// changed=false, version 2
}

func ExampleParseCiphertext() {
	k, ctx := openExample(), context.Background()
	defer k.Close()
	ciphertext, err := k.Encrypt(ctx, "alias/orders", []byte("hello"), nil)
	if err != nil {
		log.Fatal(err)
	}
	key, err := k.DescribeKey(ctx, "alias/orders")
	if err != nil {
		log.Fatal(err)
	}

	info, err := kms.ParseCiphertext(ciphertext)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("suite:", info.Suite)
	fmt.Println("purpose:", info.Purpose)
	fmt.Println("key is alias/orders:", info.KeyID == key.ID)
	fmt.Println("key version:", info.KeyVersion)
	fmt.Println("plaintext:", info.PlaintextSize, "bytes")
	// Output:
	// suite: AES_256
	// purpose: data
	// key is alias/orders: true
	// key version: 1
	// plaintext: 5 bytes
}

// Two names for one key. A name that is taken stays with its key.
func ExampleKMS_CreateAlias() {
	k, ctx := openExample(), context.Background()
	defer k.Close()
	if err := k.CreateAlias(ctx, "alias/team/invoices", "alias/orders"); err != nil {
		log.Fatal(err)
	}
	ciphertext, err := k.Encrypt(ctx, "alias/team/invoices", []byte("hello"), nil)
	if err != nil {
		log.Fatal(err)
	}
	plaintext, err := k.DecryptWith(ctx, "alias/orders", ciphertext, nil)
	fmt.Printf("%s, %v\n", plaintext, err)

	fmt.Println(k.CreateAlias(ctx, "alias/team/invoices", "alias/orders"))
	// Output:
	// hello, <nil>
	// kms: CreateAlias alias/team/invoices: alias exists
}

// What an alert is told. A store with one root key, as here, is reported too.
func ExampleKMS_Check() {
	k, ctx := openExample(), context.Background()
	defer k.Close()
	recovery, err := rootkey.Static(bytes.Repeat([]byte("r"), 32))
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		health, err := k.Check(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("ready:", health.Ready, "fine:", health.OK(), "keys:", health.Keys)
		for _, p := range health.Problems {
			fmt.Println(p.Kind)
			if err := k.AddRoot(ctx, recovery); err != nil {
				log.Fatal(err)
			}
		}
	}
	// Output:
	// ready: true fine: false keys: 1
	// MissingRecoveryRoot
	// ready: true fine: true keys: 1
}

// A report of all keys. One that cannot be read does not end it.
func ExampleKMS_Keys() {
	k, ctx := openExample(), context.Background()
	defer k.Close()
	for key, err := range k.Keys(ctx, "") {
		if err != nil {
			log.Print(err)
			continue
		}
		fmt.Printf("%s, %s, version %d: %s\n", key.Spec, key.State, key.PrimaryVersion, key.Description)
	}
	// Output: AES_256, Enabled, version 1: rows of table orders
}

// Match sentinels with errors.Is. The *Error around them says which operation
// failed, and for which key.
func ExampleError() {
	k, ctx := openExample(), context.Background()
	defer k.Close()
	if err := k.DisableKey(ctx, "alias/orders"); err != nil {
		log.Fatal(err)
	}

	_, err := k.Encrypt(ctx, "alias/orders", []byte("hello"), nil)
	fmt.Println(err)
	fmt.Println("disabled:", errors.Is(err, kms.ErrKeyDisabled))
	if e, ok := errors.AsType[*kms.Error](err); ok {
		fmt.Println(e.Op, "with", e.Key)
	}
	// Output:
	// kms: Encrypt alias/orders: key is disabled
	// disabled: true
	// Encrypt with alias/orders
}

// At its start a service finds out whether it could do its work.
func ExampleKMS_DryRun() {
	k, ctx := openExample(), context.Background()
	defer k.Close()
	for _, alias := range []string{"alias/orders", "alias/odrers"} {
		_, err := k.DryRun().Encrypt(ctx, alias, []byte("x"), nil)
		if errors.Is(err, kms.ErrDryRun) {
			fmt.Println("fine:", alias)
		} else {
			fmt.Println(err)
		}
	}
	// Output:
	// fine: alias/orders
	// kms: Encrypt alias/odrers: alias not found
}
