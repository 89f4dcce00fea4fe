package alibaba_test

import (
	"errors"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"testing"

	rpckms "github.com/aliyun/alibaba-cloud-sdk-go/services/kms"

	"github.com/embedkms/kms/internal/integration/cloud"
)

// operations are all.
var operations = func() map[string]operation {
	all := map[string]operation{}
	for _, some := range []map[string]operation{dataOperations, asymmetricOperations, keyOperations,
		otherOperations} {
		maps.Copy(all, some)
	}
	return all
}()

// The document has the operations that are tested, no more and no fewer.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/cloudapi/alibaba.md")
	must(t, err)
	var listed []string
	rows := regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\| both ")
	for _, row := range rows.FindAllStringSubmatch(string(text), -1) {
		listed = append(listed, row[1])
	}
	slices.Sort(listed)
	if want := sorted(operations); !slices.Equal(listed, want) {
		t.Errorf("the document has %v, and tested are %v", listed, want)
	}
}

// Every operation by every SDK.
func TestOperations(t *testing.T) {
	s := start(t)
	rsa := newPairs(t, s)
	for _, sdk := range sdks {
		t.Run(sdk.name, func(t *testing.T) {
			call := sdk.new(t, s, cloud.AccessKeyID, cloud.Secret)
			denied := sdk.new(t, s, cloud.DeniedID, cloud.Secret)
			for _, name := range sorted(operations) {
				t.Run(name, func(t *testing.T) {
					e := &env{t, s.KMS, call, rsa}
					e.successes(name, operations[name])
					e.refusals(name, operations[name])
					e.common(name, operations[name], denied)
				})
			}
		})
	}
}

// on returns the same for a subtest.
func (e *env) on(t *testing.T) *env { return &env{t, e.KMS, e.call, e.rsa} }

func (e *env) successes(name string, op operation) {
	for _, c := range sorted(op.successes) {
		e.Run(c, func(t *testing.T) {
			e := e.on(t)
			p, check := op.successes[c](e)
			fields, err := e.call(name, p)
			must(t, err)
			check(fields)
		})
	}
}

// some returns parameters that are right, of the first success.
func (e *env) some(op operation) params {
	e.Helper()
	p, _ := op.successes[sorted(op.successes)[0]](e)
	return p
}

func (e *env) refusals(name string, op operation) {
	for _, r := range op.refusals {
		e.Run(r.name, func(t *testing.T) {
			e := e.on(t)
			p := r.change(e, e.some(op))
			maps.DeleteFunc(p, func(_, v string) bool { return v == "" && r.code == "MissingParameter" })
			_, err := e.call(name, p)
			e.wantFault(err, r.code, r.status)
		})
	}
}

// common tries what any operation may be refused for.
func (e *env) common(name string, op operation, denied client) {
	e.Run("denied", func(t *testing.T) {
		e := e.on(t)
		if name == "DescribeRegions" {
			return // asks the library for nothing
		}
		_, err := denied(name, e.some(op))
		e.wantFault(err, "Forbidden.NoPermission", 403)
	})
	e.Run("missing", func(t *testing.T) {
		if e := e.on(t); !op.free {
			_, err := e.call(name, nil)
			e.wantFault(err, "MissingParameter", 400)
		}
	})
	e.Run("dry run", func(t *testing.T) {
		e := e.on(t)
		if !hasDryRun(name) {
			return
		}
		_, err := e.call(name, with(e.some(op), "DryRun", "true"))
		e.wantFault(err, "DryRunOperationError", 400)
		_, err = e.call(name, params{"DryRun": "true"})
		e.wantFault(err, "ValidationError", 400)
		_, err = denied(name, with(e.some(op), "DryRun", "true"))
		e.wantFault(err, "AccessDeniedError", 400)
		_, err = e.call(name, with(e.some(op), "DryRun", "perhaps"))
		e.wantFault(err, "InvalidParameter", 400)
	})
}

// hasDryRun reports whether the SDKs have the parameter for an operation.
func hasDryRun(name string) bool {
	call, _ := reflect.TypeFor[*rpckms.Client]().MethodByName(name)
	_, ok := call.Type.In(1).Elem().FieldByName("DryRun")
	return ok
}

// wantFault checks an SDK's typed error.
func (e *env) wantFault(err error, code string, status int) {
	e.Helper()
	f, ok := errors.AsType[*fault](err)
	if !ok || f.code != code || f.status != status || len(f.id) != 36 {
		e.Errorf("%T: %v (request %v), want %s (%d)", err, err, f, code, status)
	}
}
