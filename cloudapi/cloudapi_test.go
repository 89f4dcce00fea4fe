package cloudapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// No way of showing a credential shows its secret.
func TestCredentialHidesSecret(t *testing.T) {
	c := cloudapi.Credential{Secret: "hidden", Principal: "somebody"}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "c", c, "p", &c, "in", struct{ C cloudapi.Credential }{c})
	inJSON, err := json.Marshal(map[string]any{"c": c, "p": &c})
	if err != nil {
		t.Fatal(err)
	}
	shown := log.String() + string(inJSON)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown += fmt.Sprintf(verb+verb+verb, c, &c, []cloudapi.Credential{c})
	}
	if strings.Contains(shown, "hidden") || strings.Contains(shown, fmt.Sprintf("%x", "hidden")) {
		t.Errorf("the secret shows in %s", shown)
	}
	if !strings.Contains(shown, "somebody") {
		t.Errorf("the principal does not show in %s", shown)
	}
}

func TestStatic(t *testing.T) {
	set := map[string]cloudapi.Credential{"id": {Secret: "s", Principal: "p"}}
	find := cloudapi.Static(set)
	delete(set, "id")
	if c, err := find(t.Context(), "id"); err != nil || c.Secret != "s" || c.Principal != "p" {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := find(t.Context(), "other"); !errors.Is(err, cloudapi.ErrUnknownAccessKey) {
		t.Errorf("another: %v", err)
	}
}

func TestCaller(t *testing.T) {
	if c, ok := cloudapi.CallerFrom(t.Context()); ok {
		t.Errorf("%v calls", c)
	}
	want := cloudapi.Caller{Principal: "p", AccessKeyID: "id", RequestID: "r"}
	if c, ok := cloudapi.CallerFrom(cloudapi.WithCaller(t.Context(), want)); !ok || c != want {
		t.Errorf("%v, %v", c, ok)
	}
}
