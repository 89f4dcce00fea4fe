package alibaba_test

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms/cloudapi/alibaba"
)

// statuses of error codes: API pages "Sample responses" and "Impact of CMK status on API
// operations"; 400 of all others.
var statuses = map[string]int{
	"Forbidden.KeyNotFound": 404, "Forbidden.AliasNotFound": 404, "InvalidAccessKeyId.NotFound": 404,
	"InvalidApi.NotFound": 404, "InvalidProtocol.NeedSsl": 404,
	"Forbidden.NoPermission": 403, "UnsupportedHTTPMethod": 403, "ServiceUnavailableTemporary": 503,
	"Rejected.Disabled": 409, "Rejected.PendingDeletion": 409, "Rejected.PendingImport": 409,
	"Rejected.StateModifiedFailed": 409,
}

// is checks that an answer is an error.
func (r *reply) is(t *testing.T, what, code string) {
	t.Helper()
	if want := cmp.Or(statuses[code], 400); r.code() != code || r.status != want {
		t.Errorf("%s: %d %s, want %d %s", what, r.status, r.body, want, code)
	}
	if strings.Contains(r.body, "MARKER") || strings.Contains(r.body, "kms:") {
		t.Errorf("%s: the error tells too much: %s", what, r.body)
	}
}

func TestActionsAreAll(t *testing.T) {
	if got := slices.Sorted(maps.Keys(actions)); !slices.Equal(got, alibaba.Actions()) {
		t.Errorf("tested are %v, and there are %v", got, alibaba.Actions())
	}
}

// Every parameter of every operation: missing, and every value that it must not have.
func TestBadParameters(t *testing.T) {
	s := start(t)
	for name, a := range actions {
		t.Run(name, func(t *testing.T) {
			s.t = t
			base := with(a.base(s), "Unknown", "MARKER")
			for _, p := range a.params {
				if !p.optional {
					s.call(name, without(base, p.name)).is(t, p.name+" missing", "MissingParameter")
				}
				for _, b := range p.bad {
					s.call(name, with(base, p.name, b.value)).is(t,
						p.name+"="+b.value[:min(40, len(b.value))], cmp.Or(b.code, "InvalidParameter"))
				}
			}
			for _, dry := range []string{"", "yes", "TRUE", "1", "\xff"} {
				s.call(name, with(base, "DryRun", dry)).is(t, "DryRun="+dry, "InvalidParameter")
			}
			s.ok(name, with(base, "DryRun", "false", "Unknown", "MARKER"))
		})
	}
}

// A dry run is told what would happen, and nothing does.
func TestDryRun(t *testing.T) {
	s := start(t)
	for name, a := range actions {
		t.Run(name, func(t *testing.T) {
			s.t = t
			base := with(a.base(s), "DryRun", "true")
			if name == "DescribeRegions" {
				s.ok(name, base) // asks the library for nothing
				return
			}
			s.call(name, base).is(t, "dry", "DryRunOperationError")
			s.call(name, base).is(t, "dry again", "DryRunOperationError")
			s.do(s.acs3(deniedKey, name, base)).is(t, "denied", "AccessDeniedError")
			for _, p := range a.params {
				if !p.optional {
					s.call(name, without(base, p.name)).is(t, p.name+" missing", "ValidationError")
				}
			}
			s.ok(name, without(base, "DryRun"))
		})
	}
}

// Errors of the library, whatever the operation.
func TestLibraryErrors(t *testing.T) {
	for name, a := range actions {
		t.Run(name, func(t *testing.T) {
			if name == "DescribeRegions" {
				return // asks the library for nothing
			}
			t.Parallel()
			s := start(t)
			base := a.base(s)
			s.do(s.acs3(deniedKey, name, base)).is(t, "denied", "Forbidden.NoPermission")
			s.store.SetDown(true)
			s.call(name, base).is(t, "store down", "ServiceUnavailableTemporary")
			s.store.SetDown(false)
			must(t, s.kms.Close())
			s.call(name, base).is(t, "closed", "ServiceUnavailableTemporary")
		})
	}
}

// A request that asks for nothing that there is.
func TestUnknown(t *testing.T) {
	s := start(t)
	s.call("GenerateRandom", params{}).is(t, "action", "InvalidApi.NotFound")
	s.call("encrypt", params{}).is(t, "case", "InvalidApi.NotFound")
	s.do(s.rpc("GET", "", params{})).is(t, "no action", "InvalidApi.NotFound")
	s.do(s.rpc("GET", "DescribeRegions", params{"Version": "2014-01-01"})).is(t, "version",
		"InvalidVersion")
	s.do(s.rpc("GET", "DescribeRegions", params{"Format": "YAML"})).is(t, "format",
		"InvalidParameter.Format")
	s.do(s.rpc("GET", "DescribeRegions", params{"\xff": "x"})).is(t, "UTF-8", "InvalidParameter")
	for _, method := range []string{"PUT", "DELETE", "HEAD", "PATCH"} {
		r := s.do(s.rpc(method, "DescribeRegions", params{}))
		r.is(t, method, "UnsupportedHTTPMethod")
	}
	r := s.acs3(accessKey, "DescribeRegions", params{})
	r.Method = http.MethodOptions
	s.do(r).is(t, "OPTIONS", "UnsupportedHTTPMethod")
}
