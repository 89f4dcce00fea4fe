package cloudapi_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/cloudapi/alibaba"
	"github.com/embedkms/kms/cloudapi/aws"
	"github.com/embedkms/kms/cloudapi/huawei"
	"github.com/embedkms/kms/cloudapi/tencent"
	"github.com/embedkms/kms/internal/httpsig"
	"github.com/embedkms/kms/kmstest"
)

const (
	accessKey = "AKIDEXAMPLE"
	secret    = "secret"
	password  = "correct horse battery staple 123" // 32 bytes
)

var credentials = cloudapi.Static(map[string]cloudapi.Credential{accessKey: {Secret: secret}})

// A dialect is how an Encrypt of password, with a context of two pairs, is asked for.
type dialect struct {
	name    string
	serve   func(k *kms.KMS) (http.Handler, error)
	request func(key string) (*http.Request, []byte) // without a signature
	sign    func(r *http.Request, body []byte)       // as of now
}

var encoded = base64.StdEncoding.EncodeToString([]byte(password))

const pairs = `{"service":"orders","env":"prod"}`

var dialects = []dialect{
	{
		"huawei",
		func(k *kms.KMS) (http.Handler, error) {
			return huawei.New(k, &huawei.Options{Credentials: credentials})
		},
		func(key string) (*http.Request, []byte) {
			return post("/v1.0/project/kms/encrypt-data", nil,
				`{"key_id":"`+key+`","plain_text":"`+password+`","encryption_context":`+pairs+`}`)
		},
		func(r *http.Request, body []byte) {
			r.Header.Set("X-Sdk-Date", time.Now().UTC().Format("20060102T150405Z"))
			authorize(r, body, "SDK-HMAC-SHA256 Access="+accessKey+", SignedHeaders=x-sdk-date, Signature=", httpsig.Huawei)
		},
	},
	{
		"tencent",
		func(k *kms.KMS) (http.Handler, error) {
			return tencent.New(k, &tencent.Options{Credentials: credentials})
		},
		func(key string) (*http.Request, []byte) {
			return post("/", http.Header{"X-TC-Action": {"Encrypt"}, "X-TC-Version": {"2019-01-18"}},
				fmt.Sprintf(`{"KeyId":%q,"Plaintext":%q,"EncryptionContext":%q}`, key, encoded, pairs))
		},
		func(r *http.Request, body []byte) {
			now := time.Now().UTC()
			r.Header.Set("X-TC-Timestamp", fmt.Sprint(now.Unix()))
			authorize(r, body, "TC3-HMAC-SHA256 Credential="+accessKey+"/"+now.Format("2006-01-02")+
				"/kms/tc3_request, SignedHeaders=content-type;host, Signature=", httpsig.TC3)
		},
	},
	{
		"alibaba",
		func(k *kms.KMS) (http.Handler, error) {
			return alibaba.New(k, &alibaba.Options{Credentials: credentials})
		},
		func(key string) (*http.Request, []byte) {
			query := url.Values{"KeyId": {key}, "Plaintext": {encoded}, "EncryptionContext": {pairs}}
			return post("/?"+query.Encode(), http.Header{
				"x-acs-action": {"Encrypt"}, "x-acs-version": {"2016-01-20"},
			}, "")
		},
		func(r *http.Request, body []byte) {
			r.Header.Set("x-acs-date", time.Now().UTC().Format(time.RFC3339))
			r.Header.Set("x-acs-signature-nonce", nonce())
			r.Header.Set("x-acs-content-sha256", fmt.Sprintf("%x", sha256.Sum256(body)))
			authorize(r, body, "ACS3-HMAC-SHA256 Credential="+accessKey+",SignedHeaders=host;x-acs-action;"+
				"x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=", httpsig.ACS3)
		},
	},
	{
		"aws",
		func(k *kms.KMS) (http.Handler, error) {
			return aws.New(k, &aws.Options{Credentials: credentials})
		},
		func(key string) (*http.Request, []byte) {
			return post("/", http.Header{"X-Amz-Target": {"TrentService.Encrypt"}},
				fmt.Sprintf(`{"KeyId":%q,"Plaintext":%q,"EncryptionContext":%s}`, key, encoded, pairs))
		},
		func(r *http.Request, body []byte) {
			now := time.Now().UTC()
			r.Header.Set("X-Amz-Date", now.Format("20060102T150405Z"))
			authorize(r, body, "AWS4-HMAC-SHA256 Credential="+accessKey+"/"+now.Format("20060102")+
				"/here/kms/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=", httpsig.SigV4)
		},
	},
}

// post returns a request that a server would get.
func post(target string, header http.Header, body string) (*http.Request, []byte) {
	r := httptest.NewRequest(http.MethodPost, target, nil)
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Content-Type", "application/json")
	for name, v := range header {
		r.Header.Set(name, v[0])
	}
	return r, []byte(body)
}

// authorize completes the Authorization header by the signature.
func authorize(
	r *http.Request, body []byte, begin string, scheme func(*http.Request, []byte) (*httpsig.Proof, error),
) {
	r.Header.Set("Authorization", begin+strings.Repeat("0", 64))
	p, err := scheme(r, body)
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", begin+p.Sign(secret))
}

var nonces atomic.Uint64

func nonce() string { return fmt.Sprint("nonce-", nonces.Add(1)) }

// signed returns n requests, signed one by one: some schemes let none in twice.
func (d *dialect) signed(key string, n int) []*http.Request {
	requests := make([]*http.Request, n)
	for i := range requests {
		r, body := d.request(key)
		d.sign(r, body)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		requests[i] = r
	}
	return requests
}

// serving returns a handler and a key of its KMS.
func (d *dialect) serving(b *testing.B) (_ http.Handler, k *kms.KMS, key string) {
	k = kmstest.New(b)
	h, err := d.serve(k)
	if err != nil {
		b.Fatal(err)
	}
	created, err := k.CreateKey(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	return h, k, created.ID
}

// What an Encrypt of 32 bytes costs through a handler, without a network, and what of
// it is the library's.
func BenchmarkHandler(b *testing.B) {
	for _, d := range dialects {
		b.Run(d.name, func(b *testing.B) {
			h, _, key := d.serving(b)
			requests := d.signed(key, b.N)
			b.ReportAllocs()
			b.ResetTimer()
			for _, r := range requests {
				w := discard{}
				h.ServeHTTP(w, r)
				if len(w) == 0 {
					b.Fatal("no answer")
				}
			}
		})
	}
	b.Run("library", func(b *testing.B) {
		_, k, key := dialects[0].serving(b)
		b.ReportAllocs()
		for b.Loop() {
			aad := kms.EncryptionContext{"service": "orders", "env": "prod"}
			if _, err := k.Encrypt(b.Context(), key, []byte(password), aad); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// discard takes an answer, and the header of one that is no error.
type discard http.Header

func (d discard) Header() http.Header         { return http.Header(d) }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(status int) {
	if status != http.StatusOK {
		panic(status)
	}
}

// How many signed requests a second are served over kept connections on the
// loopback, client included: it writes requests that it has signed before.
func BenchmarkLoopback(b *testing.B) {
	for _, d := range dialects {
		b.Run(d.name, func(b *testing.B) {
			h, _, key := d.serving(b)
			server := httptest.NewServer(h)
			defer server.Close()
			requests := make(chan []byte, b.N+1)
			for _, r := range d.signed(key, b.N+1) {
				var text bytes.Buffer
				if err := r.Write(&text); err != nil {
					b.Fatal(err)
				}
				requests <- text.Bytes()
			}
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				c := dial(b, server)
				defer c.Close()
				answers := bufio.NewReader(c)
				for pb.Next() {
					if err := exchange(c, answers, <-requests); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

func dial(b *testing.B, server *httptest.Server) net.Conn {
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// exchange sends a request and reads its answer: with less ado than http.Client,
// which needs more time than the server.
func exchange(w io.Writer, answers *bufio.Reader, request []byte) error {
	if _, err := w.Write(request); err != nil {
		return err
	}
	status, err := answers.ReadString('\n')
	if err != nil || !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		return fmt.Errorf("%q, %w", status, err)
	}
	size := 0
	for {
		line, err := answers.ReadString('\n')
		if err != nil {
			return err
		}
		if line == "\r\n" {
			break
		}
		if n, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			if size, err = strconv.Atoi(strings.TrimSpace(n)); err != nil {
				return err
			}
		}
	}
	_, err = answers.Discard(size)
	return err
}
