package alibaba_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/integration/cloud"
)

var ctx = context.Background()

// An env is where a case of an operation is tried.
type env struct {
	*testing.T
	*kms.KMS
	call client
	rsa  pairs
}

// pairs are keys of RSA, which take long to make.
type pairs struct{ encrypt, sign string }

func newPairs(t testing.TB, s *cloud.Server) pairs {
	t.Helper()
	var p pairs
	for usage, id := range map[kms.KeyUsage]*string{kms.KeyUsageEncryptDecrypt: &p.encrypt,
		kms.KeyUsageSignVerify: &p.sign} {
		k, err := s.KMS.CreateKey(ctx, &kms.CreateKeyOptions{Spec: kms.KeySpecRSA2048, Usage: usage})
		must(t, err)
		*id = k.ID
	}
	return p
}

func (e *env) key(opts *kms.CreateKeyOptions) string {
	e.Helper()
	k, err := e.CreateKey(ctx, opts)
	must(e, err)
	return k.ID
}

// aes makes a key in a state.
func (e *env) aes(state kms.KeyState) string {
	e.Helper()
	if state == kms.KeyStatePendingImport {
		return e.key(&kms.CreateKeyOptions{Origin: kms.OriginExternal})
	}
	id := e.key(nil)
	var err error
	switch state {
	case kms.KeyStateDisabled:
		err = e.DisableKey(ctx, id)
	case kms.KeyStatePendingDeletion:
		_, err = e.ScheduleKeyDeletion(ctx, id, 7*24*time.Hour)
	}
	must(e, err)
	return id
}

func (e *env) enabled() string { e.Helper(); return e.aes(kms.KeyStateEnabled) }

// alias makes an alias of a key that no other case has.
func (e *env) alias(id string) string {
	e.Helper()
	name := newAlias()
	must(e, e.CreateAlias(ctx, name, id))
	return name
}

var aliases struct {
	sync.Mutex
	n int
}

func newAlias() string {
	aliases.Lock()
	defer aliases.Unlock()
	aliases.n++
	return fmt.Sprintf("alias/test/n-%d", aliases.n)
}

// versionID is the documented form of a KeyVersionId.
func versionID(id string, version uint32) string {
	var tail uint32
	fmt.Sscanf(id[28:], "%08x", &tail)
	return fmt.Sprintf("%s%08x", id[:28], tail^version)
}

func keyARN(id string) string { return "acs:kms:" + region + ":" + account + ":key/" + id }

// describe returns what the library says of a key.
func (e *env) describe(id string) *kms.Key {
	e.Helper()
	k, err := e.DescribeKey(ctx, id)
	must(e, err)
	return k
}

// want fails if an answer has something else at a path.
func (e *env) want(want any, fields map[string]any, path ...any) {
	e.Helper()
	if got := at(fields, path...); fmt.Sprint(got) != fmt.Sprint(want) {
		e.Errorf("%v is %v, want %v", path, got, want)
	}
}

// wantVersion checks which key and version an answer names.
func (e *env) wantVersion(fields map[string]any, id string, version uint32) {
	e.Helper()
	e.want(id, fields, "KeyId")
	e.want(versionID(id, version), fields, "KeyVersionId")
}

// blob returns bytes that an answer has in base64.
func (e *env) blob(fields map[string]any, name string) []byte {
	e.Helper()
	text, _ := fields[name].(string)
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		e.Fatalf("%s is %q: %v", name, text, err)
	}
	return b
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// The context of all cases, as JSON and as the library has it.
const contextJSON = `{"Example":"Example","名":"值 <&>"}`

var encryptionContext = kms.EncryptionContext{"Example": "Example", "名": "值 <&>"}

var message = []byte("Hello world")

// wantOpens checks that a ciphertext opens through the library.
func (e *env) wantOpens(ciphertext []byte, aad kms.AAD, want []byte) {
	e.Helper()
	got, err := e.Decrypt(ctx, ciphertext, aad)
	if err != nil || !bytes.Equal(got, want) {
		e.Errorf("decrypted to %q, %v", got, err)
	}
}

// wantKey checks that a ciphertext is of a data key of some bytes, and returns it.
func (e *env) wantKey(ciphertext []byte, size int) []byte {
	e.Helper()
	key, err := e.DecryptDataKey(ctx, ciphertext, encryptionContext)
	must(e, err)
	if len(key.Plaintext) != size {
		e.Errorf("a data key of %d bytes", len(key.Plaintext))
	}
	return key.Plaintext
}

// encrypted encrypts the message.
func (e *env) encrypted(id string) []byte {
	e.Helper()
	ciphertext, err := e.Encrypt(ctx, id, message, encryptionContext)
	must(e, err)
	return ciphertext
}

var clientKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// exporting are the parameters of an export to the client's key.
func exporting() params {
	der, err := x509.MarshalPKIXPublicKey(clientKey().Public())
	if err != nil {
		panic(err)
	}
	return params{"PublicKeyBlob": b64(der), "WrappingKeySpec": "RSA_2048",
		"WrappingAlgorithm": "RSAES_OAEP_SHA_256"}
}

// wrap encrypts material under the key of GetParametersForImport.
func (e *env) wrap(public, material []byte) []byte {
	e.Helper()
	key, err := x509.ParsePKIXPublicKey(public)
	must(e, err)
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key.(*rsa.PublicKey), material, nil)
	must(e, err)
	return wrapped
}
