package dump_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/embedkms/kms/internal/dump"
)

var errIO = errors.New("disk on fire")

// A flaky writer or reader fails for ever after some calls with err.
type flaky struct {
	bytes.Buffer
	file  io.ReadSeeker
	calls int
	err   error
}

func (f *flaky) fails() bool { f.calls--; return f.calls < 0 }

func (f *flaky) Write(b []byte) (int, error) {
	if f.fails() {
		n, _ := f.Buffer.Write(b[:len(b)/2])
		return n, f.err
	}
	return f.Buffer.Write(b)
}

// Read is stingy, so that there are many calls to fail at.
func (f *flaky) Read(b []byte) (int, error) {
	if f.fails() {
		return 0, f.err
	}
	return f.file.Read(b[:min(len(b), 61)])
}

func (f *flaky) Seek(offset int64, whence int) (int64, error) {
	if f.fails() {
		return 0, f.err
	}
	return f.file.Seek(offset, whence)
}

func big(n int) []dump.Entry {
	entries := samples(n)
	for i := range entries {
		entries[i].Body = bytes.Repeat([]byte{byte(i)}, 3000)
	}
	return entries
}

// A dump whose writing failed says so, and is none.
func TestWriteErrors(t *testing.T) {
	for _, failure := range []error{errIO, io.ErrShortWrite, nil} {
		for calls := 0; ; calls++ {
			f := &flaky{calls: calls, err: failure}
			err := writeTo(t, f, &fake{id: "r", size: 9000}, big(5))
			if err == nil {
				if calls < 5 {
					t.Errorf("only %d calls", calls)
				}
				break
			}
			want := failure
			if want == nil {
				want = io.ErrShortWrite
			}
			if !errors.Is(err, want) {
				t.Errorf("call %d: %v", calls, err)
			}
			refuses(t, f.Bytes(), &fake{id: "r"}, big(5))
		}
	}
}

// failEach opens a dump over readers that fail at the first call, the second and
// so on, and checks what comes of it.
func failEach(t *testing.T, reader func(f *flaky) io.ReadSeeker, failure, want error) {
	t.Helper()
	root, entries := static(t, 1), samples(3)
	data := write(t, root, entries...)
	for calls := 0; ; calls++ {
		f := &flaky{file: bytes.NewReader(data), calls: calls, err: failure}
		got, err := read(t, reader(f), root)
		if err == nil {
			if calls < 8 {
				t.Errorf("only %d calls", calls)
			}
			return
		}
		if !errors.Is(err, want) || !isPrefix(got, entries) ||
			want != dump.ErrDamaged && errors.Is(err, dump.ErrDamaged) {
			t.Errorf("call %d: read %v, %v", calls, got, err)
		}
	}
}

// An error of the reader is not damage.
func TestReadErrors(t *testing.T) {
	failEach(t, func(f *flaky) io.ReadSeeker { return f }, errIO, errIO)
}

// An ending reader fails at Read only.
type ending struct{ *flaky }

func (e ending) Seek(offset int64, whence int) (int64, error) {
	return e.file.Seek(offset, whence)
}

// That there is no more is damage, also when the reader is surprised itself, as
// a decompressor is whose input was cut.
func TestReadEnds(t *testing.T) {
	reader := func(f *flaky) io.ReadSeeker { return ending{f} }
	failEach(t, reader, io.ErrUnexpectedEOF, dump.ErrDamaged)
}

// A scout remembers the largest read, which is how much memory was taken.
type scout struct {
	bytes.Reader
	most int
}

func (s *scout) Read(b []byte) (int, error) {
	s.most = max(s.most, len(b))
	return s.Reader.Read(b)
}

// most is the largest frame, more or less.
const most = dump.MaxBody + 512

// A length is refused before memory is taken for it.
func TestLengths(t *testing.T) {
	root := static(t, 1)
	header, _ := split(t, write(t, root))
	for _, head := range []string{
		"\x01\xff\xff\xff", "\x01\x08\x01\x29", "\x01\x00\x00\x28", "\x01\x00\x00\x00",
		"\x02\xff\xff\xff", "\x02\x00\x00\x2f", "\x02\x00\x00\x31",
		"\x00\x00\x00\x40", "\x03\x00\x00\x40",
	} {
		var s scout
		s.Reset(append(bytes.Clone(header), head...))
		if _, err := read(t, &s, root); err != dump.ErrDamaged || s.most > 4096 {
			t.Errorf("%x: %v after a read of %d bytes", head, err, s.most)
		}
	}
	var s scout
	s.Reset(append(bytes.Clone(header), "\x01\x08\x01\x28"...)) // the longest there is
	_, err := read(t, &s, root)
	if err != dump.ErrDamaged || s.most < dump.MaxBody || s.most > most {
		t.Errorf("%v after a read of %d bytes", err, s.most)
	}
}
