package dbserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
)

// where Debian and others keep the server's programs
const postgresPrograms = "/usr/lib/postgresql/*/bin"

// Postgres starts PostgreSQL, with a superuser kms that needs no password and an
// empty database postgres. The server refuses to run as root: then it runs as the
// user postgres.
func Postgres() (*Server, error) {
	initdb, err := find("initdb", postgresPrograms)
	if err != nil {
		return nil, err
	}
	postgres, err := find("postgres", postgresPrograms)
	if err != nil {
		return nil, err
	}
	isReady, err := find("pg_isready", postgresPrograms)
	if err != nil {
		return nil, err
	}
	s, err := newServer("postgres")
	if err != nil {
		return nil, err
	}
	s.signal = "INT"
	s.ready = func(ctx context.Context) error {
		return exec.CommandContext(ctx, isReady, "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port)).Run()
	}
	as, err := asPostgres(s.dir)
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	s.args = append(as, postgres, "-D", s.path("data"), "-p", strconv.Itoa(s.Port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "max_connections=300") // a fleet has more than the 100 that are the default
	// The database compares text by a language's rules: what must not matter.
	err = s.run(append(as, initdb, "-D", s.path("data"), "-U", "kms", "--auth=trust",
		"--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")...)
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// asPostgres returns what to put before a command so that it runs as an
// ordinary user, to whom it gives dir.
func asPostgres(dir string) ([]string, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	setpriv, err := find("setpriv")
	if err != nil {
		return nil, err
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	as := []string{setpriv, "--reuid=postgres", "--regid=postgres", "--init-groups", "--"}
	return as, os.Chown(dir, uid, -1)
}
