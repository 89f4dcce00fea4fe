package rootkey

import (
	"bytes"
	"cmp"
	"context"
	"crypto/fips140"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/argon2"
)

// PassphraseOptions are the optional inputs of Passphrase; nil is all defaults.
//
// The defaults are RFC 9106's second recommendation: about a tenth of a second
// on a server. They are written into every wrap, so a store opens whatever the
// options say by then.
type PassphraseOptions struct {
	// ID is the root's ID, at most 255 bytes; "" is "passphrase". It stands in
	// the keyring in clear. A store with two passphrases needs two IDs.
	ID string

	Memory      uint32 // KiB, 19,456 (19 MiB) to 1,048,576 (1 GiB); 0 is 65,536 (64 MiB)
	Time        uint32 // passes over the memory, 1 to 16; 0 is 3
	Parallelism uint8  // lanes, 1 to 16; 0 is 4
}

// Passphrase returns the root whose key Argon2id (RFC 9106) makes from the
// passphrase, which it copies, and a salt that is new in every wrap.
//
// Whoever has a copy of the store can try passphrases for as long as they like,
// and each costs them what it costs here; so let chance choose it, six words of
// a diceware list or more. Only an empty one is refused, since nothing can
// measure what a passphrase is worth. It is taken byte for byte: the newline of
// a line that was read counts, and so do the several ways to write an accent.
//
// Wrap and Unwrap each compute Argon2id once, and a root does one computation
// at a time: callers wait in line. When ctx is done they return, but a
// computation cannot be stopped and keeps its memory until it has run its
// course, up to 1 GiB and 16 passes if the wrap says so. Unwrap refuses
// parameters beyond that with ErrTampered before it computes anything. It
// cannot tell altered parameters within the limits, or an altered C, from
// another passphrase: either is ErrWrongKey.
//
// In FIPS 140-3 mode, where Argon2id is not approved, Passphrase returns
// ErrUnsupportedAlgorithm.
func Passphrase(passphrase []byte, opts *PassphraseOptions) (Provider, error) {
	if fips140.Enforced() {
		return nil, fmt.Errorf("%w: Argon2id in FIPS 140-3 mode", ErrUnsupportedAlgorithm)
	}
	if len(passphrase) == 0 {
		return nil, errors.New("rootkey: passphrase is empty")
	}
	if opts == nil {
		opts = &PassphraseOptions{}
	}
	id := cmp.Or(opts.ID, "passphrase")
	if len(id) > maxID {
		return nil, fmt.Errorf("rootkey: ID of %d bytes, want at most %d", len(id), maxID)
	}
	c := cost{cmp.Or(opts.Memory, 64<<10), cmp.Or(opts.Time, 3), cmp.Or(opts.Parallelism, 4)}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("rootkey: %w", err)
	}
	k := &kdf{bytes.Clone(passphrase), c, make(chan struct{}, 1)}
	return &provider{id: id, kind: kindPassphrase, newHead: k.newHead, secret: k.secret}, nil
}

const maxID = 255 // bytes, as Provider says

// A head of kind 2: D2 ‖ 02 ‖ salt ‖ u32 memory ‖ u32 time ‖ u8 parallelism.
const (
	saltSize       = 16
	parametersSize = saltSize + 4 + 4 + 1
)

// A cost is what Argon2id takes.
type cost struct {
	memory      uint32 // KiB
	time        uint32
	parallelism uint8
}

// check refuses what is too cheap to protect anything and what, in a wrap that
// somebody altered, would take all memory, run for hours, or panic in argon2.
func (c cost) check() error {
	switch {
	case c.memory < 19<<10 || c.memory > 1<<20:
		return fmt.Errorf("argon2id memory of %d KiB, want 19456 to 1048576", c.memory)
	case c.time < 1 || c.time > 16:
		return fmt.Errorf("argon2id time of %d, want 1 to 16", c.time)
	case c.parallelism < 1 || c.parallelism > 16:
		return fmt.Errorf("argon2id parallelism of %d, want 1 to 16", c.parallelism)
	}
	return nil
}

// head returns the head of a wrap of this cost with the salt.
func (c cost) head(salt []byte) []byte {
	head := slices.Concat([]byte{format, kindPassphrase}, salt)
	head = binary.BigEndian.AppendUint32(head, c.memory)
	head = binary.BigEndian.AppendUint32(head, c.time)
	return append(head, c.parallelism)
}

// parseHead returns the salt and the cost in a head, if it is one to pay.
func parseHead(head []byte) ([]byte, cost, error) {
	salt, rest := head[2:2+saltSize], head[2+saltSize:]
	c := cost{binary.BigEndian.Uint32(rest), binary.BigEndian.Uint32(rest[4:]), rest[8]}
	if err := c.check(); err != nil {
		return nil, cost{}, fmt.Errorf("%w: %w", ErrTampered, err)
	}
	return salt, c, nil
}

// A kdf makes secrets from a passphrase.
type kdf struct {
	passphrase []byte
	cost       cost          // of new wraps
	busy       chan struct{} // holds an element while Argon2id runs
}

func (k *kdf) newHead() []byte {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	return k.cost.head(salt)
}

// secret runs Argon2id as head says. The computation cannot be interrupted, so
// when ctx is done it is left alone: it frees the line and wipes its result.
func (k *kdf) secret(ctx context.Context, head []byte) ([]byte, error) {
	salt, c, err := parseHead(head)
	if err != nil {
		return nil, err
	}
	select {
	case k.busy <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	result := make(chan []byte) // no buffer: a result is either taken or wiped
	salt = bytes.Clone(salt)    // the computation may outlive the call that lent head
	go func() {
		secret := argon2.IDKey(k.passphrase, salt, c.time, c.memory, c.parallelism, keySize)
		<-k.busy
		select {
		case result <- secret:
		case <-ctx.Done():
			clear(secret)
		}
	}()
	select {
	case secret := <-result:
		return secret, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
