// Package dbserver runs PostgreSQL, MariaDB and etcd for tests: each on a free port
// of the loopback interface, with its data in a directory of its own, and set up to
// lose nothing that it has acknowledged. It needs their programs, and Unix.
package dbserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrMissing says that a server's programs are not installed.
var ErrMissing = errors.New("dbserver: program not found")

const (
	startLimit = time.Minute      // until it answers
	stopLimit  = time.Minute      // until it has ended in order
	killLimit  = 10 * time.Second // until the processes of a killed one have ended
)

// A Server is a server that this process has started. It may be killed, and
// started again on the same data and port.
type Server struct {
	// Port is where it listens on 127.0.0.1.
	Port int

	name   string
	dir    string
	args   []string                    // the command
	signal string                      // ends it in order
	ready  func(context.Context) error // asks whether it answers

	input  io.Closer     // ends the server when closed
	pid    int           // of the server
	ended  chan struct{} // closed when the server has
	killed time.Time
}

// guard runs the server, says its process ID, and ends it when its own input
// ends: so no server stays behind when a test is killed or panics.
const guard = `exec 3<&0
signal=$1
shift
"$@" 3<&- </dev/null >&2 & server=$!
echo $server
{ read -r line; kill -s "$signal" $server; } <&3 >/dev/null 2>&1 & waiter=$!
wait $server
kill $waiter 2>/dev/null`

// newServer makes the directory of a server, which every user may enter.
func newServer(name string) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "kms-"+name+"-")
	if err != nil {
		return nil, err
	}
	return &Server{name: name, Port: port, dir: dir}, os.Chmod(dir, 0o711)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Start starts the server, which is not running, and waits until it answers.
func (s *Server) Start() error {
	for {
		err := s.launch()
		if err == nil {
			err = s.await()
		}
		// The other processes of a killed PostgreSQL outlive it for a moment, and
		// keep it from starting.
		if err == nil || time.Since(s.killed) > killLimit {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// launch starts the server.
func (s *Server) launch() error {
	log, err := os.OpenFile(s.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("sh", append([]string{"-c", guard, "guard", s.signal}, s.args...)...)
	cmd.Dir, cmd.Stderr = s.dir, log
	input, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	line, _ := bufio.NewReader(output).ReadString('\n')
	s.input, s.ended = input, make(chan struct{})
	go func() {
		cmd.Wait()
		close(s.ended)
	}()
	if s.pid, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
		return errors.Join(err, s.end())
	}
	return nil
}

// await waits until the server answers.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for {
		err := s.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
			continue
		case <-s.ended:
		case <-ctx.Done():
		}
		log, _ := os.ReadFile(s.path("log"))
		return fmt.Errorf("dbserver: %s does not start: %w\n%s", s.name, err, log)
	}
}

// Kill ends the server with SIGKILL, and waits until it has ended.
func (s *Server) Kill() error {
	p, err := os.FindProcess(s.pid)
	if err == nil {
		err = p.Kill()
	}
	<-s.ended
	s.killed = time.Now()
	return err
}

// Erase removes the data of a server that is not running: it starts with none.
func (s *Server) Erase() error { return os.RemoveAll(s.path("data")) }

// Stop ends the server if it is running, and removes its data.
func (s *Server) Stop() error {
	err := s.end()
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *Server) end() error {
	if s.ended == nil {
		return nil
	}
	s.input.Close()
	select {
	case <-s.ended:
		return nil
	case <-time.After(stopLimit):
		return errors.Join(fmt.Errorf("dbserver: %s does not stop", s.name), s.Kill())
	}
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

// run runs a program that prepares the data.
func (s *Server) run(args ...string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("dbserver: %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// find returns the path of a program, which may be in one of the folders that
// match patterns rather than in PATH.
func find(program string, patterns ...string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(pattern, program))
		if err == nil && len(paths) > 0 {
			return paths[len(paths)-1], nil
		}
	}
	return "", fmt.Errorf("%w: %s", ErrMissing, program)
}
