package alibaba_test

import (
	"context"
	"net/http"
	"testing"
)

// A record that was altered is nothing that a client could do something about.
func TestDamage(t *testing.T) {
	s := start(t)
	id := s.aes()
	records, err := s.store.List(ctx, "key/", "", 10)
	must(t, err)
	for _, r := range records {
		r.Data[len(r.Data)-1] ^= 1
		r.Rev++
		must(t, s.store.Put(ctx, r))
	}
	for name, p := range map[string]params{"DescribeKey": {"KeyId": id}, "ListKeys": {}} {
		if r := s.call(name, p); r.status != http.StatusInternalServerError || r.code() != "InternalFailure" {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

// A client that has gone is told nothing, but whoever logs answers is.
func TestCanceled(t *testing.T) {
	s := start(t)
	id := s.aes()
	gone, cancel := context.WithCancel(ctx)
	cancel()
	r := s.acs3(accessKey, "DescribeKey", params{"KeyId": id})
	s.do(r.WithContext(gone)).is(t, "cancelled", "ServiceUnavailableTemporary")
}
