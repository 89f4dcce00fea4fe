package kms_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms"
)

// The module requires tjfoc/gmsm and golang.org/x, and nothing else.
func TestRequirements(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	must(t, err)
	required := regexp.MustCompile(`(?m)^(?:require)?\s+(\S+\.\S+/\S+) v`).FindAllStringSubmatch(string(mod), -1)
	if len(required) < 3 {
		t.Fatalf("only %d requirements found", len(required))
	}
	for _, r := range required {
		if r[1] != "github.com/tjfoc/gmsm" && !strings.HasPrefix(r[1], "golang.org/x/") {
			t.Errorf("go.mod requires %s", r[1])
		}
	}
	if strings.Contains(string(mod), "replace") {
		t.Error("go.mod replaces a module")
	}
}

// What an importer links, beside the standard library.
func TestLinked(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".").Output()
	must(t, err)
	linked := slices.Compact(slices.Sorted(slices.Values(strings.Fields(string(out)))))
	allowed := []string{"github.com/embedkms/kms", "github.com/tjfoc/gmsm", "golang.org/x/crypto", "golang.org/x/sys"}
	for _, module := range linked {
		if !slices.Contains(allowed, module) {
			t.Errorf("an importer links %s", module)
		}
	}
}

// A method of a public type is a promise; none is made by accident.
func TestMethods(t *testing.T) {
	for _, c := range []struct {
		of   any
		want string
	}{
		{(*kms.KMS)(nil), `AddRoot Aliases AppendDecrypt AppendEncrypt ArchiveKey CancelKeyDeletion
			CancelVersionDestruction Check Close CreateAlias CreateKey Decrypt DecryptAsymmetric
			DecryptDataKey DecryptDataKeyPair DecryptDataKeyPairWith DecryptDataKeyWith DecryptWith
			Decrypter DeleteAlias DeleteImportedKeyMaterial DescribeKey DisableKey DryRun EnableKey
			Encrypt EncryptAsymmetric EncryptDataKey Export GenerateDataKey GenerateDataKeyPair
			GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext GenerateMAC
			GenerateRandom ImportKeyMaterial ImportParameters Keys Maintain PublicKey ReEncrypt
			RemoveRoot Roots RotateKey RotateStorageKey ScheduleKeyDeletion ScheduleVersionDestruction
			Sign Signer UpdateAlias UpdateKey Verify VerifyMAC`},
		{(*kms.DataKey)(nil), "Destroy Digest Format LogValue MarshalJSON String"},
		{(*kms.DataKeyPair)(nil), "Destroy Format LogValue MarshalJSON String"},
		{(*kms.PublicKey)(nil), "PEM SM2Digest"},
		{(*kms.Error)(nil), "Error Unwrap"},
		{(*kms.Key)(nil), ""},
		{(*kms.Health)(nil), "OK"},
		{(*kms.Problem)(nil), "String"},
	} {
		typ := reflect.TypeOf(c.of)
		var got []string
		for i := range typ.NumMethod() {
			got = append(got, typ.Method(i).Name)
		}
		if want := strings.Fields(c.want); !slices.Equal(got, want) {
			t.Errorf("%v has methods %v, want %v", typ, got, want)
		}
	}
}

// Every folder with tests looks for goroutines that they have left behind.
func TestTestMains(t *testing.T) {
	has := map[string]bool{} // by folder
	must(t, filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		folder := filepath.Dir(path)
		has[folder] = has[folder] || bytes.Contains(text, []byte("\nfunc TestMain("))
		return err
	}))
	for folder, yes := range has {
		if !yes {
			t.Errorf("%s has no TestMain", folder)
		}
	}
	if len(has) < 20 {
		t.Errorf("%d folders", len(has))
	}
}
