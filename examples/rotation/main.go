// Rotation shows the whole life of a key, on a table whose rows are encrypted:
// rotation by a period, re-encryption of all rows, destruction of the old
// version, replacement of the key by another, and a backup that is restored.
//
//	rotation    a tour, in a temporary directory
//
// Months pass in it within a second, because the program sets its own clock. A
// service makes the same calls, with the days between them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/filestore"
	"github.com/embedkms/kms/rootkey"
)

// alias names the key by what it is for. The key behind it will change.
const alias = "alias/customers"

const (
	day    = 24 * time.Hour
	period = 90 * day // of rotation
	window = 7 * day  // between scheduling a destruction and the destruction
)

// A clock stands still until it is moved.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

// openKeys opens the key store dir/store with the root key dir/root.key, and
// makes what is missing. In production the root key is not beside the store:
// whoever copies both has every key.
func openKeys(ctx context.Context, dir string, c *clock) (*kms.KMS, func(), error) {
	root, err := rootkey.File(filepath.Join(dir, "root.key"), &rootkey.FileOptions{Create: true})
	if err != nil {
		return nil, nil, err
	}
	store, err := filestore.Open(filepath.Join(dir, "store"), nil)
	if err != nil {
		return nil, nil, err
	}
	// Now is for this tour and for tests. A service leaves it out.
	k, err := kms.Open(ctx, store, root, &kms.Options{Now: c.Now})
	if err != nil {
		store.Close()
		return nil, nil, err
	}
	return k, func() { k.Close(); store.Close() }, nil
}

func main() {
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "usage: rotation\n\n"+
			"It takes no arguments: it shows the life of a key in a temporary directory.\n")
	}
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := runTour(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "rotation:", err)
		os.Exit(1)
	}
}
