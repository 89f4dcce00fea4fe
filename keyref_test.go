package kms

import (
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
)

// Every byte in every place of an ID, against the vendors' pattern and package
// hex.
func TestParseKeyID(t *testing.T) {
	const ref = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
	pattern := regexp.MustCompile(`^[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{12}$`)
	want := func(ref string) (id keyID, err error) {
		if !pattern.MatchString(ref) {
			return id, ErrInvalidKeyRef
		}
		b, err := hex.DecodeString(strings.ReplaceAll(ref, "-", ""))
		if err != nil {
			return id, ErrKeyNotFound
		}
		return keyID(b), nil
	}
	refs := []string{"", ref[1:], ref + "0"}
	for i := range len(ref) {
		for c := range 256 {
			refs = append(refs, ref[:i]+string([]byte{byte(c)})+ref[i+1:])
		}
	}
	for range 1000 {
		refs = append(refs, newKeyID().String())
	}
	for _, ref := range refs {
		wantID, wantErr := want(ref)
		if id, err := parseKeyID(ref); id != wantID || err != wantErr {
			t.Errorf("%q: %v, %v, want %v, %v", ref, id, err, wantID, wantErr)
		}
	}
}
