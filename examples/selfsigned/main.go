// Selfsigned serves HTTPS, and signs a JSON Web Token, with a private key that
// never leaves the KMS.
//
//	selfsigned             a tour, in a temporary directory
//	selfsigned -dir keys   with keys that stay there, and are used again
package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/filestore"
	"github.com/embedkms/kms/rootkey"
)

const (
	alias  = "alias/web"
	header = "eyJhbGciOiJFUzI1NiJ9." // of every token: {"alg":"ES256"}
)

var encoding = base64.RawURLEncoding.Strict()

// run shows a key of dir at work. In production the root key is not beside the store.
func run(ctx context.Context, dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "selfsigned-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	store, err := filestore.Open(filepath.Join(dir, "store"), nil)
	if err != nil {
		return err
	}
	defer store.Close()
	root, err := rootkey.File(filepath.Join(dir, "root.key"), &rootkey.FileOptions{Create: true})
	if err != nil {
		return err
	}
	k, err := kms.Open(ctx, store, root, nil)
	if err != nil {
		return err
	}
	defer k.Close()
	_, err = k.CreateKey(ctx, &kms.CreateKeyOptions{Alias: alias, Spec: kms.KeySpecECP256, Usage: kms.KeyUsageSignVerify})
	if err != nil && !errors.Is(err, kms.ErrAliasExists) { // made by an earlier run
		return err
	}
	fmt.Printf("key: %s, new: %t\n", alias, err == nil)
	signer, err := k.Signer(ctx, alias)
	if err != nil {
		return err
	}
	return errors.Join(showHTTPS(signer), showToken(signer))
}

// showHTTPS serves a page to a client that trusts a certificate of the key alone.
func showHTTPS(signer crypto.Signer) error {
	template := &x509.Certificate{
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	own := []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: signer, // which signs nothing else:
		SupportedSignatureAlgorithms: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}}}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: own})
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(hello)}
	defer server.Close()
	go server.Serve(l)
	trusted := x509.NewCertPool()
	trusted.AddCert(cert)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	response, err := client.Get("https://" + l.Addr().String())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	fmt.Printf("https://%s: %s, %q, %s\n", l.Addr(), response.Status, page, cert.SignatureAlgorithm)
	return err
}

func hello(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }

// showToken signs a JSON Web Token by ES256 (RFC 7518): r ‖ s, not DER.
func showToken(signer crypto.Signer) error {
	token := header + encoding.EncodeToString([]byte(`{"sub":"17"}`))
	digest := sha256.Sum256([]byte(token))
	der, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return err
	}
	var n struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &n); err != nil {
		return err
	}
	token += "." + encoding.EncodeToString(append(n.R.FillBytes(make([]byte, 32)), n.S.FillBytes(make([]byte, 32))...))
	fmt.Printf("token: %s, verified: %t\n", token, verifies(signer.Public().(*ecdsa.PublicKey), token))
	return nil
}

// verifies reports whether a token is of a key, and by ES256.
func verifies(public *ecdsa.PublicKey, token string) bool {
	end := max(strings.LastIndexByte(token, '.'), 0)
	rs, err := encoding.DecodeString(strings.TrimPrefix(token[end:], "."))
	digest := sha256.Sum256([]byte(token[:end]))
	return strings.HasPrefix(token, header) && err == nil && len(rs) == 64 &&
		ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(rs[:32]), new(big.Int).SetBytes(rs[32:]))
}

func main() {
	dir := flag.String("dir", "", "the `directory` with the keys, if not a temporary one")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(context.Background(), *dir); err != nil {
		fmt.Fprintln(os.Stderr, "selfsigned:", err)
		os.Exit(1)
	}
}
