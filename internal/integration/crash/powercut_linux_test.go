//go:build amd64 || arm64

package crash_test

import (
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/embedkms/kms/internal/ackload"
	"github.com/embedkms/kms/internal/integration/proof"
)

// perLoad is how many power cuts of one load are looked at.
const perLoad = 3

// TestPowerCut has a process write on a disk of its own, and looks what the disk
// would hold if the power went at a random moment, again and again: mounted, the
// file system and the store recover, and what was acknowledged before that moment
// must be there.
func TestPowerCut(t *testing.T) {
	for _, x := range subjects() {
		t.Run(x.name, func(t *testing.T) {
			if dir, round, yes := asChild(t); yes {
				writeUntilKilled(t, x.open(t, dir), round)
				return
			}
			cuts := proof.Count(t, 5, 250)
			var sum ackload.Result
			acked := 0
			for done := 0; done < cuts; done += perLoad {
				r := record(t, x, done/perLoad)
				for range min(perLoad, cuts-done) {
					found, n := r.cut(t)
					sum.Add(found)
					acked += n
				}
			}
			wantNone(t, sum)
			proof.Report(t, "%d power cuts, %d writes acknowledged before them, %d lost, %d corrupt",
				cuts, acked, sum.Lost, sum.Corrupt)
		})
	}
}

// mountOptions are those that differ in when ext4 writes what nobody asks it to.
var mountOptions = []string{"commit=1", "defaults"}

// A recording is all that happened on a disk, and what was acknowledged when.
type recording struct {
	disk       *disk
	store      subject
	begun, end int // while there is a load
	events     []moment
}

// A moment is an event, and the last moment of the disk at which it may have come.
type moment struct {
	ackload.Event
	at int
}

// record has a process write to a new store on a new disk, until it is killed. The
// number chooses how the disk is mounted.
func record(t *testing.T, x subject, number int) *recording {
	t.Helper()
	r := &recording{disk: newDisk(newImage(t, diskSize)), store: x}
	under := t.TempDir()
	stop := r.disk.serve(t, under)
	dir, unmount := mount(t, filepath.Join(under, "image"), mountOptions[number%len(mountOptions)])
	r.begun = r.disk.now()
	killSoon(t, child(t, dir, 0), 300, func(pipe io.Reader, acked func()) error {
		return ackload.Scan(pipe, func(e ackload.Event) {
			r.events = append(r.events, moment{e, r.disk.now()})
			acked()
		})
	})
	r.end = r.disk.now() // what follows are the writes of the unmount
	unmount()
	stop()
	return r
}

// anyMoment returns one for a power cut: with any request to the disk as likely, or
// any event, since what is not written yet when it is acknowledged may never be.
func (r *recording) anyMoment() int {
	if rand.IntN(2) == 0 {
		return r.events[rand.IntN(len(r.events))].at
	}
	return r.begun + rand.IntN(r.end-r.begun+1)
}

// cut has the power go at a random moment. It returns what is found then, and the
// number of acknowledgements before.
func (r *recording) cut(t *testing.T) (result ackload.Result, acked int) {
	t.Helper()
	at := r.anyMoment()
	var ledger ackload.Ledger
	for _, e := range r.events {
		if e.at <= at {
			ledger.Note(e.Event)
		} else {
			ledger.Later(e.Event)
		}
	}
	acked = ledger.Acked()
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, r.disk.cut(at), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, unmount := mount(t, image, "defaults")
	s := r.store.open(t, dir)
	result = check(t, &ledger, s)
	s.Close()
	unmount()
	os.Remove(image)
	return result, acked
}
