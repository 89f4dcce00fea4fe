package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// wellFormed checks an SVG: XML to its end, and no coordinate that is no number.
func wellFormed(t *testing.T, name, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	elements := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if e, ok := token.(xml.StartElement); ok {
			elements++
			for _, a := range e.Attr {
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("%s: %s of %s is %s", name, a.Name.Local, e.Name.Local, a.Value)
				}
			}
		}
	}
	if elements < 3 || !strings.HasPrefix(svg, `<svg xmlns="http://www.w3.org/2000/svg"`) {
		t.Errorf("%s: %d elements of no SVG", name, elements)
	}
}

func TestCharts(t *testing.T) {
	for name, lines := range map[string][]line{
		"none":         nil,
		"empty":        {{name: "a"}},
		"one point":    {{name: "a", points: []point{{1, 1}}}},
		"zero, no log": {{name: "a", points: []point{{0, 5}, {10, -3}, {10, 0}, {math.NaN(), 1}, {10, 20}}}},
		"names":        {{name: `<a> & "b"`, points: []point{{1, 10}, {1000, 1e6}}}},
		"many at once": {
			{name: "a", points: []point{{1, 1}, {9, 5}}}, {name: "b", points: []point{{1, 2}, {9, 5}}},
			{name: "c", points: []point{{1, 3}, {9, 5}}},
		},
	} {
		c := chart{title: "a < b & c", x: "<x>", y: "y", lines: lines}
		wellFormed(t, name, c.svg())
	}
	wellFormed(t, "bars", barChart("bars <1>", []bar{{"a & b", 1, ours}, {"c", 3e4, library}, {"d", 0.5, primitive}}))
	wellFormed(t, "no bars", barChart("none", nil))
}

// Names of lines do not lie upon each other.
func TestLabels(t *testing.T) {
	var lines []line
	for range 8 {
		lines = append(lines, line{name: "the same", points: []point{{1, 10}, {100, 10}}})
	}
	c := chart{lines: lines}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(c.svg(), "\n") {
		if strings.Contains(part, ">the same<") {
			if seen[part] {
				t.Errorf("twice: %s", part)
			}
			seen[part] = true
		}
	}
	if len(seen) != len(lines) {
		t.Errorf("%d names, want %d", len(seen), len(lines))
	}
}

func TestAxis(t *testing.T) {
	a := newAxis([]float64{100, 1, 10}, 0, 200)
	for v, want := range map[float64]float64{1: 0, 10: 100, 100: 200} {
		if got := a.at(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v is at %v, want %v", v, got, want)
		}
	}
	if got := a.ticks(); len(got) != 7 || got[0] != 1 || got[6] != 100 {
		t.Errorf("ticks %v, want 1 2 5 10 20 50 100", got)
	}
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 1.234: "1.23", 12.34: "12.3", 1234.5: "1234", 12345: "12.3k", 2.5e6: "2.50M",
	} {
		if got := short(v); got != want {
			t.Errorf("short(%v) = %s, want %s", v, got, want)
		}
	}
}
