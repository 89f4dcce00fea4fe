package faults_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// A toxic is a way in which a network is bad. It is down where it has no lines.
type toxic struct {
	name  string
	lines []string // JSON of toxiproxy's
}

// both is a toxic for both directions, whose attributes are JSON.
func both(name, kind, attributes string) toxic {
	line := func(stream string) string {
		return `{"name": "` + stream + `", "stream": "` + stream + `", "type": "` + kind +
			`", "attributes": ` + attributes + `}`
	}
	return toxic{name, []string{line("upstream"), line("downstream")}}
}

// one is a toxic for one direction: 0 to the server, 1 back.
func one(name, kind, attributes string, stream int) toxic {
	x := both(name, kind, attributes)
	return toxic{name, x.lines[stream : stream+1]}
}

var partition = both("partition", "timeout", `{"timeout": 0}`)

var toxics = []toxic{
	partition,
	one("lost requests", "timeout", `{"timeout": 0}`, 0),
	one("lost replies", "timeout", `{"timeout": 0}`, 1),
	one("latency 50 to 500 ms", "latency", `{"latency": 275, "jitter": 225}`, 1),
	both("reset", "reset_peer", `{"timeout": 20}`),
	both("bandwidth 1 KB/s", "bandwidth", `{"rate": 1}`),
	both("slicer", "slicer", `{"average_size": 10, "size_variation": 5, "delay": 2000}`),
	{name: "down"},
}

// A wire is a network that can be made bad.
type wire struct{ proxy *toxiproxy.Proxy }

// newWire returns a good one to a port of 127.0.0.1, until the test ends.
func newWire(t *testing.T, port int) *wire {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	to := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	w := &wire{toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", to)}
	if err := w.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.proxy.Stop)
	return w
}

func (w *wire) port(t *testing.T) int {
	t.Helper()
	_, text, err := net.SplitHostPort(w.proxy.Listen)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// spoil makes the network bad, and repair good again.
func (w *wire) spoil(t *testing.T, x toxic) {
	t.Helper()
	if len(x.lines) == 0 {
		w.proxy.Stop()
	}
	for _, line := range x.lines {
		if _, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(line)); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *wire) repair(t *testing.T, x toxic) {
	t.Helper()
	if len(x.lines) > 0 {
		w.proxy.Toxics.ResetToxics(context.Background())
		return
	}
	if err := w.proxy.Start(); err != nil {
		t.Fatal(err)
	}
}
