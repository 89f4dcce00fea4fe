// Package dump is the backup file of a key store: a stream of named entries,
// encrypted and authenticated under a root key. A dump that was edited, cut,
// extended, put in another order or made up of two does not pass for a whole
// one.
//
// # Format
//
// All integers are big-endian. A dump is a header, frames, and nothing behind
// the last frame:
//
//	header   D4 ‖ suite ‖ dump ID 16 ‖ u64 created ‖ u8 len ‖ root ID ‖ u16 len ‖ wrapped
//	frame    u8 kind ‖ u24 len ‖ nonce 24 ‖ ciphertext ‖ tag 16
//
// The suite is 1. The dump ID is random. Created is in milliseconds since 1970,
// UTC. The root ID has 1 to 255 bytes and names the root key in clear. Wrapped
// is DK, 32 random bytes that seal this dump only, as the root key's provider
// wrapped it with
//
//	aad = "kms-dump/v1" ‖ the header from D4 to the root ID
//
// A frame's len counts all that is behind it in the frame. It is sealed with
// XAES-256-GCM (https://c2sp.org/XAES-256-GCM), with
//
//	key = HKDF-SHA256(IKM = DK, salt = "kms-dump/v1", info = SHA-256(header), L = 32)
//	AAD = u64 index ‖ u8 kind
//
// where the index counts the dump's frames from 0. All 24 bytes of the nonce
// are random. So every frame belongs to one header, to one place and to one
// kind.
//
//	kind   plaintext              is
//	1      u8 len ‖ name ‖ body   an entry; its body is at most 524,288 bytes
//	2      u64 n                  the last frame; n is the number of entries
//
// The last frame is what says that nothing was cut off. A new kind or a longer
// body needs a new suite.
//
// # What it does not do
//
// How many entries there are, how long each is, the root ID and the time are in
// clear. An older dump is as good as a newer one: Created tells them apart. And
// whoever can have the root key wrap something can write a dump that opens.
package dump

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/embedkms/kms/internal/xgcm"
	"github.com/embedkms/kms/keystore"
)

const (
	format = 0xD4
	suite  = 1 // XAES-256-GCM under a key of HKDF-SHA256

	label = "kms-dump/v1" // separates what is wrapped and derived here from other uses
)

// Limits of an Entry, in bytes. The least is 0.
const (
	MaxName = 255
	MaxBody = keystore.MaxData
)

// Errors of a dump, matched with errors.Is. One that the root key's provider
// returned, of reading and of writing is none of them but comes wrapped.
var (
	// ErrDamaged says that a dump is not what a Writer wrote. It does not say
	// where, which would help only who tries out changes.
	ErrDamaged = errors.New("dump is incomplete, damaged or was altered")

	// ErrTooNew says that a newer version of this module wrote the dump.
	ErrTooNew = errors.New("dump is in a newer format: update this module")
)

// An Entry is one thing in a dump. Neither names nor bodies mean anything to
// this package, which accepts a name twice.
type Entry struct {
	Name string
	Body []byte // secret
}

// newKey returns what seals the frames behind h, from 32 bytes that it does not
// keep. That h is bound in here binds it to every frame at once.
func newKey(dk []byte, h header) *xgcm.Key {
	sum := sha256.Sum256(h)
	key, err := hkdf.Key(sha256.New, dk, []byte(label), string(sum[:]), 32)
	if err != nil {
		panic("dump: " + err.Error()) // only for a length out of range
	}
	defer clear(key)
	return xgcm.NewKey((*[32]byte)(key))
}

// bound returns what a frame is bound to beside its key.
func bound(index uint64, kind byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, index), kind)
}
