package aws_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/embedkms/kms"
)

// Who says that a key has had the material does not give it its first.
func TestExistingMaterial(t *testing.T) {
	s := serve(t, nil, nil)
	key := s.key(t, &kms.CreateKeyOptions{Origin: kms.OriginExternal})
	p := importInto(t, s, key, strings.Repeat("m", 32))
	p["ImportType"] = "EXISTING_KEY_MATERIAL"
	s.bad(t, "ImportKeyMaterial", p, http.StatusBadRequest, "IncorrectKeyMaterialException")
	if state := s.metadata(t, key)["KeyState"]; state != "PendingImport" {
		t.Errorf("the key is %s", state)
	}
	delete(p, "ImportType")
	s.good(t, "ImportKeyMaterial", p) // the token still works
	s.good(t, "DeleteImportedKeyMaterial", object{"KeyId": key})
	p = importInto(t, s, key, strings.Repeat("m", 32))
	p["ImportType"] = "EXISTING_KEY_MATERIAL"
	s.good(t, "ImportKeyMaterial", p)
}
