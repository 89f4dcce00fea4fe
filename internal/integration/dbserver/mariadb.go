package dbserver

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"

	_ "github.com/go-sql-driver/mysql" // driver "mysql"
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
	s.Driver = "mysql"
	s.Source = fmt.Sprintf("root@tcp(127.0.0.1:%d)/kms", s.Port)
	s.signal = "TERM"
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
