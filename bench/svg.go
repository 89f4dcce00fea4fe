package main

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// A chart is lines over a common x axis, both axes logarithmic.
type chart struct {
	title, x, y string
	xs          []float64 // the ticks; nil for powers of ten
	format      func(float64) string
	lines       []line
}

type line struct {
	name   string
	points []point // by ascending x
}

type point struct{ x, y float64 }

// Sizes of a chart in pixels. The names of lines stand to its right.
const (
	chartWidth, chartHeight             = 820, 440
	plotLeft, plotTop                   = 70, 40
	plotRight, plotBottom               = 580, 390
	labelGap                            = 16
	barHeight, barLeft, barRight, barUp = 22, 300, 760, 60
)

// colours are told apart by most who are colour-blind (Okabe and Ito).
var colours = []string{
	"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a8a00", "#7f3fbf",
}

// drawing is an SVG under construction.
type drawing struct{ strings.Builder }

// newDrawing begins a drawing with its title.
func newDrawing(width, height int, title string) *drawing {
	d := new(drawing)
	fmt.Fprintf(d, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" `+
		`font-family="sans-serif" font-size="12"><title>%s</title>`+"\n", width, height, html.EscapeString(title))
	fmt.Fprintf(d, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	d.text(plotLeft, 22, "start", "bold", title)
	return d
}

func (d *drawing) end() string { return d.String() + "</svg>\n" }

func (d *drawing) text(x, y float64, anchor, weight, s string) {
	fmt.Fprintf(d, `<text x="%.1f" y="%.1f" text-anchor="%s" font-weight="%s">%s</text>`+"\n",
		x, y, anchor, weight, html.EscapeString(s))
}

func (d *drawing) rule(x1, y1, x2, y2 float64, colour string) {
	fmt.Fprintf(d, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, colour)
}

// An axis maps values from..to, logarithmically, onto pixels.
type axis struct{ from, to, first, last float64 }

// newAxis is an axis that has room for all values. A single value is in the middle.
func newAxis(values []float64, first, last float64) axis {
	from, to := slices.Min(values), slices.Max(values)
	if from == to {
		from, to = from/2, to*2
	}
	return axis{from, to, first, last}
}

func (a axis) at(v float64) float64 {
	return a.first + (a.last-a.first)*math.Log(v/a.from)/math.Log(a.to/a.from)
}

// ticks are 1, 2 and 5 times the powers of ten in the range of a, without 2 and 5
// if they would be too many.
func (a axis) ticks() []float64 {
	steps := []float64{1, 2, 5}
	if a.to/a.from > 1000 {
		steps = steps[:1]
	}
	var ticks []float64
	for power := math.Pow(10, math.Floor(math.Log10(a.from))); power <= a.to; power *= 10 {
		for _, s := range steps {
			if v := s * power; v >= a.from*0.999 && v <= a.to*1.001 {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}

// svg draws the chart. Points that are not positive are left out: a logarithmic
// axis has no place for them.
func (c *chart) svg() string {
	var xs, ys []float64
	for i := range c.lines {
		l := &c.lines[i]
		l.points = slices.DeleteFunc(slices.Clone(l.points), func(p point) bool { return !(p.x > 0 && p.y > 0) })
		for _, p := range l.points {
			xs, ys = append(xs, p.x), append(ys, p.y)
		}
	}
	d := newDrawing(chartWidth, chartHeight, c.title)
	if len(xs) == 0 {
		return d.end()
	}
	x := newAxis(xs, plotLeft, plotRight)
	y := newAxis(append(ys, slices.Min(ys)*0.9, slices.Max(ys)*1.1), plotBottom, plotTop)
	c.axes(d, x, y)
	c.draw(d, x, y)
	return d.end()
}

func (c *chart) axes(d *drawing, x, y axis) {
	const grid = "#dddddd"
	ticks := c.xs
	if ticks == nil {
		ticks = x.ticks()
	}
	format := c.format
	if format == nil {
		format = short
	}
	for _, v := range ticks {
		d.rule(x.at(v), plotTop, x.at(v), plotBottom, grid)
		d.text(x.at(v), plotBottom+16, "middle", "normal", format(v))
	}
	for _, v := range y.ticks() {
		d.rule(plotLeft, y.at(v), plotRight, y.at(v), grid)
		d.text(plotLeft-6, y.at(v)+4, "end", "normal", short(v))
	}
	d.rule(plotLeft, plotBottom, plotRight, plotBottom, "#000000")
	d.rule(plotLeft, plotTop, plotLeft, plotBottom, "#000000")
	d.text((plotLeft+plotRight)/2, plotBottom+36, "middle", "normal", c.x)
	d.text(plotLeft, plotTop-4, "middle", "normal", c.y)
}

// draw draws the lines, with each name at the height of its line's end, or as near
// to it as the others leave room.
func (c *chart) draw(d *drawing, x, y axis) {
	type label struct {
		at   float64
		line int
	}
	var labels []label
	for i, l := range c.lines {
		if len(l.points) == 0 {
			continue
		}
		colour := colours[i%len(colours)]
		var path []string
		for _, p := range l.points {
			path = append(path, fmt.Sprintf("%.1f,%.1f", x.at(p.x), y.at(p.y)))
			fmt.Fprintf(d, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x.at(p.x), y.at(p.y), colour)
		}
		fmt.Fprintf(d, `<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>`+"\n",
			colour, strings.Join(path, " "))
		labels = append(labels, label{y.at(l.points[len(l.points)-1].y), i})
	}
	slices.SortStableFunc(labels, func(a, b label) int { return cmp.Compare(a.at, b.at) })
	next := float64(plotTop)
	for i, l := range labels {
		below := float64(len(labels)-1-i) * labelGap
		next = max(next, min(l.at, plotBottom-below))
		fmt.Fprintf(d, `<rect x="%d" y="%.1f" width="10" height="10" fill="%s"/>`+"\n",
			plotRight+12, next-5, colours[l.line%len(colours)])
		d.text(plotRight+28, next+4, "start", "normal", c.lines[l.line].name)
		next += labelGap
	}
}

// A bar is one of a bar chart.
type bar struct {
	name  string
	value float64
	kind  class
}

// barChart draws bars by their size over a logarithmic axis that begins at 1 or
// below, each with its value.
func barChart(title string, bars []bar) string {
	bars = slices.Clone(bars)
	slices.SortStableFunc(bars, func(a, b bar) int { return cmp.Compare(a.value, b.value) })
	height := barUp + len(bars)*barHeight + 20
	d := newDrawing(chartWidth, height, title)
	if len(bars) == 0 {
		return d.end()
	}
	least := min(0.8, bars[0].value*0.8)
	x := newAxis([]float64{least, bars[len(bars)-1].value * 1.1}, barLeft, barRight)
	for _, v := range x.ticks() {
		d.rule(x.at(v), barUp-10, x.at(v), float64(height-20), "#dddddd")
		d.text(x.at(v), barUp-16, "middle", "normal", short(v))
	}
	fill := map[class]string{primitive: "#999999", ours: "#0072b2", library: "#e69f00"}
	for i, b := range bars {
		top := float64(barUp + i*barHeight)
		d.text(barLeft-8, top+13, "end", "normal", b.name)
		fmt.Fprintf(d, `<rect x="%d" y="%.1f" width="%.1f" height="%d" fill="%s"/>`+"\n",
			barLeft, top, x.at(b.value)-barLeft, barHeight-5, fill[b.kind])
		d.text(x.at(b.value)+4, top+13, "start", "normal", short(b.value))
	}
	return d.end()
}

// short is a number in three digits, with k for thousands and M for millions.
func short(v float64) string {
	unit := ""
	switch {
	case v >= 1e6:
		v, unit = v/1e6, "M"
	case v >= 1e4:
		v, unit = v/1e3, "k"
	}
	switch {
	case v >= 100 || v == math.Trunc(v):
		return fmt.Sprintf("%.0f%s", v, unit)
	case v >= 10:
		return fmt.Sprintf("%.1f%s", v, unit)
	}
	return fmt.Sprintf("%.2f%s", v, unit)
}
