package proof

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// A Process is a child that talks by lines.
type Process struct {
	Input io.WriteCloser

	cmd    *exec.Cmd
	output *bufio.Reader
}

// Start starts what Again returns. It is killed when the test ends, if it has not
// ended by then.
func Start(t testing.TB, env ...string) *Process {
	t.Helper()
	p := &Process{cmd: Again(t, env...)}
	var err error
	if p.Input, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.output = bufio.NewReader(output)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait() // a second time, for most
	})
	return p
}

// Line returns what follows prefix in the first line of output that begins so.
func (p *Process) Line(t testing.TB, prefix string) string {
	t.Helper()
	var other strings.Builder
	for {
		line, err := p.output.ReadString('\n')
		if rest, found := strings.CutPrefix(line, prefix); found {
			return rest
		}
		other.WriteString(line)
		if err != nil {
			t.Fatalf("a process has ended, without %q: %v\n%s", prefix, err, other.String())
		}
	}
}

// Wait waits until p has ended, and looked for goroutines that it has left behind.
func (p *Process) Wait(t testing.TB) {
	t.Helper()
	io.Copy(io.Discard, p.output)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("a process has ended: %v", err)
	}
}
