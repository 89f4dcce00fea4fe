package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
)

var testKey = bytes.Repeat([]byte{7}, 32)

const testHeader = len(magic) + 2 + len("encrypted")

// sealBytes returns plaintext as a sealed file.
func sealBytes(t *testing.T, plaintext []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := seal(&out, bytes.NewReader(plaintext), testKey, []byte("encrypted")); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func openBytes(sealed []byte) ([]byte, error) {
	src := bytes.NewReader(sealed)
	head, _, err := readHeader(src)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = open(&out, src, testKey, head)
	return out.Bytes(), err
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// split returns the header and the chunks of a sealed file.
func split(sealed []byte) [][]byte {
	parts := [][]byte{sealed[:testHeader]}
	return append(parts, slices.Collect(slices.Chunk(sealed[testHeader:], chunkSize+overhead))...)
}

func join(parts [][]byte) []byte { return bytes.Join(parts, nil) }

func TestSizes(t *testing.T) {
	for _, n := range []int{
		0, 1, 27, 28, 29, chunkSize - 1, chunkSize, chunkSize + 1,
		2*chunkSize - 1, 2 * chunkSize, 2*chunkSize + 1, 5 * chunkSize,
	} {
		plaintext := random(n)
		sealed := sealBytes(t, plaintext)
		chunks := max(1, (n+chunkSize-1)/chunkSize)
		if want := testHeader + n + chunks*overhead; len(sealed) != want {
			t.Errorf("%d bytes were sealed as %d, want %d", n, len(sealed), want)
		}
		got, err := openBytes(sealed)
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Errorf("%d bytes were opened as %d, %v", n, len(got), err)
		}
	}
}

// damaged fails the test if sealed opens, or shows what was not sealed so.
func damaged(t *testing.T, what string, sealed, plaintext []byte) {
	t.Helper()
	got, err := openBytes(sealed)
	if !errors.Is(err, errDamaged) {
		t.Errorf("%s: got %d bytes, %v", what, len(got), err)
	}
	if !bytes.HasPrefix(plaintext, got) {
		t.Errorf("%s: wrote what was not in the file", what)
	}
}

func TestTruncation(t *testing.T) {
	for _, n := range []int{0, 100, chunkSize, 2*chunkSize + 100, 3 * chunkSize} {
		plaintext := random(n)
		sealed := sealBytes(t, plaintext)
		cuts := map[int]bool{}
		for at := range min(len(sealed), testHeader+200) {
			cuts[at] = true
		}
		for at := testHeader; at <= len(sealed); at += chunkSize + overhead {
			for d := -2; d <= 2; d++ {
				cuts[at+d] = true
			}
		}
		for at := len(sealed) - 200; at < len(sealed); at++ {
			cuts[at] = true
		}
		for at := range cuts {
			if 0 <= at && at < len(sealed) {
				damaged(t, "cut", sealed[:at], plaintext)
			}
		}
	}
}

// Every chunk in every place but its own, left out, or there twice.
func TestOtherOrder(t *testing.T) {
	plaintext := random(4 * chunkSize) // so that no chunk is shorter than the rest
	good := split(sealBytes(t, plaintext))
	for i := 1; i < len(good); i++ {
		for j := i + 1; j < len(good); j++ {
			parts := slices.Clone(good)
			parts[i], parts[j] = parts[j], parts[i]
			damaged(t, "swapped", join(parts), plaintext)
		}
		for at := 1; at <= len(good); at++ {
			parts := slices.Insert(slices.Clone(good), at, good[i])
			damaged(t, "repeated", join(parts), plaintext)
		}
		damaged(t, "left out", join(slices.Delete(slices.Clone(good), i, i+1)), plaintext)
	}
}

func TestExtension(t *testing.T) {
	for _, n := range []int{0, 100, chunkSize, 2 * chunkSize} {
		plaintext := random(n)
		sealed := sealBytes(t, plaintext)
		for _, tail := range [][]byte{{0}, make([]byte, overhead), random(chunkSize + overhead)} {
			damaged(t, "extended", slices.Concat(sealed, tail), plaintext)
		}
		// Another file's chunks, under the same key even.
		damaged(t, "joined", slices.Concat(sealed, sealBytes(t, plaintext)[testHeader:]), plaintext)
	}
}

// The chunks of a file do not open behind another's header.
func TestOtherHeader(t *testing.T) {
	plaintext := random(100)
	sealed := sealBytes(t, plaintext)
	var other bytes.Buffer
	if err := seal(&other, bytes.NewReader(plaintext), testKey, []byte("ENCRYPTED")); err != nil {
		t.Fatal(err)
	}
	damaged(t, "other header", slices.Concat(other.Bytes()[:testHeader], sealed[testHeader:]), plaintext)
}

func TestFlippedBits(t *testing.T) {
	plaintext := random(40)
	sealed := sealBytes(t, plaintext)
	for bit := range len(sealed) * 8 {
		bad := bytes.Clone(sealed)
		bad[bit/8] ^= 1 << (bit % 8)
		damaged(t, "flipped", bad, nil)
	}
	large := random(2*chunkSize + 100)
	sealed = sealBytes(t, large)
	for at := 0; at < len(sealed); at += 997 {
		bad := bytes.Clone(sealed)
		bad[at] ^= 0x80
		damaged(t, "flipped", bad, large)
	}
}

func TestReadError(t *testing.T) {
	want := errors.New("disk on fire")
	if err := seal(&bytes.Buffer{}, failing{want}, testKey, nil); !errors.Is(err, want) {
		t.Errorf("seal: %v", err)
	}
	if err := open(&bytes.Buffer{}, failing{want}, testKey, nil); !errors.Is(err, want) {
		t.Errorf("open: %v", err)
	}
	if _, _, err := readHeader(failing{want}); !errors.Is(err, want) {
		t.Errorf("readHeader: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
