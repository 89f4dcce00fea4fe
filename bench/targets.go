package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A target is a limit that the library should stay within, and what was measured.
type target struct {
	what  string
	limit float64
	got   float64
	where string // the worst, if there are several
}

func (t target) met() bool { return t.got <= t.limit }

// targets evaluates all limits for which there are figures.
func (r *report) targets() []target {
	var all []target
	for _, some := range [][]target{
		r.peerTargets(), r.designTargets(), r.otherTargets(), r.memoryTargets(), r.programTargets(),
	} {
		all = append(all, some...)
	}
	return all
}

// worst returns the candidate that is the furthest beyond, under a common text, and
// says how many are within.
func worst(what string, limit float64, candidates []target) []target {
	if len(candidates) == 0 {
		return nil
	}
	within := 0
	for i := range candidates {
		if candidates[i].limit = limit; candidates[i].met() {
			within++
		}
	}
	w := slices.MaxFunc(candidates, func(a, b target) int { return cmp.Compare(a.got, b.got) })
	w.what = what
	if !w.met() {
		w.where += fmt.Sprintf("; %d of %d are within", within, len(candidates))
	}
	return []target{w}
}

// peerTargets compare with every library, row by row.
func (r *report) peerTargets() []target {
	others := func(s subject, _ work) bool { return s.name != tinkGCMName }
	short := func(s subject, w work) bool { return s.name == tinkGCMName && w.size < 256 }
	long := func(s subject, w work) bool { return s.name == tinkGCMName && w.size >= 256 }
	return slices.Concat(
		worst("time, over that of any library but tink's AES256-GCM", 1, r.beside(appendName, others)),
		worst("time, over that of tink's AES256-GCM below 256 B", 1.5, r.beside(appendName, short)),
		worst("the same, both bound to bytes", 1.5, r.beside(boundToBytes, short)),
		worst("time, over that of tink's AES256-GCM from 1 KiB up", 1, r.beside(appendName, long)))
}

// beside compares a subject of this library with others, at each work that both do.
func (r *report) beside(mine string, with func(subject, work) bool) []target {
	var all []target
	for _, s := range subjects() {
		for _, w := range tableWorks() {
			if s.class != library || !with(s, w) {
				continue
			}
			for _, cores := range coreCounts(r.Machine.Cores) {
				a, b := find(r.Table, mine, w.name, cores), find(r.Table, s.name, w.name, cores)
				if a != nil && b != nil {
					all = append(all, target{got: median(quotients(a.Rounds, b.Rounds)),
						where: fmt.Sprintf("%s, %s, cores: %d", s.name, w.name, cores)})
				}
			}
		}
	}
	return all
}

// designLimits are ratios to raw AES-256-GCM, for each of designSizes.
var designLimits = []struct {
	verb, suffix string
	limits       [3]float64
}{
	{"encrypt ", "", [3]float64{2.6, 1.75, 1.3}},
	{"encrypt ", noContext, [3]float64{1.9, 1.4, 1.2}},
	{"decrypt ", "", [3]float64{2.8, 1.8, 1.3}},
	{"decrypt ", noContext, [3]float64{1.9, 1.35, 1.15}},
}

func (r *report) designTargets() []target {
	var all []target
	for _, l := range designLimits {
		for i, size := range designSizes {
			work := l.verb + bytesName(size) + l.suffix
			if f := find(r.Design, appendName, work, 1); f != nil {
				all = append(all, target{what: work + ", over raw AES-256-GCM", limit: l.limits[i], got: f.Ratio})
			}
		}
	}
	return all
}

// over is the time of a over that of b, round by round.
func over(what string, limit float64, a, b *figure) []target {
	if a == nil || b == nil {
		return nil
	}
	return []target{{what: what, limit: limit, got: median(quotients(a.Rounds, b.Rounds))}}
}

func (r *report) otherTargets() []target {
	var allocs []target
	for _, w := range tableWorks()[:2*len(tableSizes)] {
		if f := find(r.Table, appendName, w.name, 1); f != nil {
			// What the runtime allocates meanwhile is far less than one in twenty calls.
			allocs = append(allocs, target{got: math.Round(10*f.Allocs) / 10, where: w.name})
		}
	}
	all := worst("allocations of AppendEncrypt and AppendDecrypt", 0, allocs)
	all = append(all, over("GenerateDataKey, over AppendEncrypt of 32 B", 2,
		find(r.Design, appendName, generateName, 1), find(r.Design, appendName, encryptName(32), 1))...)
	for _, work := range []string{encryptName(4096), decryptName(4096)} {
		all = append(all, over("SM4 of emmansun, "+work+", over its bare SM4-GCM", 1.3,
			find(r.Table, emmansunName, work, 1), find(r.Table, bareSM4Name, work, 1))...)
	}
	if xs := xsOf(r.Sessions); len(xs) > 0 {
		x := xs[len(xs)-1]
		all = append(all, over("cold decrypt of 64 B, over tink's X-AES-256-GCM", 1,
			curve(r.Sessions, appendName, sessionsWork, x), curve(r.Sessions, tinkXGCMName, sessionsWork, x))...)
	}
	all = append(all, over("one key of 1,000 in the cache, over one of one", 1.1,
		curve(r.Keys, lookupName, "keys", 1000), curve(r.Keys, lookupName, "keys", 1))...)
	return append(all, r.scalingTargets()...)
}

// scalingTargets compare how much faster all cores are than one with how much
// faster raw AES-256-GCM is.
func (r *report) scalingTargets() []target {
	var all []target
	cores := r.Machine.Cores
	for _, work := range []string{encryptName(1024), decryptName(1024)} {
		raw, rawAll := find(r.Cores, rawName, work, 1), find(r.Cores, rawName, work, cores)
		kms, kmsAll := find(r.Cores, appendName, work, 1), find(r.Cores, appendName, work, cores)
		if cores == 1 || raw == nil || kms == nil {
			continue
		}
		gains := quotients(quotients(raw.Rounds, rawAll.Rounds), quotients(kms.Rounds, kmsAll.Rounds))
		all = append(all, target{what: "gain of all cores for raw AES-256-GCM, over the library's, " + work,
			limit: 1.05, got: median(gains)})
	}
	return all
}

func (r *report) memoryTargets() []target {
	var loaded, opening, sealing []target
	for _, f := range r.Footprints {
		if f.Keys < 1000 { // with fewer, what else is on the heap shows
			continue
		}
		where := fmt.Sprintf("%d keys", f.Keys)
		loaded = append(loaded, target{got: f.Loaded / 1024, where: where})
		opening = append(opening, target{got: f.Opening / 1024, where: where})
		sealing = append(sealing, target{got: f.Sealing / 1024, where: where})
	}
	return slices.Concat(
		worst("KiB of a loaded key", 2.5, loaded),
		worst("KiB of a session that has opened", 1.5, opening),
		worst("KiB of a session that seals", 1.75, sealing))
}

func (r *report) programTargets() []target {
	kms, hello := r.program("kms"), r.program("hello")
	if kms == nil || hello == nil {
		return nil
	}
	return []target{{what: "MB of a program with the library, over one that prints a greeting", limit: 4,
		got: float64(kms.Binary-hello.Binary) / 1e6}}
}

func (r *report) program(name string) *program {
	for _, p := range r.Programs {
		if p.Name == name {
			return p
		}
	}
	return nil
}
