// Command bench measures this library beside what else a Go program could embed to
// encrypt a few bytes under a key, all in one process and in turns, and writes
// docs/performance.md with its tables and plots:
//
//	cd bench && go run .
//
// That takes about ten minutes. With -quick and a folder of its own it takes a few
// seconds and shows no more than that it works:
//
//	go run . -quick -out /tmp/bench
//
// -render writes the document anew from the data of the last run.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"os"
	"os/signal"
	"time"
)

func main() {
	log.SetFlags(log.Ltime)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second interrupt ends it at once
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

const documents = "../docs"

func run(ctx context.Context, w io.Writer, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(w)
	quick := flags.Bool("quick", false, "measure almost nothing, to see that it works; needs -out")
	out := flags.String("out", documents, "`folder` to write into")
	rounds := flags.Int("rounds", 15, "how often each figure is measured")
	slot := flags.Duration("slot", 25*time.Millisecond, "how long a figure is measured in each round")
	render := flags.Bool("render", false, "measure nothing, but write the document anew")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *quick && *out == documents {
		return errors.New("figures of -quick are none to publish: name a folder with -out")
	}
	if *render {
		r, err := readReport(*out)
		if err != nil {
			return err
		}
		return r.write(*out)
	}
	p := plan{engine{*rounds, *slot, log.Printf}, fullScale, allPrograms, 41}
	if *quick {
		p = plan{engine{2, 200 * time.Microsecond, log.Printf}, quickScale, allPrograms[:3], 3}
	}
	if p.rounds < 1 {
		return errors.New("there must be a round")
	}
	r, err := measureAll(ctx, p)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, r.summary()); err != nil {
		return err
	}
	return r.write(*out)
}
