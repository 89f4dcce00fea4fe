package ackload

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// An Event is what a writer says of a record.
type Event struct {
	Key string

	// Rev is the revision that the store has acknowledged, 0 for a deletion.
	Rev uint64

	// Going says that the deletion begins, and that nothing is acknowledged.
	Going bool
}

// Print returns what to give as Options.Note in a process that will be killed: it
// writes each event to w as a line, at once.
func Print(w io.Writer) func(Event) {
	return func(e Event) {
		verb := "ack"
		if e.Going {
			verb = "going"
		}
		fmt.Fprintf(w, "%s %s %d\n", verb, e.Key, e.Rev) // one Write
	}
}

// Scan reads what Print wrote, until r ends, and tells note of each event. A last
// line that is not whole does not count. Another line is an error.
func Scan(r io.Reader, note func(Event)) error {
	return EachLine(r, func(line string) error {
		var verb string
		var e Event
		_, err := fmt.Sscanf(line, "%s %s %d\n", &verb, &e.Key, &e.Rev)
		if err != nil || verb != "ack" && verb != "going" {
			return errors.New("ackload: no event of the writers")
		}
		e.Going = verb == "going"
		note(e)
		return nil
	})
}

// EachLine calls read with each line of r, until r ends: where its writer was killed,
// a last line that is not whole does not count. An error of read ends it, and comes
// back with that line and what follows.
func EachLine(r io.Reader, read func(line string) error) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := read(line); err != nil {
			rest, _ := io.ReadAll(lines)
			return fmt.Errorf("%w: %q", err, line+string(rest))
		}
	}
}
