package huawei_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/integration/cloud"
)

// An operation is one of the API, through the SDK.
type operation struct {
	// key makes a key that call succeeds with; nil if call takes none.
	key func(t *testing.T, x *session) string

	// call calls it in the simplest way.
	call func(t *testing.T, x *session, id string) error

	// cases are the rest: what it does with all parameters, and its own errors.
	cases cases
}

// cases are tests by name.
type cases = map[string]func(t *testing.T, x *session)

// operations are all, by method and path.
func operations() map[string]operation {
	all := map[string]operation{}
	for _, some := range []map[string]operation{
		dataOperations, datakeyOperations, keyOperations, aliasOperations,
		lifecycleOperations, rotationOperations, importOperations, signingOperations,
	} {
		maps.Copy(all, some)
	}
	return all
}

// keyOf returns what makes keys of options.
func keyOf(opts *kms.CreateKeyOptions) func(t *testing.T, x *session) string {
	return func(t *testing.T, x *session) string { return x.create(t, opts) }
}

// Every operation of the document does through the SDK what the library does, and refuses as
// documented.
func TestOperations(t *testing.T) {
	all := operations()
	if got, want := slices.Sorted(maps.Keys(all)), documented(t); !slices.Equal(got, want) {
		t.Errorf("operations are %q, and in the document %q", got, want)
	}
	for name, op := range all {
		prefix := "huaweicloud-sdk-go-v3/" + name + "/"
		t.Run(prefix+"simple", func(t *testing.T) {
			x := newSession(t)
			must(t, op.call(t, x, op.subject(t, x)))
		})
		t.Run(prefix+"denied", func(t *testing.T) {
			x := newSession(t)
			id := op.subject(t, x)
			x.KmsClient = newClient(t, x.server, cloud.DeniedID, cloud.Secret)
			refused(t, op.call(t, x, id), 403, "KMS.0306")
		})
		t.Run(prefix+"wrong secret", func(t *testing.T) {
			x := newSession(t)
			id := op.subject(t, x)
			x.KmsClient = newClient(t, x.server, cloud.AccessKeyID, "other")
			refused(t, op.call(t, x, id), 401, "APIGW.0301")
		})
		if op.key != nil {
			t.Run(prefix+"no key", func(t *testing.T) {
				x := newSession(t)
				op.key(t, x)
				refused(t, op.call(t, x, nobody), 404, "KMS.0207")
				refused(t, op.call(t, x, "alias/a"), 400, "KMS.0205")
			})
		}
		for what, f := range op.cases {
			t.Run(prefix+what, func(t *testing.T) { f(t, newSession(t)) })
		}
	}
}

func (o *operation) subject(t *testing.T, x *session) string {
	if o.key == nil {
		return ""
	}
	return o.key(t, x)
}

// documented returns the operations of docs/cloudapi/huawei.md.
func documented(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/cloudapi/huawei.md")
	must(t, err)
	var all []string
	row := regexp.MustCompile("(?m)^\\| `([A-Z]+ [a-z/-]+)` \\| v0\\.1\\.207 \\|")
	for _, match := range row.FindAllStringSubmatch(string(text), -1) {
		all = append(all, match[1])
	}
	return slices.Sorted(slices.Values(all))
}
