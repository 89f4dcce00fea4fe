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
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var verb string
		var e Event
		_, err = fmt.Sscanf(line, "%s %s %d\n", &verb, &e.Key, &e.Rev)
		if err != nil || verb != "ack" && verb != "going" {
			rest, _ := io.ReadAll(lines)
			return fmt.Errorf("ackload: the writers say %q", line+string(rest))
		}
		e.Going = verb == "going"
		note(e)
	}
}
