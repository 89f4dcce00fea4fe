package main

import (
	"strings"
	"testing"
)

// Each plot has the figures of its work: bars by their ratio, curves by their time.
func TestPlots(t *testing.T) {
	r := numbered()
	plots := r.plots()
	for name, work := range map[string]string{
		"encrypt-64": encryptName(64), "decrypt-64": decryptName(64),
		"encrypt-4096": encryptName(4096), "decrypt-4096": decryptName(4096),
	} {
		for _, s := range subjects() {
			if f := find(r.Table, s.name, work, 1); !strings.Contains(plots[name], ">"+short(f.Ratio)+"<") {
				t.Errorf("%s: no %s of %s", name, short(f.Ratio), s.name)
			}
		}
	}
	for _, f := range r.Keys {
		for _, l := range linesOf(r.Keys, "keys") {
			if l.name == f.Subject && (len(l.points) != 2 || l.points[0].x != 1 || l.points[1].x != 1000 ||
				f.X == 1 && l.points[0].y != f.NS || f.X == 1000 && l.points[1].y != f.NS) {
				t.Errorf("line %+v, want %+v in it", l, f)
			}
		}
	}
	if n := len(linesOf(r.Keys, "keys")); n != 4 {
		t.Errorf("%d lines of keys, want 4", n)
	}
	if n := len(linesOf(r.Keys, "another")); n != 0 {
		t.Errorf("%d lines of another work", n)
	}
}
