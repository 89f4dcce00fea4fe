package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/memstore"
)

// A scale is how far the growth curves go.
type scale struct {
	sizes     []int // of plaintexts, in bytes
	keys      []int // in a store
	diskKeys  []int // in a store on disk
	sessions  []int // of ciphertexts of one key
	contexts  []int // of ciphertexts of one session
	cacheKeys int   // Options.CacheKeys where the keys in use outgrow it
}

var fullScale = scale{
	sizes:     []int{16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 6144},
	keys:      []int{1, 10, 100, 1000, 10_000, 100_000},
	diskKeys:  []int{1, 100, 10_000},
	sessions:  []int{1, 2, 4, 8, 16, 24, 32, 64, 256, 1000},
	contexts:  []int{1, 2, 4, 16, 256, 4096},
	cacheKeys: 10_000, // the default
}

var quickScale = scale{
	sizes: []int{16, 6144}, keys: []int{1, 40}, diskKeys: []int{1, 2}, sessions: []int{1, 32},
	contexts: []int{1, 20}, cacheKeys: 20,
}

// Names of the curves' lines.
const (
	byIDName     = "encrypt by ID"
	byAliasName  = "encrypt by alias"
	openingName  = "decrypt"
	lookupName   = "encrypt, one key of them"
	startName    = "open the store, memory"
	diskName     = "open the store, disk"
	sessionsWork = "decrypt 64 B, sessions in turn"
)

// sizeTasks are some subjects over plaintexts of all sizes, on one core.
func (s scale) sizeTasks() ([]task, error) {
	some := named(rawName, appendName, tinkGCMName, tinkXGCMName, wrappingName, bareSM4Name, emmansunName)
	var works []work
	for _, size := range s.sizes {
		works = append(works, sealing("encrypt", size, bound), opening("decrypt", size, bound))
	}
	tasks, err := tasksOf(some, works, rawName)
	return onOneCore(tasks), err
}

func onOneCore(tasks []task) []task {
	var some []task
	for _, t := range tasks {
		if t.cores == 1 {
			some = append(some, t)
		}
	}
	return some
}

// coreTasks are some subjects on more and more cores.
func coreTasks() ([]task, error) {
	works := []work{sealing(encryptName(1024), 1024, bound), opening(decryptName(1024), 1024, bound)}
	tasks, err := tasksOf(named(rawName, appendName, tinkGCMName), works, rawName)
	if err != nil {
		return nil, err
	}
	var curve []task
	for _, t := range onOneCore(tasks) {
		for cores := 1; ; cores *= 2 {
			t.cores = min(cores, allCores())
			t.x = float64(t.cores)
			curve = append(curve, t)
			if t.cores == allCores() {
				break
			}
		}
	}
	return curve, nil
}

// keyTasks are encryption and decryption with more and more keys.
func (s scale) keyTasks(fleets []*fleet) ([]task, error) {
	var tasks []task
	for _, f := range fleets {
		n := len(f.ids)
		few, err := openStore(f.store, &kms.Options{CacheKeys: s.cacheKeys})
		if err != nil {
			return nil, err
		}
		ciphertexts, err := f.seal(few)
		if err != nil {
			return nil, err
		}
		all, err := openStore(f.store, &kms.Options{CacheKeys: 2 * n})
		if err != nil {
			return nil, err
		}
		add := func(name string, fresh func() op) {
			tasks = append(tasks, task{subject: name, work: "keys", x: float64(n), cores: 1, fresh: fresh})
		}
		add(byIDName, inTurn(n, sealOp(few, f.ids)))
		add(byAliasName, inTurn(n, sealOp(few, f.aliases)))
		add(openingName, inTurn(n, openOp(few, ciphertexts, bound)))
		if _, err := f.seal(all); err != nil { // so that all are cached
			return nil, err
		}
		add(lookupName, inTurn(1, sealOp(all, f.ids)))
	}
	return tasks, nil
}

// inTurn returns what makes ops that go through n things, where the one before has
// stopped. Once round, or long enough to fill a cache, is not measured.
func inTurn(n int, do func(i int, dst []byte) error) func() op {
	var next atomic.Int64
	return func() op {
		dst := make([]byte, 0, 64+spare)
		one := func() error { return do(int(next.Add(1))%n, dst) }
		for range min(n, 20_000) {
			if err := one(); err != nil {
				return func() error { return err }
			}
		}
		return one
	}
}

func sealOp(k *kms.KMS, refs []string) func(int, []byte) error {
	plaintext := random(64)
	return func(i int, dst []byte) error {
		_, err := k.AppendEncrypt(context.Background(), dst, refs[i], plaintext, bound.pairs)
		return err
	}
}

func openOp(k *kms.KMS, ciphertexts [][]byte, b *binding) func(int, []byte) error {
	return func(i int, dst []byte) error {
		_, err := k.AppendDecrypt(context.Background(), dst, ciphertexts[i], b.pairs)
		return err
	}
}

// sessionTasks are decryption of ciphertexts of more and more sessions, beside raw
// AES-256-GCM and tink's X-AES-GCM, to which all are the first of their kind.
func (s scale) sessionTasks() ([]task, error) {
	f, err := newFleet(context.Background(), memstore.New(), 1)
	if err != nil {
		return nil, err
	}
	k, err := openStore(f.store, nil)
	if err != nil {
		return nil, err
	}
	beside := named(rawName, tinkXGCMName)
	var tasks []task
	for _, n := range s.sessions {
		some, err := tasksOf(beside, []work{opening(sessionsWork, 64, bound)}, rawName)
		if err != nil {
			return nil, err
		}
		ciphertexts, err := f.sessions(n)
		if err != nil {
			return nil, err
		}
		some = append(onOneCore(some), task{subject: appendName, work: sessionsWork, cores: 1, base: rawName,
			fresh: inTurn(n, openOp(k, ciphertexts, bound))})
		for _, t := range some {
			t.x = float64(n)
			tasks = append(tasks, t)
		}
	}
	return tasks, nil
}

// startTasks open stores of more and more keys, and encrypt under one of them.
func startTasks(name string, fleets []*fleet) []task {
	var tasks []task
	for _, f := range fleets {
		start := func() error {
			store, closeStore, err := f.open()
			if err != nil {
				return err
			}
			k, err := openStore(store, nil)
			if err != nil {
				return errors.Join(err, closeStore())
			}
			_, err = k.Encrypt(context.Background(), f.ids[0], []byte("hello"), bound.pairs)
			return errors.Join(err, k.Close(), closeStore())
		}
		tasks = append(tasks, task{subject: name, work: "start", x: float64(len(f.ids)), cores: 1,
			fresh: func() op { return start }})
	}
	return tasks
}

// memoryFleets and diskFleets are stores of so many keys. What diskFleets returns
// last removes them.
func memoryFleets(ctx context.Context, counts []int) (fleets []*fleet, err error) {
	for _, n := range counts {
		f, err := newFleet(ctx, memstore.New(), n)
		if err != nil {
			return nil, err
		}
		fleets = append(fleets, f)
	}
	return fleets, nil
}

func (s scale) diskFleets(ctx context.Context) (fleets []*fleet, remove func() error, err error) {
	dir, err := os.MkdirTemp("", "kms-bench-")
	if err != nil {
		return nil, nil, err
	}
	for _, n := range s.diskKeys {
		f, err := newDiskFleet(ctx, fmt.Sprintf("%s/%d", dir, n), n)
		if err != nil {
			return nil, nil, errors.Join(err, os.RemoveAll(dir))
		}
		fleets = append(fleets, f)
	}
	return fleets, func() error { return os.RemoveAll(dir) }, nil
}
