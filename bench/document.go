package main

import (
	"fmt"
	"strings"
)

// A document is Markdown under construction.
type document struct{ strings.Builder }

func (d *document) say(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

// row writes a row of a table, head the first two.
func (d *document) row(cells ...string) { d.say("| %s |", strings.Join(cells, " | ")) }

func (d *document) head(cells ...string) {
	d.row(cells...)
	d.say("|%s", strings.Repeat("---|", len(cells)))
}

// plot shows a plot of the folder beside the document.
func (d *document) plot(name, text string) { d.say("\n![%s](%s/%s.svg)\n", text, plotsFolder, name) }

// markdown is the whole document.
func (r *report) markdown() string {
	d := new(document)
	r.opening(d)
	r.targetTable(d)
	r.tables(d)
	r.traitTable(d)
	r.pairTable(d)
	r.growth(d)
	r.programTable(d)
	return d.String()
}

// summary is what is printed: the tables.
func (r *report) summary() string {
	d := new(document)
	r.tables(d)
	r.pairTable(d)
	r.programTable(d)
	r.targetTable(d)
	return d.String()
}

func (r *report) opening(d *document) {
	m := r.Machine
	d.say(`# Performance

This file is generated: run

    cd bench && go run .

which measures this library and what else a Go program could embed, in one process, and writes this
file, the plots and the [data](%s/%s) behind them.

| | |
|---|---|
| processor | %s, %d cores |
| system | %s |
| Go | %s |
| date | %s |
| revision | %s |
| rounds | %d, of %s for each figure |
`, plotsFolder, dataName, m.CPU, m.Cores, m.System, m.Go, m.Date, orNone(m.Revision), r.Rounds, r.Slot)
	d.say(`How it is measured:

- In each round everything runs for a moment, one after the other, beginning with another every time,
  and each with a heap without garbage. A figure is the median of the rounds, ± half of how far
  apart the middle half of them is. A ratio is the median of the ratios of each round, so that what
  slows the machine down for a while slows both down.
- Limits on ratios to raw AES-256-GCM and on gains of cores take four times as many rounds.
- A figure of one core is timed in up to %d parts, of which it is the median.
- The unit is %s as a program would use it at its best: a cipher.AEAD that is kept, random
  nonces, a reused buffer, and as many authenticated bytes as an envelope has: %d and the encoded
  context.
- The context is of two pairs, env=prod and service=orders. Subjects that take bytes get it encoded
  beforehand, which favours them: a caller who has a map would encode it for every call. It is the
  same for every message, which favours this library, since it keeps the last one encoded: what others
  cost is below, with contexts.
- A data key is of %d bytes. Where a subject has none of its own, its caller draws and seals it.
- On all cores, as many goroutines as there are cores use one key. A figure is then the machine's
  time for a call, half as much on two cores if nothing is in the way.
- FIPS 140-3 mode is off.`, batches, rawName, headerBytes, dataKeySize)
}

func orNone(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func (r *report) targetTable(d *document) {
	d.say("\n## Limits\n\nWhat the library is held to, and the worst that was measured: " +
		"of the Append forms and of data keys, unless another is named. The others' libraries allocate their " +
		"results, since they have no such forms; the row that does so, too, is below.\n")
	d.head("what", "at most", "measured", "", "at")
	for _, t := range r.targets() {
		verdict := "met"
		if !t.met() {
			verdict = "**missed**"
		}
		d.row(t.what, short(t.limit), fmt.Sprintf("%.2f", t.got), verdict, t.where)
	}
	d.say(`
Beside tink's AES256-GCM, which its user holds in a variable, a short message pays for what an envelope
is for: its key is found by an ID among those of the cache, and the key's state and the version are
looked at; commitments are compared; %d bytes more are authenticated; and the context is a map, whose
pairs are found by their names. A data key pays for two allocations: of the result with its plaintext,
and of its ciphertext. tink returns the plaintext alone.`, headerBytes)
}

// cell is a figure of a table: nanoseconds, their spread and the ratio.
func cell(f *figure) string {
	if f == nil {
		return "–"
	}
	text := fmt.Sprintf("%s ±%.0f%%", short(f.NS), 50*f.Spread)
	if f.Ratio > 0 {
		text += fmt.Sprintf(" (%s)", short(f.Ratio))
	}
	return text
}

func (r *report) tables(d *document) {
	works := tableWorks()
	n := len(tableSizes)
	d.say("\n## Every subject\n\nNanoseconds for a call, and in brackets as a multiple of raw %s.", rawName)
	for _, cores := range coreCounts(r.Machine.Cores) {
		where := "one core"
		if cores > 1 {
			where = fmt.Sprintf("%d cores", cores)
		}
		for _, part := range []struct {
			title string
			works []work
		}{{"Encryption", works[:n]}, {"Decryption", works[n : 2*n]}, {"Data keys", works[2*n:]}} {
			d.say("\n### %s, %s\n", part.title, where)
			r.grid(d, part.works, func(s subject, w work) string { return cell(find(r.Table, s.name, w.name, cores)) })
		}
	}
	d.say("\n### Allocations\n\nAllocations and bytes of a call; by how much a ciphertext is longer than its plaintext.\n")
	r.grid(d, append([]work{{name: "overhead"}}, works...), func(s subject, w work) string {
		if w.name == "overhead" {
			return fmt.Sprintf("%d B", r.Overheads[s.name])
		}
		f := find(r.Table, s.name, w.name, 1)
		if f == nil {
			return "–"
		}
		return fmt.Sprintf("%.0f, %s B", f.Allocs, short(f.Bytes))
	})
	for _, plot := range []string{"encrypt-64", "encrypt-4096", "decrypt-64", "decrypt-4096"} {
		d.plot(plot, "all subjects, "+plot+" bytes, one core")
	}
}

// grid is a table with a row for each subject.
func (r *report) grid(d *document, columns []work, cell func(subject, work) string) {
	head := []string{""}
	for _, w := range columns {
		head = append(head, w.name)
	}
	d.head(head...)
	for _, s := range subjects() {
		row := []string{s.name}
		if s.class == ours {
			row[0] = "**" + s.name + "**"
		}
		for _, w := range columns {
			row = append(row, cell(s, w))
		}
		d.row(row...)
	}
}

// traitTable says what each subject does not do, so that ratios are read fairly.
func (r *report) traitTable(d *document) {
	d.say(`
### What they do for it

Commits: no two keys open the same ciphertext. Bound: what a ciphertext is bound to. Key, version: how
a ciphertext names them. Messages: how many one key may seal until nonces are likely to meet (2^-32).
`)
	d.head("", "version measured", "commits", "bound", "key", "key version", "messages", "notes")
	for _, s := range subjects() {
		commits := "–"
		if s.has.commits {
			commits = "yes"
		}
		d.row(s.name, r.versionOf(s), commits, orNone(s.has.context), orNone(s.has.key), orNone(s.has.version),
			s.has.messages, s.note)
	}
}

func (r *report) versionOf(s subject) string {
	switch version := r.Machine.Modules[s.module]; {
	case s.module == "":
		return r.Machine.Go
	case s.class == ours:
		return "this one"
	case version == "":
		return s.module
	default:
		return s.module + " " + version
	}
}

func (r *report) pairTable(d *document) {
	d.say("\n## RSA and SM2\n\nOf %d bytes, and in brackets as a multiple of the algorithm bare. No context is bound.\n",
		dataKeySize)
	d.head("", encryptName(dataKeySize), decryptName(dataKeySize))
	for _, p := range pairings() {
		for _, s := range []subject{p.bare, p.kms} {
			d.row(s.name, cell(find(r.Pairs, s.name, encryptName(dataKeySize), 1)),
				cell(find(r.Pairs, s.name, decryptName(dataKeySize), 1)))
		}
	}
	d.say(`
Package gm multiplies by a private key of SM2 under tjfoc in two random parts, so that the time does not
tell of it: to decrypt takes twice as long as bare.`)
}

func (r *report) programTable(d *document) {
	d.say(`
## Whole programs

Each of [bench/hello](../bench/hello) encrypts and decrypts a greeting, but for empty, which does
nothing, and hello, which prints one: that is where package fmt begins. Megabytes are of "go build",
and stripped of "go build -ldflags='-s -w'"; a start is from the beginning of a process to its end.
`)
	empty := r.program("empty")
	d.head("", "MB", "MB above empty", "MB stripped", "packages of others", "of the standard library", "modules", "start, ms")
	for _, p := range r.Programs {
		d.row(p.Name, mega(p.Binary), mega(p.Binary-empty.Binary), mega(p.Stripped), fmt.Sprint(p.Others),
			fmt.Sprint(p.Standard), fmt.Sprint(p.Modules), fmt.Sprintf("%.1f ±%.0f%%", p.Start/1e6, 50*p.Spread))
	}
}

func mega(bytes int64) string { return fmt.Sprintf("%.2f", float64(bytes)/1e6) }
