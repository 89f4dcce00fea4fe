package main

import (
	"strings"
	"testing"
)

// made is a figure of a subject whose rounds all took ns.
func made(subject, work string, cores int, ns float64) figure {
	return figure{Subject: subject, Work: work, Cores: cores, NS: ns, Rounds: []float64{ns, ns, ns}}
}

func TestTargets(t *testing.T) {
	r := &report{Table: []figure{
		made(appendName, encryptName(64), 1, 300), made(tinkGCMName, encryptName(64), 1, 250),
		made(appendName, encryptName(4096), 1, 900), made(tinkGCMName, encryptName(4096), 1, 1000),
		made(wrappingName, encryptName(64), 1, 200), made(boundToBytes, encryptName(64), 1, 200), made(tinkXGCMName, encryptName(64), 1, 600),
	}}
	want := []struct {
		got   float64
		met   bool
		where string
	}{
		{1.5, false, "go-kms-wrapping aead, encrypt 64 B, cores: 1; 1 of 2 are within"},
		{1.2, true, "tink AES256-GCM, encrypt 64 B, cores: 1"},
		{0.8, true, "tink AES256-GCM, encrypt 64 B, cores: 1"},
		{0.9, true, "tink AES256-GCM, encrypt 4 KiB, cores: 1"},
		{0, true, encryptName(64)}, // allocations
	}
	got := r.targets()
	if len(got) != len(want) {
		t.Fatalf("%+v, want %d", got, len(want))
	}
	for i, w := range want {
		if g := got[i]; g.got != w.got || g.met() != w.met || g.where != w.where {
			t.Errorf("%+v, want %+v", g, w)
		}
	}
}

// The binary is compared with one that prints, the memory with its limits.
func TestTargetsOfProcesses(t *testing.T) {
	r := &report{
		Programs:   []*program{{Name: "hello", Binary: 2e6}, {Name: "kms", Binary: 7e6}},
		Footprints: []footprint{{Keys: 1, Loaded: 1e6}, {Keys: 1000, Loaded: 2048, Opening: 1024, Sealing: 4096}},
	}
	for i, want := range []struct {
		got float64
		met bool
	}{{2, true}, {1, true}, {4, false}, {5, false}} {
		if got := r.targets()[i]; got.got != want.got || got.met() != want.met {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

// A document is about the machine that measured, wherever it is rendered.
func TestRenderedElsewhere(t *testing.T) {
	work := encryptName(64)
	r := &report{Machine: machine{Cores: 96}, Table: []figure{
		made(appendName, work, 1, 300), made(appendName, work, 96, 10),
		made(tinkXGCMName, work, 1, 600), made(tinkXGCMName, work, 96, 5),
	}}
	d := new(document)
	r.tables(d)
	if text := d.String(); !strings.Contains(text, "### Encryption, 96 cores") || !strings.Contains(text, "10 ±0%") {
		t.Error("the tables lack what 96 cores took")
	}
	if got := r.targets()[0]; got.got != 2 {
		t.Errorf("%+v, want 2 on 96 cores", got)
	}
}
