package dump_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/embedkms/kms/internal/dump"
	"github.com/embedkms/kms/rootkey"
)

// split returns the header and the frames of a dump.
func split(t testing.TB, data []byte) (header []byte, frames [][]byte) {
	t.Helper()
	n := 27 + int(data[26])
	n += 2 + int(data[n])<<8 + int(data[n+1])
	header, data = data[:n], data[n:]
	for len(data) > 0 {
		n := 4 + int(data[1])<<16 + int(data[2])<<8 + int(data[3])
		frames, data = append(frames, data[:n]), data[n:]
	}
	return header, frames
}

// One bit is another error only where it makes the header that of something
// else: the root key says what it can see, and its format is its own.
func TestEveryBit(t *testing.T) {
	root, entries := static(t, 1), samples(3)
	data := write(t, root, entries...)
	header, _ := split(t, data)
	for bit := range len(data) * 8 {
		bad := bytes.Clone(data)
		bad[bit/8] ^= 1 << (bit % 8)
		err := refuses(t, bad, root, entries)
		if bit/8 >= len(header) && err != dump.ErrDamaged {
			t.Errorf("bit %d: %v", bit, err)
		}
		if !slices.ContainsFunc([]error{
			dump.ErrDamaged, dump.ErrTooNew,
			rootkey.ErrWrongKey, rootkey.ErrTampered, rootkey.ErrFormatTooNew,
		}, func(want error) bool { return errors.Is(err, want) }) {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
}

func TestEveryTruncation(t *testing.T) {
	root, entries := static(t, 1), samples(3)
	data := write(t, root, entries...)
	for n := range data {
		if err := refuses(t, data[:n], root, entries); err != dump.ErrDamaged {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestEveryExtension(t *testing.T) {
	root, entries := static(t, 1), samples(2)
	data := write(t, root, entries...)
	for b := range 256 {
		err := refuses(t, append(bytes.Clone(data), byte(b)), root, entries)
		if err != dump.ErrDamaged {
			t.Errorf("%02x: %v", b, err)
		}
	}
	err := refuses(t, slices.Concat(data, data), root, entries)
	if err != dump.ErrDamaged {
		t.Errorf("twice: %v", err)
	}
}

// Every way to put up to four frames of two dumps behind the header of one:
// swapped, dropped, repeated, spliced, without an end or with the other's.
func TestEverySequence(t *testing.T) {
	root, entries := static(t, 1), samples(2)
	header, frames := split(t, write(t, root, entries...))
	_, others := split(t, write(t, root, entries...))
	genuine := slices.Concat(frames...)
	frames = append(frames, others...)
	opened := 0
	var try func(left int, body []byte)
	try = func(left int, body []byte) {
		if bytes.Equal(body, genuine) {
			opened++
		} else {
			err := refuses(t, slices.Concat(header, body), root, entries)
			if err != dump.ErrDamaged {
				t.Errorf("%x: %v", body, err)
			}
		}
		if left == 0 {
			return
		}
		for _, f := range frames {
			try(left-1, slices.Concat(body, f))
		}
	}
	try(4, nil)
	if opened != 1 {
		t.Errorf("the genuine dump was met %d times", opened)
	}
}

// A file is a reader that can be exchanged for another.
type file struct{ *bytes.Reader }

// Whatever a pass reads is what Open has opened.
func TestExchanged(t *testing.T) {
	root, entries := static(t, 1), samples(3)
	data, other := write(t, root, entries...), write(t, root, samples(3)...)
	header, frames := split(t, data)
	_, others := split(t, other)
	for name, second := range map[string][]byte{
		"another dump":     other,
		"its frames":       slices.Concat(header, slices.Concat(others...)),
		"its last frame":   slices.Concat(header, slices.Concat(frames[:3]...), others[3]),
		"its second frame": slices.Concat(header, frames[0], others[1], frames[2], frames[3]),
		"without an entry": slices.Concat(header, frames[0], frames[2], frames[3]),
		"cut":              data[:len(data)-1],
		"longer":           append(bytes.Clone(data), 0),
		"empty":            nil,
	} {
		f := &file{bytes.NewReader(data)}
		d, err := dump.Open(t.Context(), f, root)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := collect(d); err != nil || len(got) != len(entries) {
			t.Fatalf("read %v, %v", got, err)
		}
		f.Reader = bytes.NewReader(second)
		got, err := collect(d)
		if err != dump.ErrDamaged || !isPrefix(got, entries) {
			t.Errorf("%s: read %v, %v", name, got, err)
		}
	}
}
