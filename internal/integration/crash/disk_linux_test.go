//go:build amd64 || arm64

package crash_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

const (
	diskSize  = 32 << 20
	diskBlock = 4 << 10 // what a disk writes whole or not at all
)

// A disk is a file that the kernel takes for a disk, by FUSE below a loop device:
// each write of the file system above, and each flush of the disk's cache, comes
// here in order. From the log of them it is known what the disk may hold if the
// power goes at any of its moments: all that was written before the last flush,
// and of what came after it any part, in any order, in whole blocks.
//
// So it is a disk with a volatile cache that keeps its promise to flush. It is no
// model of a disk that lies about that, tears a block of 4 KiB, or damages what it
// held before.
//
// It is for 64-bit systems, on which alone the package for FUSE compiles.
type disk struct {
	fs.Inode
	start []byte // what it held first

	mu   sync.Mutex
	data []byte
	log  []request
}

// A request is a write, or a flush if it has no data.
type request struct {
	data []byte
	at   int64
}

var _ interface {
	fs.NodeOpener
	fs.NodeGetattrer
	fs.NodeReader
	fs.NodeWriter
	fs.NodeFsyncer
} = (*disk)(nil)

func newDisk(start []byte) *disk {
	return &disk{start: start, data: append([]byte(nil), start...)}
}

// serve shows the disk as the file image in the folder dir, until the test ends
// or stop is called.
func (d *disk) serve(t *testing.T, dir string) (stop func()) {
	t.Helper()
	folder := &folder{file: d}
	server, err := fs.Mount(dir, folder, &fs.Options{MountOptions: fuse.MountOptions{
		DirectMountStrict: true, // by mount(2), without the program fusermount
		MaxWrite:          1 << 20,
	}})
	if err != nil {
		unable(t, "FUSE", err)
	}
	stop = sync.OnceFunc(func() {
		if err := server.Unmount(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// A folder has one file, image.
type folder struct {
	fs.Inode
	file *disk
}

func (f *folder) OnAdd(ctx context.Context) {
	attr := fs.StableAttr{Mode: syscall.S_IFREG}
	f.AddChild("image", f.NewPersistentInode(ctx, f.file, attr), true)
}

// Open has the kernel keep nothing of its own: what it writes comes here at once.
func (d *disk) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

func (d *disk) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode = syscall.S_IFREG | 0o600
	out.Size = uint64(len(d.data))
	return 0
}

func (d *disk) Read(
	_ context.Context, _ fs.FileHandle, into []byte, at int64,
) (fuse.ReadResult, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := copy(into, d.data[min(at, int64(len(d.data))):])
	return fuse.ReadResultData(into[:n]), 0
}

func (d *disk) Write(
	_ context.Context, _ fs.FileHandle, data []byte, at int64,
) (uint32, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at+int64(len(data)) > int64(len(d.data)) {
		return 0, syscall.ENOSPC
	}
	d.log = append(d.log, request{append([]byte(nil), data...), at})
	return uint32(copy(d.data[at:], data)), 0
}

func (d *disk) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, request{})
	return 0
}

// now returns the number of requests so far: a moment, for cut.
func (d *disk) now() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.log)
}

// cut returns what the disk holds after the power went at a moment. Of each block
// that was not flushed, it is left to chance whether it is there, and to chance as
// well how many are.
func (d *disk) cut(moment int) []byte {
	d.mu.Lock()
	log := d.log[:moment]
	d.mu.Unlock()
	flushed := 0
	for i, r := range log {
		if len(r.data) == 0 {
			flushed = i
		}
	}
	held := append([]byte(nil), d.start...)
	for _, r := range log[:flushed] {
		copy(held[r.at:], r.data)
	}
	kept := rand.IntN(5) // of four
	for _, r := range log[flushed:] {
		for from := 0; from < len(r.data); from = to(r, from) {
			if rand.IntN(4) < kept {
				copy(held[r.at+int64(from):], r.data[from:to(r, from)])
			}
		}
	}
	return held
}

// to returns where the block ends of which a request has a piece at from.
func to(r request, from int) int {
	begun := (int(r.at) + from) % diskBlock
	return min(from+diskBlock-begun, len(r.data))
}
