package dump_test

import (
	"bytes"
	"testing"

	"github.com/embedkms/kms/internal/dump"
)

// FuzzOpen looks for bytes behind a genuine header that are read as entries
// nobody wrote, that take more memory than a frame, or panic.
func FuzzOpen(f *testing.F) {
	root, golden := static(f, 1), readGolden(f)
	header, frames := split(f, golden)
	f.Add([]byte(nil))
	f.Add(golden[len(header):])
	f.Add(golden[len(header) : len(golden)-1])
	f.Add(append(bytes.Clone(frames[1]), frames[0]...))
	f.Add([]byte("\x01\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, rest []byte) {
		var s scout
		s.Reset(append(bytes.Clone(header), rest...))
		got, err := read(t, &s, root)
		if genuine := bytes.Equal(rest, golden[len(header):]); genuine != (err == nil) {
			t.Errorf("read %v, %v", got, err)
		}
		if err != nil && err != dump.ErrDamaged || !isPrefix(got, goldenEntries()) ||
			s.most > most {
			t.Errorf("read %v, %v after a read of %d bytes", got, err, s.most)
		}
	})
}

// FuzzHeader looks for a dump other than the golden one that opens.
func FuzzHeader(f *testing.F) {
	root, golden := static(f, 1), readGolden(f)
	f.Add(golden)
	f.Add(golden[:27])
	f.Add(append([]byte{0xD4, 2}, golden[2:]...))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := read(t, bytes.NewReader(data), root)
		if bytes.Equal(data, golden) != (err == nil) || !isPrefix(got, goldenEntries()) {
			t.Errorf("read %v, %v", got, err)
		}
	})
}

// FuzzFrame looks for a genuine frame of any content that panics, or that is
// read as something it is not.
func FuzzFrame(f *testing.F) {
	root := static(f, 1)
	f.Add(byte(1), []byte("\x01abody"))
	f.Add(byte(1), []byte("\x02a"))
	f.Add(byte(2), []byte("\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(byte(3), []byte(nil))
	f.Fuzz(func(t *testing.T, kind byte, plain []byte) {
		forged := newForger(t, root).frame(kind, plain).last(1)
		got, err := read(t, bytes.NewReader(forged.data), root)
		if err != nil {
			if err != dump.ErrDamaged || len(got) != 0 {
				t.Errorf("read %v, %v", got, err)
			}
			return
		}
		again := append([]byte{byte(len(got[0].Name))}, got[0].Name...)
		if kind != 1 || !bytes.Equal(append(again, got[0].Body...), plain) {
			t.Errorf("kind %d %x: read %v", kind, plain, got)
		}
	})
}
