package main

import (
	"fmt"
)

// Contexts of records: the same names each time, and an ID that differs, which is
// always as long as the last, or not.
const (
	sameLength  = ", IDs of one length"
	otherLength = ", IDs of all lengths"
)

// contextWorks are encryption and decryption in one context after the other.
func contextWorks() []string {
	var works []string
	for _, verb := range []string{encryptName(64), decryptName(64)} {
		works = append(works, verb+sameLength, verb+otherLength)
	}
	return works
}

// recordBindings are the contexts of n records, with IDs of 12 digits or of 8 to 16.
func recordBindings(n int, lengths string) []*binding {
	bindings := make([]*binding, n)
	for i := range bindings {
		width := 12
		if lengths == otherLength {
			width = 8 + i%9
		}
		bindings[i] = newBinding("id", fmt.Sprintf("%0*d", width, i), "table", "users")
	}
	return bindings
}

// contextTasks are this library and raw AES-256-GCM with messages of more and more
// contexts in turn, all under one key and of one session.
func (s scale) contextTasks() ([]task, error) {
	var tasks []task
	for _, n := range s.contexts {
		for _, lengths := range []string{sameLength, otherLength} {
			bindings := recordBindings(n, lengths)
			for _, subject := range named(rawName, appendName) {
				some, err := bindingTasks(subject, bindings, lengths)
				if err != nil {
					return nil, err
				}
				tasks = append(tasks, some...)
			}
		}
	}
	return tasks, nil
}

func bindingTasks(s subject, bindings []*binding, lengths string) ([]task, error) {
	x, err := s.make()
	if err != nil {
		return nil, err
	}
	plaintext, n := random(64), len(bindings)
	ciphertexts := make([][]byte, n)
	for i, b := range bindings {
		if ciphertexts[i], err = x.seal(nil, plaintext, b); err != nil {
			return nil, err
		}
	}
	in := func(work string, do func(i int, dst []byte) error) task {
		return task{subject: s.name, work: work + lengths, x: float64(n), cores: 1, base: rawName, fresh: inTurn(n, do)}
	}
	return []task{
		in(encryptName(64), func(i int, dst []byte) error {
			_, err := x.seal(dst, plaintext, bindings[i])
			return err
		}),
		in(decryptName(64), func(i int, dst []byte) error {
			_, err := x.open(dst, ciphertexts[i], bindings[i])
			return err
		}),
	}, nil
}

func (r *report) growthOfContexts(d *document) {
	d.say("\n### With contexts")
	d.plot("contexts", "time to encrypt and decrypt by number of contexts")
	d.head(append([]string{"contexts"}, contextWorks()...)...)
	for _, x := range xsOf(r.Contexts) {
		row := []string{fmt.Sprintf("%.0f", x)}
		for _, work := range contextWorks() {
			row = append(row, cell(curve(r.Contexts, appendName, work, x)))
		}
		d.row(row...)
	}
	d.say(`
What is bound is a context's sorted encoding. That of the last one is kept, by each session that seals
and by each core that opens: for the same pairs again it is taken as it is, and where only values
differ, and none in length, these are replaced in it. Any other is encoded anew. So to encrypt bends
once, where the second context comes. To decrypt bends more slowly: a session that has opened keeps the
first of its contexts, too, which is a smaller part the more there are. Very many outgrow the
processor's caches.`)
}

// contextLines are the curves of this library, one for each work.
func (r *report) contextLines() []line {
	var lines []line
	for _, work := range contextWorks() {
		for _, l := range linesOf(r.Contexts, work) {
			if l.name == appendName {
				l.name = work
				lines = append(lines, l)
			}
		}
	}
	return lines
}
