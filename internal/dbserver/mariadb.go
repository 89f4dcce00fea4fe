package dbserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"strconv"
)

// MariaDB starts MariaDB, with a superuser root that needs no password and an
// empty database kms.
func MariaDB() (*Server, error) {
	install, err := find("mariadb-install-db")
	if err != nil {
		return nil, err
	}
	mariadbd, err := find("mariadbd", "/usr/sbin", "/usr/libexec")
	if err != nil {
		return nil, err
	}
	u, err := user.Current()
	if err != nil {
		return nil, err
	}
	s, err := newServer("mariadb")
	if err != nil {
		return nil, err
	}
	s.signal = "TERM"
	s.ready = s.greets
	data := "--datadir=" + s.path("data")
	s.args = []string{mariadbd, "--no-defaults", "--user=" + u.Username, data,
		"--socket=" + s.path("socket"), "--pid-file=" + s.path("pid"),
		"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(s.Port), "--skip-name-resolve"}
	err = s.run(install, "--no-defaults", "--user="+u.Username, data,
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	if err == nil {
		err = os.Mkdir(s.path("data/kms"), 0o700) // which is what a database is
	}
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// greets reports whether the server says hello, which in MySQL's protocol it does
// first: a packet of a header of four bytes and the protocol's version 10.
func (s *Server) greets(ctx context.Context) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", s.Port))
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	var hello [5]byte
	if _, err := io.ReadFull(conn, hello[:]); err != nil {
		return err
	}
	if hello[4] != 10 {
		return fmt.Errorf("dbserver: MariaDB says %x", hello)
	}
	return nil
}
