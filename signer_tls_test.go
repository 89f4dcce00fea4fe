package kms_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/kmstest"
)

// A server and its client prove to each other who they are with a key that
// neither of them sees, by a certificate that it has signed itself.
func TestSignerTLS(t *testing.T) {
	k := kmstest.New(t)
	for _, spec := range []kms.KeySpec{kms.KeySpecRSA2048, kms.KeySpecECP256, kms.KeySpecECP384} {
		t.Run(string(spec), func(t *testing.T) {
			key, err := k.CreateKey(t.Context(), &kms.CreateKeyOptions{Spec: spec, Usage: kms.KeyUsageSignVerify})
			must(t, err)
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				t.Run(tls.VersionName(version), func(t *testing.T) {
					config := tlsConfig(t, k, key.ID, version)
					must(t, shakeHands(t, config))
				})
			}
			config := tlsConfig(t, k, key.ID, tls.VersionTLS13)
			must(t, k.DisableKey(t.Context(), key.ID))
			if err := shakeHands(t, config); err == nil {
				t.Error("a disabled key signs")
			}
		})
	}
}

// tlsConfig serves either side: both have the one certificate, and trust no other.
func tlsConfig(t *testing.T, k *kms.KMS, key string, version uint16) *tls.Config {
	t.Helper()
	// Connections may outlive the test's context by a moment.
	signer, err := k.Signer(context.Background(), key)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	trusted := x509.NewCertPool()
	trusted.AddCert(cert)
	pair := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: signer}
	if cert.SignatureAlgorithm == x509.ECDSAWithSHA384 { // as Signer says
		pair.SupportedSignatureAlgorithms = []tls.SignatureScheme{tls.ECDSAWithP384AndSHA384}
	}
	return &tls.Config{
		Certificates: []tls.Certificate{pair},
		RootCAs:      trusted, ServerName: "localhost",
		ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: version, MaxVersion: version,
	}
}

// shakeHands connects a client to a server on the loopback, which says hello, and
// returns what went wrong on either side.
func shakeHands(t *testing.T, config *tls.Config) error {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	must(t, err)
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			_, err = conn.Write([]byte("hello"))
			err = errors.Join(err, conn.Close())
		}
		served <- err
	}()
	return errors.Join(hear(t, listener.Addr(), config), <-served)
}

func hear(t *testing.T, addr net.Addr, config *tls.Config) error {
	conn, err := tls.Dial(addr.Network(), addr.String(), config)
	if err != nil {
		return err
	}
	defer conn.Close()
	got, err := io.ReadAll(conn)
	if state := conn.ConnectionState(); err == nil && (string(got) != "hello" || state.Version != config.MinVersion) {
		t.Errorf("heard %q by %s", got, tls.VersionName(state.Version))
	}
	return err
}
