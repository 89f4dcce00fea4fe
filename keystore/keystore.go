// Package keystore defines where keys live: a small interface over opaque,
// versioned bytes that a file system, a database or a test's memory can
// implement in about a hundred lines.
//
// A store never sees a key, a name or a state. What it holds is sealed by the
// library before it arrives, bound to the store, the record key and the
// revision, so no driver can leak, mix up or misread anything; and because the
// formats live inside Data, a driver's schema never changes.
//
// Package keystoretest checks a driver against this contract.
package keystore

import (
	"context"
	"errors"
	"fmt"
)

// Limits of the contract. A driver refuses what lies outside them with
// ErrInvalid and writes nothing.
const (
	MaxKey   = 64        // bytes in a record key
	MaxData  = 512 << 10 // bytes in Record.Data; at least 1
	MaxLimit = 1000      // records in one List page; at least 1
)

// PageData is the data in bytes after which a driver may end a List page early, so
// that a page of large records does not fill the memory.
const PageData = 4 << 20

// Errors of a Store. They are definite: a driver returns one only when it is
// certain, and matches are made with errors.Is.
//
// Every other error means a read that failed, or a Put or Delete whose outcome
// is unknown: it may have happened, or may still happen.
var (
	ErrNotFound = errors.New("keystore: record not found")
	ErrConflict = errors.New("keystore: revision conflict")        // nothing was changed
	ErrInvalid  = errors.New("keystore: invalid argument")         // nothing was changed
	ErrCorrupt  = errors.New("keystore: damaged record")           // never reported as ErrNotFound
	ErrTooNew   = errors.New("keystore: record of a newer format") // upgrade to read it
	ErrClosed   = errors.New("keystore: store is closed")
)

// A Record is opaque bytes under a key, with the revision that orders its writes.
type Record struct {
	// Key is one or more segments [a-z0-9][a-z0-9_-]* joined by single
	// slashes, at most MaxKey bytes: lower case, no dots, so that no file
	// system or collation can confuse two keys.
	Key string

	// Rev is 1 when the record is created and exactly one more at each
	// replacement. The writer chooses it, so that it can be bound into Data
	// before the write.
	Rev uint64

	// Data is 1 to MaxData bytes of any value.
	Data []byte
}

// A Store keeps records.
//
// All methods may be called from many goroutines. Put and Delete are atomic
// and, with Get, linearizable per key over every handle and process that uses
// the same store. A nil error from Put or Delete means that the change is
// durable: it survives a crash of the process and the loss of power.
//
// A store keeps no reference to the Data it is given and returns none to the
// Data it holds. It honours ctx: a call returns at the latest 100 ms after ctx
// is done. A write cancelled after it was sent has an unknown outcome.
//
// A store starts no goroutine that outlives a call unless it is an io.Closer.
// After Close, every method returns ErrClosed.
type Store interface {
	// Get returns the record under key, or ErrNotFound, or ErrCorrupt when a
	// record is there but damaged, or ErrTooNew when a newer version of the
	// driver wrote it.
	Get(ctx context.Context, key string) (Record, error)

	// Put creates r if r.Rev is 1 and no record is there; otherwise it
	// replaces the record if the stored revision is r.Rev-1. In every other
	// case nothing changes and Put returns ErrConflict, or says like Get that
	// what is there cannot be read.
	Put(ctx context.Context, r Record) error

	// Delete removes the record if the stored revision is rev. It returns
	// ErrNotFound if there is no record and ErrConflict if the revision differs,
	// or says like Get that what is there cannot be read.
	Delete(ctx context.Context, key string, rev uint64) error

	// List returns up to limit records whose keys start with prefix and are
	// greater than after, in byte order of their keys. An empty prefix
	// matches all. A page may be shorter than limit; only an empty page ends
	// a scan, whose next page starts after the last key of this one. List
	// holds nothing between calls. A record that is there during a whole scan
	// appears in it exactly once, whatever else is written meanwhile.
	//
	// A record that Get could not read for damage or a newer format does not
	// hide the others: it appears in its place with a nil Data and Rev 0.
	List(ctx context.Context, prefix, after string, limit int) ([]Record, error)
}

// CheckKey returns ErrInvalid unless key is a well-formed record key.
func CheckKey(key string) error {
	if len(key) == 0 || len(key) > MaxKey {
		return fmt.Errorf("%w: record key of %d bytes, want 1 to %d", ErrInvalid, len(key), MaxKey)
	}
	start := true // at the first byte of a segment
	for i := range len(key) {
		c := key[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			start = false
		case (c == '_' || c == '-') && !start:
		case c == '/' && !start:
			start = true
		default:
			return fmt.Errorf("%w: record key %q", ErrInvalid, key)
		}
	}
	if start {
		return fmt.Errorf("%w: record key %q", ErrInvalid, key)
	}
	return nil
}

// CheckPut returns ErrInvalid unless r may be given to Put.
func CheckPut(r Record) error {
	if err := CheckKey(r.Key); err != nil {
		return err
	}
	if r.Rev == 0 {
		return fmt.Errorf("%w: revision 0", ErrInvalid)
	}
	if len(r.Data) == 0 || len(r.Data) > MaxData {
		return fmt.Errorf("%w: record of %d bytes, want 1 to %d", ErrInvalid, len(r.Data), MaxData)
	}
	return nil
}

// CheckList returns ErrInvalid unless limit may be given to List. A prefix and
// an after need no form: they are compared, not looked up.
func CheckList(limit int) error {
	if limit < 1 || limit > MaxLimit {
		return fmt.Errorf("%w: limit %d, want 1 to %d", ErrInvalid, limit, MaxLimit)
	}
	return nil
}
