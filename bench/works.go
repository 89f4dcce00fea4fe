package main

import (
	"fmt"
	"slices"
)

// A work is a column of the tables: what each subject does.
type work struct {
	name string
	size int // of the plaintext
	// begin makes what the work needs once, such as a ciphertext, and returns what
	// makes ops with buffers of their own.
	begin func(x box) (func() op, error)
}

// sizes of the table, in bytes.
var tableSizes = []int{16, 64, 1024, 4096}

// tableWorks are the columns of the table of all subjects.
func tableWorks() []work {
	var works []work
	for _, size := range tableSizes {
		works = append(works, sealing(encryptName(size), size, bound))
	}
	for _, size := range tableSizes {
		works = append(works, opening(decryptName(size), size, bound))
	}
	return append(works,
		work{generateName, dataKeySize, generating},
		work{unwrapName, dataKeySize, unwrapping})
}

// designWorks are those that have limits of their own: with and without a
// context, and a data key beside a plaintext of its size.
func designWorks() []work {
	var works []work
	for _, size := range designSizes {
		works = append(works,
			sealing(encryptName(size), size, bound), opening(decryptName(size), size, bound),
			sealing(encryptName(size)+noContext, size, unbound), opening(decryptName(size)+noContext, size, unbound))
	}
	return append(works, work{generateName, dataKeySize, generating})
}

var designSizes = []int{32, 1024, 4096}

const noContext = ", no context"

const (
	generateName = "generate data key"
	unwrapName   = "unwrap data key"
)

func encryptName(size int) string { return "encrypt " + bytesName(size) }
func decryptName(size int) string { return "decrypt " + bytesName(size) }

func bytesName(size int) string {
	if size >= 1024 && size%1024 == 0 {
		return fmt.Sprintf("%d KiB", size/1024)
	}
	return fmt.Sprintf("%d B", size)
}

// spare is more than any ciphertext is longer than its plaintext.
const spare = 1024

func sealing(name string, size int, b *binding) work {
	return work{name, size, func(x box) (func() op, error) {
		plaintext := random(size)
		return func() op {
			dst := make([]byte, 0, size+spare)
			return func() error {
				_, err := x.seal(dst, plaintext, b)
				return err
			}
		}, nil
	}}
}

func opening(name string, size int, b *binding) work {
	return work{name, size, func(x box) (func() op, error) {
		ciphertext, err := x.seal(nil, random(size), b)
		return func() op {
			dst := make([]byte, 0, size+spare)
			return func() error {
				_, err := x.open(dst, ciphertext, b)
				return err
			}
		}, err
	}}
}

func generating(x box) (func() op, error) {
	keys := dataKeys(x)
	return func() op {
		return func() error {
			_, err := keys.generate(bound)
			return err
		}
	}, nil
}

func unwrapping(x box) (func() op, error) {
	keys := dataKeys(x)
	ciphertext, err := keys.generate(bound)
	return func() op {
		return func() error { return keys.unwrap(ciphertext, bound) }
	}, err
}

// subjects are all rows of the table.
func subjects() []subject {
	var all []subject
	for _, some := range [][]subject{
		primitives(), ourSubjects(), tinkSubjects(), wrappingSubjects(), gocloudSubjects(),
		openbaoSubjects(), awsSubjects(),
	} {
		all = append(all, some...)
	}
	return all
}

// tasksOf are the tasks of all works by all subjects, each on one core and on all,
// compared with the subject base.
func tasksOf(subjects []subject, works []work, base string) ([]task, error) {
	boxes := make([]box, len(subjects))
	for i, s := range subjects {
		var err error
		if boxes[i], err = s.make(); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	var tasks []task
	for _, cores := range coreCounts(allCores()) {
		for _, w := range works {
			for i, s := range subjects {
				if s.most > 0 && w.size > s.most || s.single && cores > 1 {
					continue
				}
				fresh, err := w.begin(boxes[i])
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", s.name, w.name, err)
				}
				tasks = append(tasks, task{s.name, w.name, float64(w.size), cores, base, fresh})
			}
		}
	}
	return tasks, nil
}

// named are the subjects of these names.
func named(names ...string) []subject {
	return slices.DeleteFunc(subjects(), func(s subject) bool { return !slices.Contains(names, s.name) })
}

// overheads returns by how many bytes each subject's ciphertexts are longer than a
// plaintext of 1 KiB.
func overheads(subjects []subject) (map[string]int, error) {
	over := map[string]int{}
	for _, s := range subjects {
		x, err := s.make()
		if err != nil {
			return nil, err
		}
		out, err := x.seal(nil, make([]byte, 1024), bound)
		if err != nil {
			return nil, err
		}
		over[s.name] = len(out) - 1024
	}
	return over, nil
}
