package target

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/embedkms/kms/internal/dbserver"
)

// A server starts when the first test needs it, and ends with the last.
type server struct {
	start func() (*dbserver.Server, error)
	once  sync.Once
	err   error
	*dbserver.Server
}

var (
	postgres = &server{start: dbserver.Postgres}
	mariadb  = &server{start: dbserver.MariaDB}
	etcd     = &server{start: func() (*dbserver.Server, error) {
		c, err := dbserver.Etcd(1)
		if err != nil {
			return nil, err
		}
		return c[0], nil
	}}
)

func (s *server) port(t testing.TB) int {
	t.Helper()
	s.once.Do(func() { s.Server, s.err = s.start() })
	if errors.Is(s.err, dbserver.ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(s.err)
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.Port
}

// Server returns what the target runs on, to be killed and started again; nil is that
// it runs on files.
func (x *Target) Server(t testing.TB) *dbserver.Server {
	t.Helper()
	if x.server == nil {
		return nil
	}
	x.server.port(t)
	return x.server.Server
}

// Main is for TestMain: it runs the tests, stops their servers, looks for goroutines
// that were left behind, except ignored ones, and exits.
func Main(m *testing.M, ignored ...goleak.Option) {
	code := m.Run()
	for _, s := range []*server{postgres, mariadb, etcd} {
		if s.Server == nil {
			continue
		}
		if err := s.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if code == 0 {
		if err := goleak.Find(ignored...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
