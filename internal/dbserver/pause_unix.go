//go:build unix

package dbserver

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Pause brings a server of one process to a stand until goOn is called: it keeps its
// connections, takes what is sent, and answers nothing. The signal alone does not
// do: until it arrives the server goes on.
func (s *Server) Pause() (goOn func() error, err error) {
	if err := syscall.Kill(s.pid, syscall.SIGSTOP); err != nil {
		return nil, err
	}
	goOn = func() error { return syscall.Kill(s.pid, syscall.SIGCONT) }
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for ctx.Err() == nil {
		state, err := exec.CommandContext(ctx, "ps", "-o", "state=", "-p", strconv.Itoa(s.pid)).Output()
		if err != nil {
			return nil, fmt.Errorf("dbserver: ps: %w", err)
		}
		if strings.HasPrefix(string(state), "T") {
			return goOn, nil
		}
		time.Sleep(time.Millisecond)
	}
	return nil, fmt.Errorf("dbserver: %s does not pause", s.name)
}
