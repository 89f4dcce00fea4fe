package kms_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/keystore/memstore"
)

// needTools skips a test where a program is missing, and fails it in CI.
func needTools(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skipf("%s is not installed", tool)
		}
	}
}

// A desk is a folder where OpenSSL works. It takes and gives keys as DER.
type desk struct {
	t   *testing.T
	dir string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	needTools(t, "openssl")
	return &desk{t, t.TempDir()}
}

func (d *desk) put(name string, b []byte) {
	d.t.Helper()
	must(d.t, os.WriteFile(filepath.Join(d.dir, name), b, 0o600))
}

// try runs a command, and returns all that it prints.
func (d *desk) try(args ...string) (string, error) {
	cmd := exec.Command("openssl", args...)
	cmd.Dir = d.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run runs a command that has the option -out, and returns what it writes there.
func (d *desk) run(args ...string) []byte {
	d.t.Helper()
	if out, err := d.try(slices.Insert(args, 1, "-out", "out")...); err != nil {
		d.t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	out, err := os.ReadFile(filepath.Join(d.dir, "out"))
	must(d.t, err)
	return out
}

// opensslOptions are those of pkeyutl for each algorithm. A message is hashed by
// pkeyutl itself.
var opensslOptions = map[kms.Algorithm][]string{
	kms.AlgorithmRSAESOAEPSHA256: {
		"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256",
	},
	kms.AlgorithmSM2Encrypt: nil,

	kms.AlgorithmRSASSAPSSSHA256:      pssWithOpenSSL("sha256"),
	kms.AlgorithmRSASSAPSSSHA384:      pssWithOpenSSL("sha384"),
	kms.AlgorithmRSASSAPSSSHA512:      pssWithOpenSSL("sha512"),
	kms.AlgorithmRSASSAPKCS1V15SHA256: {"-rawin", "-digest", "sha256"},
	kms.AlgorithmRSASSAPKCS1V15SHA384: {"-rawin", "-digest", "sha384"},
	kms.AlgorithmRSASSAPKCS1V15SHA512: {"-rawin", "-digest", "sha512"},
	kms.AlgorithmECDSASHA256:          {"-rawin", "-digest", "sha256"},
	kms.AlgorithmECDSASHA384:          {"-rawin", "-digest", "sha384"},
	kms.AlgorithmSM2DSASM3:            sm2WithOpenSSL("1234567812345678"),
}

func pssWithOpenSSL(hash string) []string {
	return []string{
		"-rawin", "-digest", hash, "-pkeyopt", "rsa_padding_mode:pss",
		"-pkeyopt", "rsa_pss_saltlen:digest", "-pkeyopt", "rsa_mgf1_md:" + hash,
	}
}

func sm2WithOpenSSL(userID string) []string {
	return []string{"-rawin", "-digest", "sm3", "-pkeyopt", "distid:" + userID}
}

func (d *desk) encrypt(public, plaintext []byte, options ...string) []byte {
	d.t.Helper()
	d.put("public.der", public)
	d.put("plaintext", plaintext)
	return d.run(append([]string{
		"pkeyutl", "-encrypt", "-pubin", "-inkey", "public.der", "-keyform", "DER", "-in", "plaintext",
	}, options...)...)
}

func (d *desk) decrypt(private, ciphertext []byte, options ...string) []byte {
	d.t.Helper()
	d.put("private.der", private)
	d.put("ciphertext", ciphertext)
	return d.run(append([]string{
		"pkeyutl", "-decrypt", "-inkey", "private.der", "-keyform", "DER", "-in", "ciphertext",
	}, options...)...)
}

func (d *desk) sign(private, message []byte, options ...string) []byte {
	d.t.Helper()
	d.put("private.der", private)
	d.put("message", message)
	return d.run(append([]string{
		"pkeyutl", "-sign", "-inkey", "private.der", "-keyform", "DER", "-in", "message",
	}, options...)...)
}

// verifies reports whether OpenSSL finds a signature valid.
func (d *desk) verifies(public, message, signature []byte, options ...string) bool {
	d.t.Helper()
	d.put("public.der", public)
	d.put("message", message)
	d.put("signature", signature)
	out, err := d.try(append([]string{
		"pkeyutl", "-verify", "-pubin", "-inkey", "public.der", "-keyform", "DER",
		"-in", "message", "-sigfile", "signature",
	}, options...)...)
	if valid := strings.Contains(out, "Verified Successfully"); valid == (err == nil) &&
		(valid || strings.Contains(out, "Verification Failure")) {
		return valid
	}
	d.t.Fatalf("openssl verifies nothing: %v\n%s", err, out)
	return false
}

// publicOf returns the public key of a private one.
func (d *desk) publicOf(private []byte) []byte {
	d.t.Helper()
	d.put("private.der", private)
	return d.run("pkey", "-in", "private.der", "-inform", "DER", "-pubout", "-outform", "DER")
}

// genpkeyOptions are how OpenSSL makes a private key of each spec.
var genpkeyOptions = map[kms.KeySpec][]string{
	kms.KeySpecRSA2048: {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"},
	kms.KeySpecRSA3072: {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"},
	kms.KeySpecRSA4096: {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"},
	kms.KeySpecECP256:  {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"},
	kms.KeySpecECP384:  {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"},
	kms.KeySpecSM2:     {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2"},
}

// genpkey makes a private key: PKCS #8, which genpkey itself writes as PEM only.
func (d *desk) genpkey(options ...string) []byte {
	d.t.Helper()
	d.put("private.pem", d.run(append([]string{"genpkey", "-quiet"}, options...)...))
	return d.run("pkcs8", "-topk8", "-nocrypt", "-in", "private.pem", "-outform", "DER")
}

// privateKey returns the n-th private key of a spec that OpenSSL makes, as PKCS
// #8. All tests have the same ones: an RSA key takes long to make.
func (d *desk) privateKey(spec kms.KeySpec, n int) []byte {
	d.t.Helper()
	for len(privateKeys[spec]) <= n {
		privateKeys[spec] = append(privateKeys[spec], d.genpkey(genpkeyOptions[spec]...))
	}
	return bytes.Clone(privateKeys[spec][n])
}

var privateKeys = map[kms.KeySpec][][]byte{}

// importPair returns a key of origin EXTERNAL with a usage, and the private key
// that OpenSSL has made, wrapped, and still has.
func (d *desk) importPair(k *kms.KMS, spec kms.KeySpec, use kms.KeyUsage) (key string, private []byte) {
	d.t.Helper()
	created, err := k.CreateKey(context.Background(), &kms.CreateKeyOptions{
		Spec: spec, Usage: use, Origin: kms.OriginExternal,
	})
	must(d.t, err)
	private = d.privateKey(spec, 0)
	must(d.t, importWrapped(d.t, k, created.ID, private, kms.ImportKeyMaterialOptions{}))
	return created.ID, private
}

// importWrapped imports material of any size, which OpenSSL wraps.
func importWrapped(t *testing.T, k *kms.KMS, key string, material []byte, opts kms.ImportKeyMaterialOptions) error {
	t.Helper()
	const wrapping = kms.WrappingRSAAESKeyWrapSHA256 + "/RSA_2048"
	p, err := k.ImportParameters(context.Background(), key, wrapping)
	must(t, err)
	opts.Token, opts.EncryptedMaterial = p.Token, wrapWithOpenSSL(t, p.PublicKey, material, wrapping)
	return k.ImportKeyMaterial(context.Background(), key, &opts)
}

// publicKey returns the public key of the primary version of a key.
func publicKey(tb testing.TB, k *kms.KMS, key string) *kms.PublicKey {
	tb.Helper()
	p, err := k.PublicKey(context.Background(), key, 0)
	must(tb, err)
	return p
}

// What OpenSSL encrypts under a public key decrypts here, and the other way round.
func TestOpenSSLEncrypts(t *testing.T) {
	ctx := t.Context()
	d, k := newDesk(t), open(t, memstore.New(), nil)
	same := func(b []byte) ([]byte, error) { return b, nil }
	for _, c := range []struct {
		spec       kms.KeySpec
		alg        kms.Algorithm
		most       int
		from, into func([]byte) ([]byte, error) // OpenSSL's form of a ciphertext
	}{
		{kms.KeySpecRSA2048, kms.AlgorithmRSAESOAEPSHA256, 190, same, same},
		{kms.KeySpecRSA3072, kms.AlgorithmRSAESOAEPSHA256, 318, same, same},
		{kms.KeySpecRSA4096, kms.AlgorithmRSAESOAEPSHA256, 446, same, same},
		{kms.KeySpecSM2, kms.AlgorithmSM2Encrypt, 1024, kms.SM2CiphertextFromASN1, kms.SM2CiphertextToASN1},
	} {
		key, private := d.importPair(k, c.spec, kms.KeyUsageEncryptDecrypt)
		public := publicKey(t, k, key)
		for _, size := range []int{1, 32, c.most} {
			t.Run(fmt.Sprint(c.spec, " ", size), func(t *testing.T) {
				plaintext := bytes.Repeat([]byte{0, 'x'}, size)[:size]
				ct, err := c.from(d.encrypt(public.DER, plaintext, opensslOptions[c.alg]...))
				must(t, err)
				if got, err := k.DecryptAsymmetric(ctx, key, 0, c.alg, ct); err != nil || !bytes.Equal(got, plaintext) {
					t.Errorf("of OpenSSL's: %x, %v", got, err)
				}
				ours, err := k.EncryptAsymmetric(ctx, key, c.alg, plaintext)
				must(t, err)
				theirs, err := c.into(ours.Ciphertext)
				must(t, err)
				if got := d.decrypt(private, theirs, opensslOptions[c.alg]...); !bytes.Equal(got, plaintext) {
					t.Errorf("OpenSSL decrypts %x", got)
				}
			})
		}
	}
}

// A ciphertext in OpenSSL's form of SM2 does not decrypt as it is, and converting
// one that is already converted is an error.
func TestOpenSSLSM2Forms(t *testing.T) {
	ctx := t.Context()
	d, k := newDesk(t), open(t, memstore.New(), nil)
	key := newKey(t, k, kms.KeySpecSM2)
	der := d.encrypt(publicKey(t, k, key).DER, password)
	ct, err := kms.SM2CiphertextFromASN1(der)
	must(t, err)
	_, err = k.DecryptAsymmetric(ctx, key, 0, kms.AlgorithmSM2Encrypt, der)
	want(t, err, kms.ErrInvalidCiphertext)
	_, err = kms.SM2CiphertextFromASN1(ct)
	want(t, err, kms.ErrInvalidCiphertext)
	_, err = kms.SM2CiphertextToASN1(der)
	want(t, err, kms.ErrInvalidCiphertext)
	if again, err := kms.SM2CiphertextToASN1(ct); err != nil || !bytes.Equal(again, der) {
		t.Errorf("%x is converted to %x, %v", der, again, err)
	}
}

// OpenSSL reads each kind of data key pair, finds the private key sound, and has
// the same public key of it.
func TestOpenSSLReadsDataKeyPairs(t *testing.T) {
	ctx := t.Context()
	d, k := newDesk(t), open(t, memstore.New(), nil)
	key := newKey(t, k, "")
	for spec := range genpkeyOptions {
		pair, err := k.GenerateDataKeyPair(ctx, key, spec, prod)
		must(t, err)
		if public := d.publicOf(pair.PrivateKey); !bytes.Equal(public, pair.PublicKey) {
			t.Errorf("%s: OpenSSL's public key is %x, not %x", spec, public, pair.PublicKey)
		}
		if out, err := d.try("pkey", "-in", "private.der", "-inform", "DER", "-check", "-noout"); err != nil {
			t.Errorf("%s: %v\n%s", spec, err, out)
		}
	}
}
