package main

import (
	"cmp"
	"fmt"
	"slices"
)

// plots returns the SVG of each plot by its name.
func (r *report) plots() map[string]string {
	all := map[string]string{
		"start": (&chart{title: "Opening a store and encrypting under one key of it", x: "keys in the store",
			y: "ns", lines: linesOf(r.Start, "start")}).svg(),
		"keys": (&chart{title: "Keys used in turn, 64 B, two-pair context, one core", x: "keys", y: "ns",
			lines: linesOf(r.Keys, "keys")}).svg(),
		"sessions": (&chart{title: "Decrypting 64 B of more and more sessions of one key", x: "sessions in turn",
			y: "ns", xs: xsOf(r.Sessions), lines: linesOf(r.Sessions, sessionsWork)}).svg(),
		"contexts": (&chart{title: "64 B in more and more contexts, one session", x: "contexts in turn", y: "ns",
			xs: xsOf(r.Contexts), lines: r.contextLines()}).svg(),
		"memory": (&chart{title: "Memory for each key", x: "keys", y: "bytes", lines: r.memoryLines()}).svg(),
		"cores": (&chart{title: "1 KiB on more cores: nanoseconds of the machine for a call", x: "cores", y: "ns",
			xs: xsOf(r.Cores), lines: append(prefixed("encrypt, ", linesOf(r.Cores, encryptName(1024))),
				prefixed("decrypt, ", linesOf(r.Cores, decryptName(1024)))...)}).svg(),
	}
	for _, work := range []string{"encrypt", "decrypt"} {
		all["sizes-"+work] = (&chart{title: "Nanoseconds to " + work + ", two-pair context, one core",
			x: "bytes of plaintext", y: "ns", xs: xsOf(r.Sizes), lines: linesOf(r.Sizes, work)}).svg()
	}
	for _, size := range []int{64, 4096} {
		for verb, work := range map[string]string{"encrypt": encryptName(size), "decrypt": decryptName(size)} {
			all[fmt.Sprintf("%s-%d", verb, size)] = r.bars(work)
		}
	}
	return all
}

// bars are all subjects at one work, on one core.
func (r *report) bars(work string) string {
	var bars []bar
	for _, s := range subjects() {
		if f := find(r.Table, s.name, work, 1); f != nil {
			bars = append(bars, bar{s.name, f.Ratio, s.class})
		}
	}
	return barChart("To "+work+", one core, as multiples of raw AES-256-GCM", bars)
}

// linesOf are the curves of a work, one for each subject.
func linesOf(figures []figure, work string) []line {
	var lines []line
	at := map[string]int{}
	for _, f := range figures {
		if f.Work != work {
			continue
		}
		if _, ok := at[f.Subject]; !ok {
			at[f.Subject] = len(lines)
			lines = append(lines, line{name: f.Subject})
		}
		l := &lines[at[f.Subject]]
		l.points = append(l.points, point{f.X, f.NS})
	}
	for _, l := range lines {
		slices.SortFunc(l.points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	}
	return lines
}

func prefixed(prefix string, lines []line) []line {
	for i := range lines {
		lines[i].name = prefix + lines[i].name
	}
	return lines
}

func (r *report) memoryLines() []line {
	lines := []line{{name: "loaded"}, {name: "a session opened"}, {name: "a session sealing"}}
	for _, f := range r.Footprints {
		for i, bytes := range []float64{f.Loaded, f.Opening, f.Sealing} {
			lines[i].points = append(lines[i].points, point{float64(f.Keys), bytes})
		}
	}
	return lines
}

// xsOf are the values of x that were measured, ascending.
func xsOf(figures []figure) []float64 {
	var xs []float64
	for _, f := range figures {
		xs = append(xs, f.X)
	}
	slices.Sort(xs)
	return slices.Compact(xs)
}

// curve returns the figure of a subject at x, or nil.
func curve(figures []figure, subject, work string, x float64) *figure {
	for i := range figures {
		f := &figures[i]
		if f.Subject == subject && f.Work == work && f.X == x && f.Cores == 1 {
			return f
		}
	}
	return nil
}
