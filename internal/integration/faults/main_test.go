// Package faults_test has the key stores on networks that lose replies, keep
// requests back and break, and under several processes at once.
package faults_test

import (
	"testing"

	"github.com/embedkms/kms/internal/integration/target"
)

func TestMain(m *testing.M) { target.Main(m) }

// each runs f on every target.
func each(t *testing.T, f func(t *testing.T, x *target.Target)) {
	for _, x := range target.All() {
		t.Run(x.Name, func(t *testing.T) { f(t, x) })
	}
}

// eachServer runs f on every target that is reached through a network, with one driver
// of each kind of server.
func eachServer(t *testing.T, f func(t *testing.T, x *target.Target)) {
	for _, x := range target.All() {
		switch x.Name {
		case "PostgreSQL, pgx", "MariaDB", "etcd":
			t.Run(x.Name, func(t *testing.T) { f(t, x) })
		}
	}
}
