package main

import (
	"bufio"
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// A machine says what was measured, where and when.
type machine struct {
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	System   string            `json:"system"`
	Go       string            `json:"go"`
	Date     string            `json:"date"`
	Revision string            `json:"revision"` // of this repository, empty if unknown
	Modules  map[string]string `json:"modules"`  // versions by path
}

func thisMachine(ctx context.Context) machine {
	m := machine{
		CPU: cpuName("/proc/cpuinfo"), Cores: allCores(), System: runtime.GOOS + "/" + runtime.GOARCH,
		Go: runtime.Version(), Date: time.Now().UTC().Format(time.DateOnly), Modules: map[string]string{},
	}
	if out, err := command(ctx, "git", "describe", "--always", "--dirty"); err == nil {
		m.Revision = strings.TrimSpace(out)
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			m.Modules[dep.Path] = dep.Version
		}
	}
	return m
}

// cpuName returns the processor's name as Linux has it, or that of its architecture.
func cpuName(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
