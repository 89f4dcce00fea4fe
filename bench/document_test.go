package main

import (
	"fmt"
	"strings"
	"testing"
)

// numbered is a report of two cores whose figures all differ, made of all tasks that
// a plan has: what stands in a wrong place shows.
func numbered() *report {
	r := &report{Machine: machine{Cores: 2}, Overheads: map[string]int{}}
	n := 0.0
	number := func(subject, work string, x float64, cores int) figure {
		n++
		return figure{Subject: subject, Work: work, X: x, Cores: cores, NS: 100 + n, Spread: 0.02 * float64(int(n)%20),
			Ratio: 1 + n/100, Allocs: n, Bytes: 1000 + n, Rounds: []float64{100 + n}}
	}
	for i, s := range subjects() {
		r.Overheads[s.name] = 10 + i
		for _, w := range tableWorks() {
			r.Table = append(r.Table, number(s.name, w.name, float64(w.size), 1), number(s.name, w.name, float64(w.size), 2))
		}
	}
	for _, p := range pairings() {
		for _, s := range []subject{p.bare, p.kms} {
			r.Pairs = append(r.Pairs, number(s.name, encryptName(dataKeySize), 32, 1), number(s.name, decryptName(dataKeySize), 32, 1))
		}
	}
	for _, x := range []float64{1, 1000} {
		for _, s := range []string{byIDName, byAliasName, openingName, lookupName} {
			r.Keys = append(r.Keys, number(s, "keys", x, 1))
		}
		for _, s := range []string{rawName, tinkXGCMName, appendName} {
			r.Sessions = append(r.Sessions, number(s, sessionsWork, x, 1))
		}
		for _, w := range contextWorks() {
			r.Contexts = append(r.Contexts, number(rawName, w, x, 1), number(appendName, w, x, 1))
		}
		r.Start = append(r.Start, number(startName, "start", x, 1), number(diskName, "start", x, 1))
		r.Footprints = append(r.Footprints, footprint{int(x), 2000 + x, 1000 + x, 3000 + x})
	}
	for _, cores := range []int{1, 2} {
		for _, w := range []string{encryptName(1024), decryptName(1024)} {
			for _, s := range []string{rawName, tinkGCMName, appendName} {
				r.Cores = append(r.Cores, number(s, w, float64(cores), cores))
			}
		}
		for _, w := range []string{"encrypt", "decrypt"} {
			for _, s := range []string{rawName, appendName} {
				r.Sizes = append(r.Sizes, number(s, w, 1024*float64(cores), 1))
			}
		}
	}
	for i, name := range allPrograms {
		p := &program{Name: name, Binary: int64(2+i) * 1e6, Stripped: int64(1+i) * 1e6, Standard: 10 + i, Others: 20 + i,
			Modules: 30 + i, Start: float64(40+i) * 1e6, Spread: 0.1}
		r.Programs = append(r.Programs, p)
	}
	return r
}

// tableAt returns the rows of the first table after a text, by their first cell.
func tableAt(t *testing.T, text, after string) (head []string, rows map[string][]string) {
	t.Helper()
	_, text, ok := strings.Cut(text, after)
	if !ok {
		t.Fatalf("no %q", after)
	}
	rows = map[string][]string{}
	for line := range strings.Lines(text) {
		line, isRow := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "|")
		cells := strings.Split(strings.TrimSuffix(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " *")
		}
		switch {
		case !isRow && head != nil:
			return head, rows
		case !isRow:
		case head == nil:
			head = cells
		case cells[0] != "---":
			rows[cells[0]] = cells
		}
	}
	return head, rows
}

// wantRow compares a row with its cells, by what stands above them.
func wantRow(t *testing.T, text, after, row string, want map[string]string) {
	t.Helper()
	head, rows := tableAt(t, text, after)
	for i, name := range head {
		if i == 0 {
			continue
		}
		if cells := rows[row]; len(cells) != len(head) || cells[i] != want[name] {
			t.Errorf("%q, %s, %s: %v, want %q", after, row, name, cells, want[name])
		}
	}
	if len(head) != len(want)+1 {
		t.Errorf("%q: %q, want %d columns", after, head, len(want)+1)
	}
}

// shown is how a figure stands in a table.
func shown(f *figure) string {
	return fmt.Sprintf("%s ±%.0f%% (%s)", short(f.NS), 100*f.Spread/2, short(f.Ratio))
}

// Every figure of the table stands in the row of its subject, the column of its
// work and the part of its cores, and so does what it allocates.
func TestTables(t *testing.T) {
	r := numbered()
	text := r.markdown()
	for _, s := range subjects() {
		allocs := map[string]string{"overhead": fmt.Sprintf("%d B", r.Overheads[s.name])}
		for cores, where := range map[int]string{1: "one core", 2: "2 cores"} {
			for title, works := range map[string][]work{
				"Encryption": tableWorks()[:4], "Decryption": tableWorks()[4:8], "Data keys": tableWorks()[8:],
			} {
				want := map[string]string{}
				for _, w := range works {
					want[w.name] = shown(find(r.Table, s.name, w.name, cores))
				}
				wantRow(t, text, "### "+title+", "+where+"\n", s.name, want)
			}
		}
		for _, w := range tableWorks() {
			f := find(r.Table, s.name, w.name, 1)
			allocs[w.name] = fmt.Sprintf("%.0f, %s B", f.Allocs, short(f.Bytes))
		}
		wantRow(t, text, "### Allocations\n", s.name, allocs)
	}
}

func TestOtherTables(t *testing.T) {
	r := numbered()
	text := r.markdown()
	for _, p := range pairings() {
		for _, s := range []subject{p.bare, p.kms} {
			wantRow(t, text, "## RSA and SM2\n", s.name, map[string]string{
				"encrypt 32 B": shown(find(r.Pairs, s.name, "encrypt 32 B", 1)),
				"decrypt 32 B": shown(find(r.Pairs, s.name, "decrypt 32 B", 1)),
			})
		}
	}
	for _, x := range []float64{1, 1000} {
		row := fmt.Sprint(x)
		keys, sessions, contexts := map[string]string{}, map[string]string{}, map[string]string{}
		for _, s := range []string{byIDName, byAliasName, openingName, lookupName} {
			keys[s] = short(curve(r.Keys, s, "keys", x).NS)
		}
		for _, s := range []string{appendName, tinkXGCMName, rawName} {
			sessions[s] = shown(curve(r.Sessions, s, sessionsWork, x))
		}
		for _, w := range contextWorks() {
			contexts[w] = shown(curve(r.Contexts, appendName, w, x))
		}
		wantRow(t, text, "### With keys\n", row, keys)
		wantRow(t, text, "### With sessions\n", row, sessions)
		wantRow(t, text, "### With contexts\n", row, contexts)
		wantRow(t, text, "### Opening a store\n", row, map[string]string{
			startName: shown(curve(r.Start, startName, "start", x)), diskName: shown(curve(r.Start, diskName, "start", x)),
		})
		wantRow(t, text, "Bytes of heap", row, map[string]string{
			"loaded": short(2000 + x), "and a session opened": short(1000 + x), "and a session sealing": short(3000 + x),
		})
	}
	for _, w := range []string{encryptName(1024), decryptName(1024)} {
		for _, s := range []string{rawName, appendName, tinkGCMName} {
			one, two := find(r.Cores, s, w, 1), find(r.Cores, s, w, 2)
			wantRow(t, text, "### With cores\n", s+", "+w, map[string]string{
				"1": shown(one), "2": shown(two), "gain": fmt.Sprintf("%.2f", one.NS/two.NS),
			})
		}
	}
	for i, name := range allPrograms {
		wantRow(t, text, "## Whole programs\n", name, map[string]string{
			"MB": fmt.Sprintf("%d.00", 2+i), "MB above empty": fmt.Sprintf("%d.00", i), "MB stripped": fmt.Sprintf("%d.00", 1+i),
			"packages of others": fmt.Sprint(20 + i), "of the standard library": fmt.Sprint(10 + i),
			"modules": fmt.Sprint(30 + i), "start, ms": fmt.Sprintf("%d.0 ±5%%", 40+i),
		})
	}
}

// What a call costs by itself is what is left at no bytes.
func TestFit(t *testing.T) {
	r := &report{Sizes: []figure{
		{Subject: appendName, Work: "encrypt", X: 512, Cores: 1, NS: 300}, {Subject: appendName, Work: "encrypt", X: 2560, Cores: 1, NS: 700},
	}}
	if fixed, perKiB := r.fit(appendName, "encrypt"); fixed != 200 || perKiB != 200 {
		t.Errorf("%v and %v for each KiB, want 200 and 200", fixed, perKiB)
	}
}
