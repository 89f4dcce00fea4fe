// Package gmtest tests that a [gm.Provider] keeps its written contract. Whoever
// writes one calls [Run] from a test of its own:
//
//	func TestProvider(t *testing.T) {
//		gmtest.Run(t, myprovider.New())
//	}
//
// The algorithms are held to the vectors of their standards, and then to what
// kms relies on and vectors do not show: that a hash works under HMAC, HKDF and
// PBKDF2, that what was tampered with yields no plaintext, that nobody's buffers
// or keys are changed or kept, that what is shared between goroutines gives
// the same bytes as what is not, and that no point off SM2's curve meets a
// private key.
package gmtest

import (
	"bytes"
	"crypto/fips140"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/embedkms/kms/gm"
)

// Run tests p, one subtest a case. Where [fips140.Enforced] is true, it tests
// that p refuses to work instead.
func Run(t *testing.T, p gm.Provider) {
	table := cases
	if fips140.Enforced() {
		table = enforcedCases
	}
	for _, c := range table {
		t.Run(c.name, func(t *testing.T) {
			if err := c.check(p); err != nil {
				t.Errorf("%v\nwhy it matters: %s", err, c.why)
			}
		})
	}
}

// A testCase is one sentence of the contract. check returns what broke it; why
// says what that costs, and is printed with it.
type testCase struct {
	name  string
	why   string
	check func(gm.Provider) error
}

var cases = []testCase{
	{"name", "diagnostics say which implementation ran", checkName},

	{"SM3 vectors", "another hash than GB/T 32905 verifies nobody else's digests", checkSM3Vectors},
	{"SM3 split writes", "a digest must depend on the bytes alone, not on how they were cut",
		checkSM3Split},
	{"SM3 long writes", "a count of bits that overflows gives a wrong digest", checkSM3Long},
	{"SM3 input", "io.Writer neither changes nor keeps what it is given", checkSM3Input},
	{"SM3 Sum", "HMAC, HKDF and PBKDF2 rely on a Sum that appends and changes nothing",
		checkSM3Sum},
	{"SM3 Reset", "HMAC resets a hash for every message", checkSM3Reset},
	{"HMAC-SM3", "tags must be those of GM/T 0042, whichever way Sum is called", checkHMAC},
	{"HKDF and PBKDF2", "keys longer than a digest chain one Sum into the next", checkKDFs},

	{"SM4 vector", "another cipher than GB/T 32907 opens nobody else's ciphertexts",
		checkSM4Vector},
	{"SM4 million rounds", "a wrong table entry can hide from one block", checkSM4Million},
	{"SM4 inverse", "what does not decrypt is lost", checkSM4Inverse},
	{"SM4 one block", "what lies behind the block belongs to the caller", checkSM4OneBlock},
	{"SM4 short buffers", "half a block is lost data: a programmer's error, which must panic",
		checkSM4Short},
	{"SM4 key", "callers wipe their keys, and use them again before that", checkSM4Key},

	{"SM4-GCM vector", "another AEAD than RFC 8998 opens nobody else's ciphertexts",
		checkGCMVector},
	{"SM4-GCM sizes", "envelopes have fixed places for the nonce and the tag", checkGCMSizes},
	{"SM4-GCM lengths", "partial blocks of text and additional data are where GCMs go wrong",
		checkGCMLengths},
	{"SM4-GCM append", "callers seal and open into buffers of their own, and in place",
		checkGCMAppend},
	{"SM4-GCM tampering", "unauthenticated plaintext must never leave the AEAD", checkGCMTampering},
	{"SM4-GCM nonce length", "a nonce of another length is a programmer's error, which must panic",
		checkGCMNonce},
	{"SM4-GCM key", "callers wipe their keys, and use them again before that", checkGCMKey},
	{"SM4-GCM concurrency", "an AEAD shared between goroutines that seals wrongly loses data",
		checkGCMConcurrency},
	{"SM2 vectors", "another scheme than GB/T 32918 reads and verifies nobody else's bytes",
		checkSM2Vectors},
	{"SM2 keys", "a point that no other implementation computes belongs to no key", checkSM2Keys},
	{"SM2 key bytes", "callers wipe their keys, and use them again before that", checkSM2KeyBytes},
	{"SM2 lengths", "what does not decrypt is lost", checkSM2Lengths},
	{"SM2 leading zeros", "one ciphertext in 64 has a coordinate that is cut when it is not padded",
		checkSM2LeadingZeros},
	{"SM2 zero keystream", "GB/T 32918.4 refuses a C2 that is the plaintext", checkSM2ZeroKeystream},
	{"SM2 buffers", "callers wipe and reuse what they gave and got", checkSM2Buffers},
	{"SM2 tampering", "unauthenticated plaintext must never leave a provider", checkSM2Tampering},
	{"SM2 invalid points", "decrypting with points off the curve gives the private key away",
		checkSM2Points},
	{"SM2 signatures", "a signature is for one key and one digest", checkSM2Signatures},
	{"SM2 edge signatures", "what verifies elsewhere must verify here, and nothing else",
		checkSM2EdgeSignatures},
	{"SM2 corner digests", "a digest is signed modulo n, and many are not below it",
		checkSM2CornerDigests},
	{"SM2 short signatures", "one signature in 128 has a number that is cut when it is not padded",
		checkSM2ShortSignatures},
	{"SM2 random numbers", "random numbers that are not give plaintexts and private keys away",
		checkSM2Random},
	{"SM2 concurrency", "keys are shared between all who use them", checkSM2Concurrency},

	{"concurrent use", "a provider serves every goroutine of a KMS", checkConcurrentUse},
}

// enforcedCases are for a process in which FIPS 140-3 mode is enforced.
var enforcedCases = []testCase{
	{"name", "diagnostics say which implementation ran", checkName},
	{"FIPS 140-3 mode", "a process that allows approved algorithms only must get no other",
		checkRefusal},
}

func checkName(p gm.Provider) error {
	if p.Name() == "" {
		return errors.New("the name is empty")
	}
	return nil
}

// checkRefusal wants every constructor that returns an error to return one.
func checkRefusal(p gm.Provider) error {
	block, errSM4 := p.NewSM4(new([16]byte))
	aead, errGCM := p.NewSM4GCM(new([16]byte))
	private, errPrivate := p.SM2Private(&sm2Private)
	public, errPublic := p.SM2Public(&sm2Public)
	if block != nil || aead != nil || private != nil || public != nil {
		return errors.New("a constructor returned a value")
	}
	for _, err := range []error{errSM4, errGCM, errPrivate, errPublic} {
		if !errors.Is(err, gm.ErrUnsupportedAlgorithm) {
			return fmt.Errorf("a constructor returned %v, want ErrUnsupportedAlgorithm", err)
		}
	}
	return nil
}

// parallel runs f(0) to f(n-1) at once, waits for all and returns their errors.
func parallel(n int, f func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// equal returns an error that begins with what if got is not want.
func equal(what string, got, want []byte) error {
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s: got %x, want %x", what, got, want)
	}
	return nil
}

// panics reports whether f does.
func panics(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}

// pattern returns n bytes that repeat with a period no block size divides.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

// unhex decodes a constant of this package.
func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic("gmtest: " + err.Error())
	}
	return b
}
