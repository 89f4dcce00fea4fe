package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/integration/target"
	"github.com/embedkms/kms/keystore"
)

const (
	benchSize = 1024 // bytes in a record; one of an AES key has fewer
	manyKeys  = 10_000
	mostKeys  = 100_000
)

// A figure is a line of the table in docs/stores.md.
type figure struct {
	name    string
	line    string
	unit    float64 // nanoseconds, of what one call of op takes
	prepare func(*speed, *testing.B) operation
}

// An operation is what is measured.
type operation func(context.Context) error

// speedFigures are in the order of how many keys they need.
var speedFigures = []figure{
	{"Get", "Get, µs", 1e3, (*speed).get},
	{"Put", "Put, µs", 1e3, (*speed).put},
	{"Start1", "start with 1 key, ms", 1e6, start(1)},
	{"HotEncrypt", "Encrypt, key in use, µs", 1e3, (*speed).hotEncrypt},
	{"ColdEncrypt", "Encrypt, key not in memory, µs", 1e3, (*speed).coldEncrypt},
	{"Start10000", "start with 10,000 keys, ms", 1e6, start(manyKeys)},
	{"Start100000", "start with 100,000 keys, ms", 1e6, start(mostKeys)},
	{"Scan", "List of 100,000 keys, ms", 1e6, (*speed).scan},
	{"Keys", "Keys, of 100,000, ms", 1e6, (*speed).keys},
}

// BenchmarkSpeed prints the table in docs/stores.md.
func BenchmarkSpeed(b *testing.B) {
	columns := map[string]map[string]float64{}
	for _, bed := range beds() {
		column := map[string]float64{}
		columns[bed.name] = column
		b.Run(bed.name, func(b *testing.B) {
			s := &speed{raw: bed.new(b).Open(b), place: bed.new(b)}
			for _, f := range speedFigures {
				b.Run(f.name, func(b *testing.B) {
					op := f.prepare(s, b)
					for b.Loop() {
						check(b, op(b.Context()))
					}
					column[f.line] = float64(b.Elapsed().Nanoseconds()) / float64(b.N) / f.unit
				})
			}
			b.Run("Memory", func(b *testing.B) { column[memoryLine] = s.memory(b) })
		})
	}
	printTable(columns)
}

const memoryLine = "memory for each key in use, bytes"

// printTable prints columns as Markdown, in the order of beds.
func printTable(columns map[string]map[string]float64) {
	head, rule := "|", "|---"
	for _, bed := range beds() {
		head += " | " + bed.name
		rule += "|---"
	}
	lines := []string{head + " |", rule + "|"}
	for _, f := range append(speedFigures, figure{line: memoryLine}) {
		line := "| " + f.line
		for _, bed := range beds() {
			line += " | " + threeDigits(columns[bed.name][f.line])
		}
		lines = append(lines, line+" |")
	}
	fmt.Println("\n" + strings.Join(lines, "\n") + "\n")
}

// threeDigits returns x for readers; 0 was not measured.
func threeDigits(x float64) string {
	switch {
	case x == 0:
		return "–"
	case x < 1:
		return fmt.Sprintf("%.2f", x)
	case x < 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// A speed is what the figures of one kind of store are measured on.
type speed struct {
	raw    keystore.Store // with one record
	rev    uint64         // of that record
	place  place          // with keys
	filled int            // records of keys in place
}

// check is must without its cost, which is more than that of what is measured.
func check(b *testing.B, err error) {
	if err != nil {
		b.Fatal(err)
	}
}

func (s *speed) get(b *testing.B) operation {
	check(b, s.replace(b.Context()))
	return func(ctx context.Context) error {
		_, err := s.raw.Get(ctx, rawKey)
		return err
	}
}

func (s *speed) put(*testing.B) operation { return s.replace }

const rawKey = "key/a"

// replace gives the record of s.raw another revision.
func (s *speed) replace(ctx context.Context) error {
	s.rev++
	return s.raw.Put(ctx, keystore.Record{Key: rawKey, Rev: s.rev, Data: make([]byte, benchSize)})
}

func (s *speed) hotEncrypt(b *testing.B) operation {
	s.fill(b, manyKeys)
	return s.encrypt(b, &kms.Options{}, 1)
}

func (s *speed) coldEncrypt(b *testing.B) operation {
	s.fill(b, manyKeys)
	return s.encrypt(b, &kms.Options{CacheKeys: 1}, 2)
}

// encrypt encrypts under n keys by turns.
func (s *speed) encrypt(b *testing.B, opts *kms.Options, n int) operation {
	k := target.OpenKMS(b, s.place.Open(b), opts)
	turn := 0
	return func(ctx context.Context) error {
		turn++
		_, err := k.Encrypt(ctx, stocked().ids[turn%n], plaintext, nil)
		return err
	}
}

// start opens the store of n keys as a process does.
func start(n int) func(*speed, *testing.B) operation {
	return func(s *speed, b *testing.B) operation {
		s.fill(b, n)
		return func(ctx context.Context) error {
			store := s.place.Open(b)
			k, err := kms.Open(ctx, store, target.Root(b, 1), &kms.Options{MustExist: true})
			if err != nil {
				return err
			}
			return errors.Join(k.Close(), store.Close())
		}
	}
}

// scan reads all records of keys.
func (s *speed) scan(b *testing.B) operation {
	s.fill(b, mostKeys)
	store := s.place.Open(b)
	return func(ctx context.Context) error {
		n, after := 0, ""
		for {
			page, err := store.List(ctx, "key/", after, keystore.MaxLimit)
			if len(page) == 0 {
				return wantKeys(n, err)
			}
			n, after = n+len(page), page[len(page)-1].Key
		}
	}
}

// keys lists all keys, of which it opens the records.
func (s *speed) keys(b *testing.B) operation {
	s.fill(b, mostKeys)
	k := target.OpenKMS(b, s.place.Open(b), nil)
	return func(ctx context.Context) error {
		n := 0
		for _, err := range k.Keys(ctx, "") {
			if err != nil {
				return err
			}
			n++
		}
		return wantKeys(n, nil)
	}
}

func wantKeys(n int, err error) error {
	if err == nil && n != mostKeys {
		err = fmt.Errorf("%d keys", n)
	}
	return err
}

// memory returns how many bytes of heap a key takes that was loaded, without what
// comes with using it.
func (s *speed) memory(b *testing.B) (perKey float64) {
	s.fill(b, manyKeys)
	store := s.place.Open(b)
	for b.Loop() {
		k, err := kms.Open(b.Context(), store, target.Root(b, 1), nil)
		check(b, err)
		before := heap()
		for _, ct := range stocked().cts {
			// A wrong context loads the key and remembers nothing.
			if _, err := k.Decrypt(b.Context(), ct, row); !errors.Is(err, kms.ErrInvalidCiphertext) {
				b.Fatal(err)
			}
		}
		perKey = (heap() - before) / manyKeys
		check(b, k.Close())
	}
	b.ReportMetric(perKey, "B/key")
	return perKey
}

// heap returns the bytes in use, without what waits in a pool.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
