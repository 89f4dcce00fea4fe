package aws_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/embedkms/kms"
)

const nowhere = "00000000-0000-4000-8000-000000000000" // no key has this ID

// An operation is a call with every parameter, and calls that fail.
type operation struct {
	// prepare makes a key that the call is of, and what else it needs, and returns
	// the call, which checks its answer.
	prepare func(t *testing.T, x *world) call

	// wrong are calls that fail with a code, by what is wrong.
	wrong map[string]wrong
}

// A call is made by a client.
type call func(t *testing.T, c *sdk.Client) error

type wrong struct {
	code string
	call func(t *testing.T, x *world) error
}

// Every operation of the front-end works and fails through the SDK as it should. The
// table in the documentation says which there are.
func TestOperations(t *testing.T) {
	documented := documentedOperations(t)
	for _, name := range documented {
		op, ok := operations[name]
		if !ok {
			t.Errorf("nothing tests %s", name)
			continue
		}
		t.Run("aws-sdk-go-v2/"+name, func(t *testing.T) { op.test(t) })
	}
	if len(documented) != len(operations) {
		t.Errorf("%d operations are documented, and %d tested", len(documented), len(operations))
	}
}

func documentedOperations(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/cloudapi/aws.md")
	must(t, err)
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-Z]\w+) \| v1\.62\.3 \|`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, m[1])
	}
	if len(names) == 0 || len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
		t.Fatalf("operations %v", names)
	}
	return names
}

func (op operation) test(t *testing.T) {
	t.Run("success", func(t *testing.T) {
		x := start(t)
		must(t, op.prepare(t, x)(t, x.client))
	})
	t.Run("access denied", func(t *testing.T) {
		x := start(t)
		checkError(t, op.prepare(t, x)(t, x.denied), "AccessDeniedException")
	})
	for name, w := range op.wrong {
		t.Run(name, func(t *testing.T) { checkError(t, w.call(t, start(t)), w.code) })
	}
}

// failed returns the error of a call.
func failed[Out any](_ *Out, err error) error { return err }

// inState returns calls of a key, made by create, that is in a state which refuses.
func inState(code string, opts *kms.CreateKeyOptions, change func(*kms.KMS, *testing.T, string), do func(t *testing.T, x *world, key string) error) wrong {
	return wrong{code, func(t *testing.T, x *world) error {
		key := x.key(t, opts)
		change(x.KMS, t, key)
		return do(t, x, key)
	}}
}

func stay(*kms.KMS, *testing.T, string) {}

func disable(k *kms.KMS, t *testing.T, key string) { must(t, k.DisableKey(t.Context(), key)) }

func schedule(k *kms.KMS, t *testing.T, key string) {
	_, err := k.ScheduleKeyDeletion(t.Context(), key, 0)
	must(t, err)
}

// usual returns what goes wrong with all operations on a key: that does not exist,
// that is disabled, that is going to be destroyed. Codes that are "" do not come.
func usual(opts *kms.CreateKeyOptions, disabled, pending string, do func(t *testing.T, x *world, key string) error) map[string]wrong {
	w := map[string]wrong{
		"no such key": {"NotFoundException", func(t *testing.T, x *world) error { return do(t, x, nowhere) }},
	}
	if disabled != "" {
		w["disabled"] = inState(disabled, opts, disable, do)
	}
	if pending != "" {
		w["pending deletion"] = inState(pending, opts, schedule, do)
	}
	return w
}

// and returns a table with more in it.
func and(a, b map[string]wrong) map[string]wrong {
	for name, w := range b {
		a[name] = w
	}
	return a
}
