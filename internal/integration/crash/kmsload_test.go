package crash_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/ackload"
)

const (
	kmsWorkers = 4
	rotations  = 8 // of a key, before there is another
)

// An event of the KMS is a line of a verb, a key ID and a text.
const (
	created  = "created"  // the alias
	rotating = "rotating" // the call begins
	rotated  = "rotated"  // the version
	sealed   = "sealed"   // the ciphertext in base64
)

type note func(verb, id, text string)

// useKMS creates keys, rotates them and encrypts under them until ctx is done, and
// tells note of what was acknowledged and failed of the calls that were not. Those
// are not made again.
func useKMS(ctx context.Context, k *kms.KMS, round int, note note, failed func(error)) {
	var wg sync.WaitGroup
	for w := range kmsWorkers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				useKey(ctx, k, fmt.Sprintf("alias/%d-%d-%d", round, w, i), note, failed)
			}
		})
	}
	wg.Wait()
}

// useKey does so with one key.
func useKey(ctx context.Context, k *kms.KMS, alias string, note note, failed func(error)) {
	key, err := k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: alias})
	if err != nil {
		failed(err)
		return
	}
	note(created, key.ID, alias)
	for range rotations {
		note(rotating, key.ID, "-")
		if now, err := k.RotateKey(ctx, key.ID); err == nil {
			note(rotated, key.ID, fmt.Sprint(now.PrimaryVersion))
		} else {
			failed(err)
		}
		if text, err := k.Encrypt(ctx, alias, []byte(key.ID), nil); err == nil {
			note(sealed, key.ID, base64.StdEncoding.EncodeToString(text))
		} else {
			failed(err)
		}
	}
}

// scanKMS reads lines of events until r ends.
func scanKMS(r io.Reader, note note) error {
	return ackload.EachLine(r, func(line string) error {
		parts := strings.Fields(line)
		if len(parts) != 3 {
			return errors.New("no event of the KMS")
		}
		note(parts[0], parts[1], parts[2])
		return nil
	})
}

// keys are what a KMS must have, by key ID.
type keys struct {
	mu    sync.Mutex
	byID  map[string]*wantedKey
	acked int
}

type wantedKey struct {
	alias       string
	version     uint32 // acknowledged
	begun       uint32 // rotations
	ciphertexts [][]byte
}

func (l *keys) note(verb, id, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byID == nil {
		l.byID = make(map[string]*wantedKey)
	}
	key := l.byID[id]
	switch verb {
	case created:
		l.byID[id] = &wantedKey{alias: text, version: 1}
	case rotating:
		key.begun++
		return
	case rotated:
		fmt.Sscan(text, &key.version)
	case sealed:
		ciphertext, _ := base64.StdEncoding.DecodeString(text)
		key.ciphertexts = append(key.ciphertexts, ciphertext)
	}
	l.acked++
}

// rotated returns how many rotations were acknowledged.
func (l *keys) rotated() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range l.byID {
		n += int(key.version)
	}
	return n
}

// check wants each key under its alias, with each acknowledged version, and each
// ciphertext to open. It returns how many keys do not do so, and reports them.
func (l *keys) check(t *testing.T, k *kms.KMS) (lost int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, want := range l.byID {
		if err := want.check(t.Context(), k, id); err != nil {
			t.Errorf("%s: %v", id, err)
			lost++
		}
	}
	return lost
}

func (want *wantedKey) check(ctx context.Context, k *kms.KMS, id string) error {
	key, err := k.DescribeKey(ctx, want.alias)
	if err != nil {
		return err
	}
	if key.ID != id || key.PrimaryVersion < want.version || key.PrimaryVersion > want.begun+1 ||
		len(key.Versions) != int(key.PrimaryVersion) {
		return fmt.Errorf("%s is %s with %d versions up to %d, want %d to %d", want.alias, key.ID,
			len(key.Versions), key.PrimaryVersion, want.version, want.begun+1)
	}
	for i, ciphertext := range want.ciphertexts {
		if got, err := k.Decrypt(ctx, ciphertext, nil); err != nil || string(got) != id {
			return fmt.Errorf("ciphertext %d is %q, %w", i, got, err)
		}
	}
	return nil
}
