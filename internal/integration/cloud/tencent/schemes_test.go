package tencent_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	sdk "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/kms/v20190118"

	"github.com/embedkms/kms/internal/integration/cloud"
)

const (
	mismatch = "AuthFailure.SignatureFailure"
	expired  = "AuthFailure.SignatureExpire"
)

// list makes the request that the tests of signatures make: one that is never
// refused otherwise.
func list(c *sdk.Client) error {
	r := sdk.NewListKeysRequest()
	r.Limit = new(uint64(5))
	_, err := c.ListKeys(r)
	return err
}

func TestSchemes(t *testing.T) {
	for _, s := range schemes {
		t.Run(s.String(), func(t *testing.T) {
			x := newSession(t, s)
			t.Run("secrets", x.secrets)
			t.Run("tampered", x.tampered)
			t.Run("unsigned", x.unsigned)
			t.Run("replay", x.replay)
			t.Run("clock", x.clock)
		})
	}
}

func (x *session) secrets(t *testing.T) {
	must(t, list(x.Client))
	refused(t, list(newClient(t, x.server, x.scheme, cloud.AccessKeyID, "another secret")), mismatch)
	refused(t, list(newClient(t, x.server, x.scheme, "AKIDOTHER", cloud.Secret)),
		"AuthFailure.SecretIdNotFound")
}

// tampered changes what each signature covers.
func (x *session) tampered(t *testing.T) {
	changes := map[string]func(*cloud.Request){
		"host":   func(r *cloud.Request) { r.Host = "example.com" },
		"method": func(r *cloud.Request) { r.Method = map[string]string{"GET": "POST", "POST": "GET"}[r.Method] },
		"parameter": func(r *cloud.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "Limit=5", "Limit=6", 1)
			r.Body = []byte(strings.NewReplacer("Limit=5", "Limit=6", `"Limit":5`, `"Limit":6`).Replace(string(r.Body)))
		},
	}
	if x.scheme.isV1() {
		changes["action"] = func(r *cloud.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "ListKeys", "GetServiceStatus", 1)
			r.Body = []byte(strings.Replace(string(r.Body), "ListKeys", "GetServiceStatus", 1))
		}
		changes["path"] = func(r *cloud.Request) { r.URL.Path = "/other" }
	} else {
		changes["content type"] = func(r *cloud.Request) { r.Header.Set("Content-Type", "text/plain") }
		changes["time"] = func(r *cloud.Request) {
			at := r.Header.Get("X-TC-Timestamp")
			r.Header.Set("X-TC-Timestamp", at[:len(at)-1]+string('0'+(at[len(at)-1]-'0'+1)%10))
		}
	}
	for name, change := range changes {
		x.server.Tamper(t, change)
		err := list(x.Client)
		x.server.Tamper(t, func(*cloud.Request) {})
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		code := mismatch
		if name == "method" { // where nothing of the signature is left to be seen
			code = "AuthFailure"
		}
		if !strings.Contains(err.Error(), "Code="+code) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// unsigned changes what the signatures of this SDK do not cover: under TC3 the action,
// the version, the region and the language. Version 1 covers all but headers.
func (x *session) unsigned(t *testing.T) {
	defer x.server.Tamper(t, func(*cloud.Request) {})
	x.server.Tamper(t, func(r *cloud.Request) {
		r.Header.Set("X-TC-Region", "ap-beijing")
		r.Header.Set("X-TC-Language", "en-US")
		r.Header.Set("User-Agent", "another")
	})
	must(t, list(x.Client))
	x.server.Tamper(t, func(r *cloud.Request) { r.Header.Set("X-TC-Action", "GenerateRandom") })
	if x.scheme.isV1() {
		must(t, list(x.Client)) // the action is among the parameters
		return
	}
	// Another operation is done: it misses its parameter.
	refused(t, list(x.Client), "MissingParameter")
	x.server.Tamper(t, func(r *cloud.Request) { r.Header.Set("X-TC-Version", "2018-01-01") })
	refused(t, list(x.Client), "NoSuchVersion")
}

// replay sends a request again: TC3 has no nonce to tell it by.
func (x *session) replay(t *testing.T) {
	must(t, list(x.Client))
	status, text := x.server.Send(t, x.server.Last())
	if status != 200 || strings.Contains(text, expired) != x.scheme.isV1() {
		t.Errorf("%d %s", status, text)
	}
}

func (x *session) clock(t *testing.T) {
	for _, c := range []struct {
		ahead time.Duration
		code  string
	}{
		{14 * time.Minute, ""}, {-14 * time.Minute, ""},
		{16 * time.Minute, expired}, {-16 * time.Minute, expired},
	} {
		x.server.Skew(t, c.ahead)
		if err := list(x.Client); c.code == "" {
			must(t, err)
		} else {
			refused(t, err, c.code)
		}
	}
}

// Plaintexts are in the URL of the one method, and not of the other.
func TestPlaintextInURL(t *testing.T) {
	for _, s := range schemes {
		x := newSession(t, s)
		_, err := x.Encrypt(encryption(x.create(t, nil), plaintext, nil))
		must(t, err)
		text := url.QueryEscape(*b64(plaintext))
		if got := strings.Contains(x.server.Last().URL.RawQuery, text); got != (s.method == "GET") {
			t.Errorf("%s: %v", s, got)
		}
	}
}

// A body that the client does not sign is not accepted.
func TestUnsignedPayload(t *testing.T) {
	x := newSession(t, schemes[0])
	must(t, list(x.Client))
	p := newProfile(x.server, schemes[0])
	p.UnsignedPayload = true
	x.WithProfile(p)
	refused(t, list(x.Client), mismatch)
}

// Where a list has nothing at an index, version 1 and GET send it with a gap. All of it is
// refused: what comes after the gap would be passed over.
func TestGapInList(t *testing.T) {
	for _, s := range schemes {
		x := newSession(t, s)
		a, b := x.create(t, nil), x.create(t, nil)
		r := sdk.NewDisableKeysRequest()
		r.KeyIds = []*string{&a, nil, &b}
		if _, err := x.DisableKeys(r); err == nil {
			t.Errorf("%s: no error, and the last key is %s", s, x.state(t, b))
		}
	}
}

// What is broken inside, and what is not there for the moment, are told apart.
func TestTrouble(t *testing.T) {
	for _, s := range schemes {
		x := newSession(t, s)
		id := x.create(t, nil)
		x.server.Damage(t, id)
		_, err := x.Encrypt(encryption(id, []byte("x"), nil))
		refused(t, err, "InternalError")
		must(t, x.k.Close())
		_, err = x.Encrypt(encryption(id, []byte("x"), nil))
		refused(t, err, "UnsupportedOperation.ServiceTemporaryUnavailable")
	}
}
