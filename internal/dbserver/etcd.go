package dbserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// A Cluster is the members of an etcd.
type Cluster []*Server

// Etcd starts an etcd of one member or more.
func Etcd(members int) (Cluster, error) {
	etcd, err := find("etcd")
	if err != nil {
		return nil, err
	}
	var c Cluster
	var peers []string
	for i := range members {
		s, peer, err := newMember(etcd, fmt.Sprint("member", i))
		if err != nil {
			return nil, errors.Join(err, c.Stop())
		}
		c, peers = append(c, s), append(peers, peer)
	}
	for _, s := range c {
		s.args = append(s.args, "--initial-cluster", strings.Join(peers, ","))
		if err := s.launch(); err != nil {
			return nil, errors.Join(err, c.Stop())
		}
	}
	for _, s := range c { // none answers before most are there
		if err := s.await(); err != nil {
			return nil, errors.Join(err, c.Stop())
		}
	}
	return c, nil
}

// newMember returns a member that is not started, and its name and address for the
// others.
func newMember(etcd, name string) (*Server, string, error) {
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	s, err := newServer("etcd")
	if err != nil {
		return nil, "", err
	}
	peer := fmt.Sprintf("http://127.0.0.1:%d", port)
	s.signal, s.ready = "TERM", s.healthy
	s.args = []string{etcd, "--name", name, "--data-dir", s.path("data"),
		"--listen-client-urls", s.URL(), "--advertise-client-urls", s.URL(),
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer}
	return s, name + "=" + peer, nil
}

// Endpoints returns the members' addresses for clients.
func (c Cluster) Endpoints() []string {
	var urls []string
	for _, s := range c {
		urls = append(urls, s.URL())
	}
	return urls
}

// Stop ends all members and removes their data.
func (c Cluster) Stop() error {
	var errs []error
	for _, s := range c {
		errs = append(errs, s.Stop())
	}
	return errors.Join(errs...)
}

// URL returns the address of a member for clients.
func (s *Server) URL() string { return fmt.Sprintf("http://127.0.0.1:%d", s.Port) }

// healthy reports whether a member knows a leader and can read by it.
func (s *Server) healthy(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"/health", nil)
	if err != nil {
		return err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		return errors.Join(err, fmt.Errorf("dbserver: etcd: %s: %s", response.Status, text))
	}
	return nil
}
