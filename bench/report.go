package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
)

// A report is everything that was measured.
type report struct {
	Machine    machine        `json:"machine"`
	Rounds     int            `json:"rounds"`
	Slot       string         `json:"slot"`
	Overheads  map[string]int `json:"overheads"` // of ciphertexts, in bytes
	Table      []figure       `json:"table"`
	Design     []figure       `json:"design"`
	Pairs      []figure       `json:"pairs"`
	Sizes      []figure       `json:"sizes"`
	Cores      []figure       `json:"cores"`
	Keys       []figure       `json:"keys"`
	Sessions   []figure       `json:"sessions"`
	Contexts   []figure       `json:"contexts"`
	Start      []figure       `json:"start"`
	Footprints []footprint    `json:"footprints"`
	Programs   []*program     `json:"programs"`
}

// A plan is what measureAll measures, and how far it goes.
type plan struct {
	engine
	scale
	programs []string
	starts   int
}

// measureAll measures everything of a plan. What one part has made is garbage when
// the next begins. What needs the network, to build programs, comes first.
func measureAll(ctx context.Context, p plan) (*report, error) {
	r := &report{Machine: thisMachine(ctx), Rounds: p.rounds, Slot: p.slot.String()}
	for _, part := range []func(context.Context, plan) error{
		r.measurePrograms, r.measureTables, r.measureCurves, r.measureKeys, r.measureDisk,
	} {
		if err := part(ctx, p); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *report) measureTables(ctx context.Context, p plan) (err error) {
	if r.Overheads, err = overheads(subjects()); err != nil {
		return err
	}
	for _, t := range []struct {
		title string
		with  engine
		into  *[]figure
		tasks func() ([]task, error)
	}{
		{"all subjects", p.engine, &r.Table, func() ([]task, error) { return tasksOf(subjects(), tableWorks(), rawName) }},
		{"limits", p.closely(), &r.Design, func() ([]task, error) {
			tasks, err := tasksOf(named(rawName, appendName), designWorks(), rawName)
			return onOneCore(tasks), err
		}},
		{"RSA and SM2", p.engine, &r.Pairs, pairTasks},
	} {
		if *t.into, err = t.with.make(ctx, t.title, t.tasks); err != nil {
			return err
		}
	}
	return nil
}

func (r *report) measureCurves(ctx context.Context, p plan) (err error) {
	if r.Sizes, err = p.make(ctx, "sizes", p.sizeTasks); err != nil {
		return err
	}
	if r.Cores, err = p.closely().make(ctx, "cores", coreTasks); err != nil {
		return err
	}
	if r.Sessions, err = p.make(ctx, "sessions", p.sessionTasks); err != nil {
		return err
	}
	r.Contexts, err = p.make(ctx, "contexts", p.contextTasks)
	return err
}

// measureKeys measures stores of many keys: small ones in turns, and each large one
// by itself, because all that is measured beside it would wait for its collection.
func (r *report) measureKeys(ctx context.Context, p plan) error {
	groups := [][]int{nil}
	for _, n := range p.keys {
		if n <= 10_000 {
			groups[0] = append(groups[0], n)
		} else {
			groups = append(groups, []int{n})
		}
	}
	for _, counts := range groups {
		if err := r.measureFleets(ctx, p, counts); err != nil {
			return err
		}
	}
	return nil
}

func (r *report) measureFleets(ctx context.Context, p plan, counts []int) error {
	p.say("stores of %d keys", counts)
	fleets, err := memoryFleets(ctx, counts)
	if err != nil {
		return err
	}
	for _, f := range fleets {
		if len(f.ids) < 40 { // fewer drown in what else is on the heap
			continue
		}
		foot, err := f.footprint()
		if err != nil {
			return err
		}
		r.Footprints = append(r.Footprints, foot)
	}
	starts, err := p.run(ctx, "start", startTasks(startName, fleets))
	if err != nil {
		return err
	}
	figures, err := p.make(ctx, "keys", func() ([]task, error) { return p.keyTasks(fleets) })
	r.Start, r.Keys = append(r.Start, starts...), append(r.Keys, figures...)
	return err
}

func (r *report) measureDisk(ctx context.Context, p plan) error {
	fleets, remove, err := p.diskFleets(ctx)
	if err != nil {
		return err
	}
	figures, err := p.run(ctx, "start from disk", startTasks(diskName, fleets))
	r.Start = append(r.Start, figures...)
	if removed := remove(); err == nil {
		err = removed
	}
	return err
}

func (r *report) measurePrograms(ctx context.Context, p plan) (err error) {
	p.say("whole programs: %d", len(p.programs))
	r.Programs, err = programs(ctx, p.programs, p.starts)
	return err
}

// make makes tasks and runs them.
func (e engine) make(ctx context.Context, title string, tasks func() ([]task, error)) ([]figure, error) {
	made, err := tasks()
	if err != nil {
		return nil, err
	}
	return e.run(ctx, title, made)
}

// Names of what write writes, beside one file for each plot.
const (
	documentName = "performance.md"
	plotsFolder  = "performance"
	dataName     = "data.json"
)

// write writes the document, the plots and the data into a folder.
func (r *report) write(dir string) error {
	plots := filepath.Join(dir, plotsFolder)
	if err := os.MkdirAll(plots, 0o755); err != nil {
		return err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	data = bytes.ReplaceAll(data, []byte("},{"), []byte("},\n{")) // a figure on a line
	files := map[string]string{
		filepath.Join(dir, documentName): r.markdown(),
		filepath.Join(plots, dataName):   string(data) + "\n",
	}
	for name, svg := range r.plots() {
		files[filepath.Join(plots, name+".svg")] = svg
	}
	for path, text := range files {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// readReport reads what write has written as data.
func readReport(dir string) (*report, error) {
	data, err := os.ReadFile(filepath.Join(dir, plotsFolder, dataName))
	if err != nil {
		return nil, err
	}
	r := new(report)
	return r, json.Unmarshal(data, r)
}
