package huawei_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi/huawei"
)

const (
	nobody  = "0a000000-0000-4000-8000-000000000000" // a key ID of no key
	serial  = "919c82d4-8046-4722-9094-35c3c6524cff"
	aadName = "additional_authenticated_data"
)

type params = map[string]any

// with returns parameters with one changed, or without it if the value is absent.
func with(p params, name string, value any) params {
	p = maps.Clone(p)
	if value == absent {
		delete(p, name)
	} else {
		p[name] = value
	}
	return p
}

type absence struct{}

var absent absence

// query writes parameters as a query.
func query(p params) string {
	values := url.Values{}
	for name, v := range p {
		values.Set(name, fmt.Sprint(v))
	}
	return values.Encode()
}

// create creates a key through the library.
func (s *service) create(opts *kms.CreateKeyOptions) string {
	s.t.Helper()
	key, err := s.kms.CreateKey(s.t.Context(), opts)
	if err != nil {
		s.t.Fatal(err)
	}
	return key.ID
}

func (s *service) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func b64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// datakey returns a data key of the client's with its digest.
func datakey(dek string) string {
	sum := sha256.Sum256([]byte(dek))
	return hex.EncodeToString([]byte(dek)) + hex.EncodeToString(sum[:])
}

// A base makes parameters that an operation accepts, and the keys that they need. The name
// of the parameter with the key is "" where there is none to be found.
type base struct {
	key  string
	make func(s *service) params
}

func ofKey(opts *kms.CreateKeyOptions, more params) base {
	return base{"key_id", func(s *service) params {
		return with(more, "key_id", s.create(opts))
	}}
}

var (
	signing  = &kms.CreateKeyOptions{Spec: kms.KeySpecECP256}
	hmac     = &kms.CreateKeyOptions{Spec: kms.KeySpecHMACSHA256}
	external = &kms.CreateKeyOptions{Origin: kms.OriginExternal}
	rotated  = &kms.CreateKeyOptions{RotationPeriod: 30 * 24 * 3600e9}
)

// bases has one for each operation.
var bases = map[string]base{
	"POST encrypt-data": ofKey(nil, params{"plain_text": marker, aadName: "a"}),
	"POST decrypt-data": {"key_id", func(s *service) params {
		id := s.create(nil)
		return params{"key_id": id, "cipher_text": s.encrypted(id)}
	}},
	"POST re-encrypt": {"destination_key_id", func(s *service) params {
		return params{"destination_key_id": s.create(nil), "cipher_text": s.encrypted(s.create(nil))}
	}},
	"POST create-datakey":                   ofKey(nil, params{}),
	"POST create-datakey-without-plaintext": ofKey(nil, params{}),
	"POST encrypt-datakey": ofKey(nil, params{
		"plain_text": datakey(marker), "datakey_plain_length": fmt.Sprint(len(marker)),
	}),
	"POST decrypt-datakey": {"key_id", func(s *service) params {
		id := s.create(nil)
		d, err := s.kms.GenerateDataKey(s.t.Context(), id, 64, nil)
		s.ok(err)
		return params{
			"key_id": id, "cipher_text": hex.EncodeToString(d.Ciphertext), "datakey_cipher_length": "64",
		}
	}},
	"POST gen-random": {"", func(*service) params { return params{"random_data_length": "512"} }},

	"POST create-key":             {"", func(*service) params { return params{"key_alias": "new"} }},
	"POST describe-key":           ofKey(nil, params{}),
	"POST list-keys":              {"", func(*service) params { return params{} }},
	"POST update-key-alias":       ofKey(nil, params{"key_alias": "other"}),
	"POST update-key-description": ofKey(nil, params{"key_description": "of orders"}),
	"POST enable-key": {"key_id", func(s *service) params {
		id := s.create(nil)
		s.ok(s.kms.DisableKey(s.t.Context(), id))
		return params{"key_id": id}
	}},
	"POST disable-key":           ofKey(nil, params{}),
	"POST schedule-key-deletion": ofKey(nil, params{"pending_days": "7"}),
	"POST cancel-key-deletion": {"key_id", func(s *service) params {
		id := s.create(nil)
		_, err := s.kms.ScheduleKeyDeletion(s.t.Context(), id, 0)
		s.ok(err)
		return params{"key_id": id}
	}},

	"GET aliases":  {"", func(*service) params { return params{} }},
	"POST aliases": ofKey(nil, params{"alias": "second"}),
	"DELETE aliases": ofKey(&kms.CreateKeyOptions{Alias: "alias/old"},
		params{"aliases": []any{"old"}}),
	"POST alias/associate": {"target_key_id", func(s *service) params {
		s.create(&kms.CreateKeyOptions{Alias: "alias/moves"})
		return params{"alias": "moves", "target_key_id": s.create(nil)}
	}},

	"POST enable-key-rotation":          ofKey(nil, params{}),
	"POST disable-key-rotation":         ofKey(rotated, params{}),
	"POST update-key-rotation-interval": ofKey(rotated, params{"rotation_interval": 60}),
	"POST get-key-rotation-status":      ofKey(rotated, params{}),

	"POST get-parameters-for-import": ofKey(external, params{"wrapping_algorithm": "SM2_ENCRYPT"}),
	"POST import-key-material": {"key_id", func(s *service) params {
		return s.importing(s.create(external))
	}},
	"POST delete-imported-key-material": {"key_id", func(s *service) params {
		id := s.create(external)
		s.must("POST import-key-material", s.importing(id))
		return params{"key_id": id}
	}},

	"POST sign": ofKey(signing, params{
		"message": b64(marker), "message_type": "RAW", "signing_algorithm": "ECDSA_SHA_256",
	}),
	"POST verify": ofKey(signing, params{
		"message": b64(marker), "message_type": "RAW", "signing_algorithm": "ECDSA_SHA_256",
		"signature": b64("none"),
	}),
	"POST get-publickey": ofKey(signing, params{}),
	"POST generate-mac":  ofKey(hmac, params{"message": b64(marker), "mac_algorithm": "HMAC_SHA_256"}),
	"POST verify-mac": ofKey(hmac, params{
		"message": b64(marker), "mac_algorithm": "HMAC_SHA_256", "mac": b64("none"),
	}),
}

// encrypted returns a ciphertext of the marker under a key.
func (s *service) encrypted(id string) string {
	s.t.Helper()
	ciphertext, err := s.kms.Encrypt(s.t.Context(), id, []byte(marker), nil)
	s.ok(err)
	return base64.StdEncoding.EncodeToString(ciphertext)
}

// Every operation has a base, by which the other tests call it.
func TestBases(t *testing.T) {
	if got := slices.Sorted(maps.Keys(bases)); !slices.Equal(got, huawei.Operations()) {
		t.Errorf("there are bases of %q, and operations %q", got, huawei.Operations())
	}
	for op, b := range bases {
		t.Run(strings.ReplaceAll(op, " ", "_"), func(t *testing.T) {
			s := serve(t, nil)
			p := b.make(s)
			if !strings.HasPrefix(op, "GET") {
				p["sequence"], p["unknown"], p["pin_type"] = serial, []any{1}, "PlainText"
			}
			s.must(op, p)
		})
	}
}
