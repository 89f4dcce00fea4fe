package alibaba_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi/alibaba"
	"github.com/embedkms/kms/rootkey"
)

func hexSHA256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// key makes a key.
func (s *server) key(opts *kms.CreateKeyOptions) string {
	s.t.Helper()
	k, err := s.kms.CreateKey(ctx, opts)
	must(s.t, err)
	return k.ID
}

// aes makes a key of AES_256.
func (s *server) aes() string { s.t.Helper(); return s.key(nil) }

// pair makes a pair.
func (s *server) pair(spec kms.KeySpec, usage kms.KeyUsage) string {
	s.t.Helper()
	return s.key(&kms.CreateKeyOptions{Spec: spec, Usage: usage})
}

// external makes a key that waits for its material.
func (s *server) external() string {
	s.t.Helper()
	return s.key(&kms.CreateKeyOptions{Origin: kms.OriginExternal})
}

var clientKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// publicBlob is a client's public key.
func publicBlob(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(clientKey().Public())
	must(t, err)
	return b64(der)
}

// first is the ID of the first version of a key.
func first(id string) string { return alibaba.VersionID(id, 1) }

// encrypted encrypts "message" under a key.
func (s *server) encrypted(id string) string {
	s.t.Helper()
	out, err := s.kms.Encrypt(ctx, id, []byte("message"), nil)
	must(s.t, err)
	return b64(out)
}

// imports returns parameters of ImportKeyMaterial that work.
func (s *server) imports() params {
	s.t.Helper()
	id := s.external()
	p, err := s.kms.ImportParameters(ctx, id, kms.WrappingRSAOAEPSHA256+"/RSA_2048")
	must(s.t, err)
	public, err := x509.ParsePKIXPublicKey(p.PublicKey)
	must(s.t, err)
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey),
		[]byte("0123456789abcdef0123456789abcdef"), nil)
	must(s.t, err)
	return params{"KeyId": id, "ImportToken": b64(p.Token), "EncryptedKeyMaterial": b64(wrapped),
		"KeyMaterialExpireUnix": "0"}
}

// alias makes an alias of a key.
func (s *server) alias(name, id string) string {
	s.t.Helper()
	must(s.t, s.kms.CreateAlias(ctx, "alias/"+name, id))
	return "alias/" + name
}

const week = 7 * 24 * time.Hour

// scheduled makes a key that is going to be destroyed.
func (s *server) scheduled() string {
	s.t.Helper()
	id := s.aes()
	_, err := s.kms.ScheduleKeyDeletion(ctx, id, week)
	must(s.t, err)
	return id
}

// destroy destroys a key.
func (s *server) destroy(id string) {
	t := s.t
	t.Helper()
	_, err := s.kms.ScheduleKeyDeletion(ctx, id, week)
	must(t, err)
	root, err := rootkey.Static(bytes.Repeat([]byte{7}, 32))
	must(t, err)
	later := func() time.Time { return time.Now().Add(2 * week) }
	k, err := kms.Open(ctx, s.store, root, &kms.Options{Now: later})
	must(t, err)
	defer k.Close()
	report, err := k.Maintain(ctx)
	must(t, err)
	if report.KeysDestroyed != 1 {
		t.Fatalf("%+v", report)
	}
}
