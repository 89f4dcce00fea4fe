package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestQuick runs everything for a moment, so that it cannot rot.
func TestQuick(t *testing.T) {
	dir := t.TempDir()
	if err := run(t.Context(), io.Discard, []string{"-quick", "-out", dir}); err != nil {
		t.Fatal(err)
	}
	text := read(t, dir, documentName)
	for _, s := range subjects() {
		if strings.Count(text, s.name) < 3 {
			t.Errorf("%s is not in the document", s.name)
		}
	}
	for _, bad := range []string{"NaN", "Inf%", "Inf ", "%!", appendName + "** | –"} {
		if strings.Contains(text, bad) {
			t.Errorf("the document has %q", bad)
		}
	}
	checkReport(t, dir)
	shown := 0
	for part := range strings.SplitSeq(text, "](") {
		if name, _, ok := strings.Cut(part, ".svg)"); ok {
			shown++
			wellFormed(t, name, read(t, dir, name+".svg"))
		}
	}
	if plots, _ := filepath.Glob(filepath.Join(dir, plotsFolder, "*.svg")); shown < 10 || len(plots) != shown {
		t.Errorf("%d plots shown of %d", shown, len(plots))
	}
	// The data is all that the document is made of.
	if err := run(t.Context(), io.Discard, []string{"-render", "-out", dir}); err != nil {
		t.Fatal(err)
	}
	if again := read(t, dir, documentName); again != text {
		t.Error("the document is another one when it is rendered again")
	}
}

// What is published is what its data says, in the words of today.
func TestPublished(t *testing.T) {
	r, err := readReport(documents)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
	names := []string{documentName}
	for name := range r.plots() {
		names = append(names, filepath.Join(plotsFolder, name+".svg"))
	}
	for _, name := range names {
		if read(t, documents, name) != read(t, dir, name) {
			t.Errorf("%s is not what its data says: go run . -render", name)
		}
	}
	if plots, _ := filepath.Glob(filepath.Join(documents, plotsFolder, "*.svg")); len(plots) != len(names)-1 {
		t.Errorf("%d plots are published of %d", len(plots), len(names)-1)
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-quick"}, // would publish figures of nothing
		{"-unknown"}, {"-rounds", "0"}, {"-render", "-out", t.TempDir()},
	} {
		if err := run(t.Context(), io.Discard, args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// Who interrupts a run does not wait for ten minutes, whatever part it is in.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := plan{engine{1, time.Millisecond, t.Logf}, quickScale, nil, 0}
	r := new(report)
	for name, part := range map[string]func(context.Context, plan) error{
		"tables": r.measureTables, "curves": r.measureCurves, "keys": r.measureKeys, "disk": r.measureDisk,
	} {
		if err := part(ctx, p); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want %v", name, err, context.Canceled)
		}
	}
}

// Everything is measured that the tables have a place for, beside what it says.
func checkReport(t *testing.T, dir string) {
	t.Helper()
	r, err := readReport(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range subjects() {
		for _, w := range tableWorks() {
			for _, cores := range coreCounts(r.Machine.Cores) {
				f := find(r.Table, s.name, w.name, cores)
				if s.single && cores > 1 {
					continue
				}
				if f == nil || f.Base != rawName || len(f.Rounds) != r.Rounds || s.name == rawName && f.Ratio != 1 {
					t.Errorf("%s, %s, cores: %d: %+v", s.name, w.name, cores, f)
				}
			}
		}
	}
	for _, f := range r.Design {
		if f.Base != rawName || f.Subject == rawName && f.Ratio != 1 || len(f.Rounds) != 4*r.Rounds {
			t.Errorf("limits: %+v", f)
		}
	}
	for _, p := range pairings() {
		for _, w := range []string{encryptName(dataKeySize), decryptName(dataKeySize)} {
			if f := find(r.Pairs, p.kms.name, w, 1); f == nil || f.Base != p.bare.name {
				t.Errorf("%s, %s: %+v", p.kms.name, w, f)
			}
		}
	}
	for _, f := range slices.Concat(r.Sessions, r.Contexts, r.Sizes, r.Cores) {
		if f.Base != rawName || f.Subject == rawName && f.Ratio != 1 {
			t.Errorf("curves: %+v", f)
		}
	}
	for name, n := range map[string]int{
		"targets": len(r.targets()) - 24, "footprints": len(r.Footprints) - 1, "starts": len(r.Start) - 4,
	} {
		if n < 0 {
			t.Errorf("%s: %d missing", name, -n)
		}
	}
}
