package main

import (
	"math"
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

// Each limit is of what it says, over what it says, with the number it says.
func TestLimits(t *testing.T) {
	r := &report{Machine: machine{Cores: 2}}
	inRow := func(row *[]figure, x float64, f figure) {
		f.X = x
		*row = append(*row, f)
	}
	ratio := 1.0
	for _, size := range designSizes {
		for _, w := range []string{encryptName(size), decryptName(size)} {
			for _, suffix := range []string{"", noContext} {
				f := made(appendName, w+suffix, 1, 400)
				f.Ratio, ratio = ratio, ratio+0.125
				r.Design = append(r.Design, f)
			}
		}
	}
	r.Design = append(r.Design, made(appendName, generateName, 1, 600))
	for i, w := range []string{encryptName(4096), decryptName(4096)} {
		r.Table = append(r.Table, made(emmansunName, w, 1, 1100+float64(100*i)), made(bareSM4Name, w, 1, 1000), made(rawName, w, 1, 10))
	}
	for _, x := range []float64{1, 1000} {
		inRow(&r.Sessions, x, made(appendName, sessionsWork, 1, 300+x))
		inRow(&r.Sessions, x, made(tinkXGCMName, sessionsWork, 1, 1000+x))
		inRow(&r.Keys, x, made(lookupName, "keys", 1, 1000+x/10))
	}
	for i, w := range []string{encryptName(1024), decryptName(1024)} {
		r.Cores = append(r.Cores, made(rawName, w, 1, 400), made(rawName, w, 2, 200),
			made(appendName, w, 1, 900), made(appendName, w, 2, 500+float64(100*i)))
	}
	type limit struct{ limit, got float64 }
	want := map[string]limit{
		"GenerateDataKey, over AppendEncrypt of 32 B":                              {2, 1.5},
		"SM4 of emmansun, encrypt 4 KiB, over its bare SM4-GCM":                    {1.3, 1.1},
		"SM4 of emmansun, decrypt 4 KiB, over its bare SM4-GCM":                    {1.3, 1.2},
		"cold decrypt of 64 B, over tink's X-AES-256-GCM":                          {1, 0.65},
		"one key of 1,000 in the cache, over one of one":                           {1.1, 1100 / 1000.1},
		"gain of all cores for raw AES-256-GCM, over the library's, encrypt 1 KiB": {1.05, 2 / 1.8},
		"gain of all cores for raw AES-256-GCM, over the library's, decrypt 1 KiB": {1.05, 2 / 1.5},
	}
	ratio = 1
	for i, limits := range [][4]float64{{2.6, 1.9, 2.8, 1.9}, {1.75, 1.4, 1.8, 1.35}, {1.3, 1.2, 1.3, 1.15}} {
		size := designSizes[i]
		for j, w := range []string{encryptName(size), encryptName(size) + noContext, decryptName(size), decryptName(size) + noContext} {
			want[w+", over raw AES-256-GCM"] = limit{limits[j], ratio}
			ratio += 0.125
		}
	}
	for _, g := range r.targets() {
		w, ok := want[g.what]
		if !ok || g.limit != w.limit || math.Abs(g.got-w.got) > 1e-9 {
			t.Errorf("%+v, want %+v", g, w)
		}
		delete(want, g.what)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

// A call in ten that allocates is one that does.
func TestAllocationsAreNotRoundedAway(t *testing.T) {
	f := made(appendName, encryptName(64), 1, 300)
	for allocs, met := range map[float64]bool{0: true, 0.01: true, 0.1: false, 0.5: false, 1: false} {
		f.Allocs = allocs
		if got := (&report{Table: []figure{f}}).targets(); len(got) != 1 || got[0].met() != met {
			t.Errorf("%v allocations: %+v, want %v", allocs, got, met)
		}
	}
}
