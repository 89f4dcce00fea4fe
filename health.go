package kms

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/embedkms/kms/keystore"
)

// Health is what Check has found.
type Health struct {
	Time time.Time // when the check began, by Options.Now

	// Ready says that this process can use the keys in the store: it answers,
	// and what is in memory opens it. It stays true with problems that a restart
	// or another process would have too, or that are of some keys only. This is
	// what to answer a readiness probe with.
	Ready bool

	// Complete says that the check came to its end. It is false if it ended early,
	// with an error or because the store stopped to answer. With a record that could
	// not be read, which is a problem, what cannot be told without it is not looked
	// for: aliases without a key, and records under other names.
	Complete bool

	// Problems are what somebody has to do something about: first those of the
	// store as a whole, then those of records, in the order of the scan.
	Problems []Problem
	Omitted  int // problems of records beyond the first 100 problems

	Roots       []RootHealth // that open the store, as it says
	StorageKeys int          // versions in the keyring; more than one until Maintain is done with the old
	Keys        int          // destroyed ones included
	Aliases     int          // that were not deleted
	Tokens      int          // for imports, used and expired ones included

	// Due is how many keys Maintain has something to do for, and DueSince the
	// longest that one of them waits for it.
	Due      int
	DueSince time.Time

	ReadTime  time.Duration // of one record
	WriteTime time.Duration // of one record; 0 if none was written

	// ClockBehind is how much later than this process's clock the latest time is
	// that any process has left in a record; 0 if none is later. A clock that is
	// ahead shows to the other processes.
	ClockBehind time.Duration
}

// OK reports whether all was looked at and nothing found: an alert may depend
// on it.
func (h *Health) OK() bool { return h.Complete && h.Ready && len(h.Problems) == 0 }

// RootHealth says of a root key of the store whether it was tried.
type RootHealth struct {
	RootInfo

	// Opens says that this process has the root key, as its own or in
	// Options.RecoveryRoots, and that it has just opened the keyring.
	Opens bool
}

// A Problem is one thing that Check has found wrong.
type Problem struct {
	Kind   ProblemKind
	Record string // the record key as the store has it, or the prefix of several; empty if it is about none
	Root   string // the ID of a root key, if it is about one
	Err    error  // what was met; carries a sentinel of this package, if there is one for it
}

// String returns, for instance, "OrphanAlias alias/gn5…: key not found: 0d04…".
func (p Problem) String() string {
	s := string(p.Kind)
	if p.Record != "" {
		s += " " + strings.Trim(strconv.QuoteToASCII(p.Record), `"`) // no line break, whatever a store says
	}
	if p.Root != "" {
		s += " root " + p.Root
	}
	return s + ": " + p.Err.Error()
}

// A ProblemKind says what is wrong. docs/operating.md says what to do about it.
type ProblemKind string

const (
	ProblemStoreUnreachable    ProblemKind = "StoreUnreachable"    // no record can be read
	ProblemStoreNotWritable    ProblemKind = "StoreNotWritable"    // read-only, full, or of others
	ProblemStoreUnreadable     ProblemKind = "StoreUnreadable"     // a record or a prefix, though others can be read
	ProblemStoreWarning        ProblemKind = "StoreWarning"        // what the store says of itself
	ProblemLeftover            ProblemKind = "Leftover"            // of a writer that was killed; harmless
	ProblemWrongRoot           ProblemKind = "WrongRoot"           // a root key does not open the store
	ProblemRootUnavailable     ProblemKind = "RootUnavailable"     // a root key did not answer
	ProblemMissingRecoveryRoot ProblemKind = "MissingRecoveryRoot" // one that should open the store, or any beside one
	ProblemTampered            ProblemKind = "Tampered"            // altered, or of another store
	ProblemDamaged             ProblemKind = "Damaged"             // the store cannot make sense of a record
	ProblemRollback            ProblemKind = "Rollback"            // an old copy came back
	ProblemNewerFormat         ProblemKind = "NewerFormat"         // a newer version of this module was here
	ProblemForeignRecord       ProblemKind = "ForeignRecord"       // under a name that is none of this module's
	ProblemOrphanAlias         ProblemKind = "OrphanAlias"         // an alias of a key that does not exist
	ProblemOverdue             ProblemKind = "Overdue"             // Maintain is not called, or fails
	ProblemClockSkew           ProblemKind = "ClockSkew"           // this clock is behind another process's
)

// problemKinds are what errors of reading make a problem, the first that fits.
var problemKinds = []struct {
	is   error
	kind ProblemKind
}{
	{keystore.ErrCorrupt, ProblemDamaged},
	{ErrFormatTooNew, ProblemNewerFormat},
	{ErrRollback, ProblemRollback},
	{ErrTampered, ProblemTampered},
	{ErrWrongRootKey, ProblemWrongRoot},
	{ErrRootUnavailable, ProblemRootUnavailable},
	{ErrLimitExceeded, ProblemOverdue}, // of versions, where one is due
}

// kindOf says what kind of problem an error is that reading a record has met.
func kindOf(err error) ProblemKind {
	for _, k := range problemKinds {
		if errors.Is(err, k.is) {
			return k.kind
		}
	}
	return ProblemStoreUnreadable
}
