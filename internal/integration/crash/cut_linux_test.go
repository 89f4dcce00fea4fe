//go:build amd64 || arm64

package crash_test

import (
	"bytes"
	"testing"
)

// TestCut cuts the power of a disk that held zeros. What was flushed is there, what
// was not may be, block by block, and nothing else is.
func TestCut(t *testing.T) {
	d := newDisk(make([]byte, 4*diskBlock))
	write := func(b byte, at, size int64) {
		if _, err := d.Write(t.Context(), nil, bytes.Repeat([]byte{b}, int(size)), at); err != 0 {
			t.Fatal(err)
		}
	}
	write(1, 0, 2*diskBlock)
	d.Fsync(t.Context(), nil, 0)
	flushed := d.now()
	write(2, diskBlock-10, 20) // the end of a block, and the beginning of the next
	write(3, 3*diskBlock, diskBlock)

	seen := make(map[[3]byte]bool)
	for range 1000 {
		if held := d.cut(flushed); held[0] != 1 || held[2*diskBlock-1] != 1 || held[3*diskBlock] != 0 {
			t.Fatal("a cut right after the flush differs from what was flushed")
		}
		held := d.cut(d.now())
		end, next, last := held[diskBlock-10], held[diskBlock], held[3*diskBlock]
		seen[[3]byte{end, next, last}] = true
		want := bytes.Repeat([]byte{1}, 2*diskBlock)
		copy(want[diskBlock-10:], bytes.Repeat([]byte{end}, 10))
		copy(want[diskBlock:], bytes.Repeat([]byte{next}, 10))
		want = append(want, make([]byte, diskBlock)...)
		want = append(want, bytes.Repeat([]byte{last}, diskBlock)...)
		if !bytes.Equal(held, want) {
			t.Fatalf("a block is torn: %d %d %d", end, next, last)
		}
	}
	if len(seen) != 8 {
		t.Errorf("the cuts are %v, want each of three blocks with and without the others", seen)
	}
	if _, err := d.Write(t.Context(), nil, []byte{1}, 4*diskBlock); err == 0 {
		t.Error("a write behind the end")
	}
}
