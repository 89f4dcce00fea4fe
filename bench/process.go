package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A program is a hello-world with one library, as a whole.
type program struct {
	Name     string  `json:"name"`
	Binary   int64   `json:"binary"`   // bytes, as go build makes it
	Stripped int64   `json:"stripped"` // bytes, without symbols
	Standard int     `json:"standard"` // packages of the standard library
	Others   int     `json:"others"`   // packages of other modules
	Modules  int     `json:"modules"`  // that these are of
	Start    float64 `json:"start"`    // nanoseconds from its start to its end, the median
	Spread   float64 `json:"spread"`   // of the middle half, as a share of Start

	runs []float64
	path string
}

// allPrograms are the folders of hello, those to compare with first.
var allPrograms = append([]string{"empty", "hello", "kms", "tink", "wrapping", "gocloud", "openbao"}, awsPrograms...)

// programs builds the named programs and starts each so many times, in turns.
func programs(ctx context.Context, names []string, starts int) ([]*program, error) {
	dir, err := os.MkdirTemp("", "kms-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var all []*program
	for _, name := range names {
		p, err := buildProgram(ctx, dir, name)
		if err != nil {
			return nil, fmt.Errorf("hello/%s: %w", name, err)
		}
		all = append(all, p)
	}
	for range starts {
		for _, p := range all {
			begin := time.Now()
			if err := exec.CommandContext(ctx, p.path).Run(); err != nil {
				return nil, fmt.Errorf("hello/%s: %w", p.Name, err)
			}
			p.runs = append(p.runs, float64(time.Since(begin)))
		}
	}
	for _, p := range all {
		p.Start, p.Spread = median(p.runs), spread(p.runs)
	}
	return all, nil
}

// buildProgram builds hello/name in dir and counts what it links.
func buildProgram(ctx context.Context, dir, name string) (*program, error) {
	p := &program{Name: name, path: filepath.Join(dir, name+".exe")}
	source, stripped := "./hello/"+name, p.path+".stripped"
	if _, err := command(ctx, "go", "build", "-o", p.path, source); err != nil {
		return nil, err
	}
	if _, err := command(ctx, "go", "build", "-ldflags=-s -w", "-o", stripped, source); err != nil {
		return nil, err
	}
	for path, size := range map[string]*int64{p.path: &p.Binary, stripped: &p.Stripped} {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		*size = info.Size()
	}
	info, err := buildinfo.ReadFile(p.path)
	if err != nil {
		return nil, err
	}
	p.Modules = len(info.Deps)
	out, err := command(ctx, "go", "list", "-deps", "-f", "{{.Standard}}", source)
	p.Standard = strings.Count(out, "true")
	p.Others = strings.Count(out, "false") - 1 // without its own
	return p, err
}

// command runs a command in this folder and returns what it prints.
func command(ctx context.Context, name string, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, stderr.Bytes())
	}
	return string(out), nil
}
