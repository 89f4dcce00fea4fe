// Package faults_test has the key stores on networks that lose replies, keep
// requests back and break, and under several processes at once.
package faults_test

import (
	"fmt"
	"testing"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/log"
	"go.uber.org/goleak"

	"github.com/embedkms/kms/internal/integration/target"
)

func TestMain(m *testing.M) {
	log.Logger = zerolog.Nop() // Toxiproxy's, for all its connections at once
	// Toxiproxy leaves its own behind when a connection ends that a toxic holds up.
	const toxiproxy = "github.com/Shopify/toxiproxy/v2"
	target.Main(m, goleak.IgnoreAnyFunction(toxiproxy+"/toxics.(*ToxicStub).Run"),
		goleak.IgnoreAnyFunction(toxiproxy+".(*ToxicLink).read"),
		goleak.IgnoreAnyFunction(toxiproxy+".(*ToxicLink).write"))
}

// each runs f on every target.
func each(t *testing.T, f func(t *testing.T, x *target.Target)) {
	for _, x := range target.All() {
		t.Run(x.Name, func(t *testing.T) { f(t, x) })
	}
}

// servers are the targets that are reached through a network, with one driver for each
// kind of server.
func servers() (some []*target.Target) {
	for _, x := range target.All() {
		switch x.Name {
		case "PostgreSQL, pgx", "MariaDB", "etcd":
			some = append(some, x)
		}
	}
	return some
}

// eachServer runs f on every one of servers.
func eachServer(t *testing.T, f func(t *testing.T, x *target.Target)) {
	for _, x := range servers() {
		t.Run(x.Name, func(t *testing.T) { f(t, x) })
	}
}

// repeat runs f n times, each as a test of its own, which closes what it has opened.
func repeat(t *testing.T, n int, f func(t *testing.T)) {
	for i := range n {
		t.Run(fmt.Sprint("round ", i+1), f)
	}
}
