package alibaba_test

import (
	"context"
	"encoding/xml"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi/alibaba"
)

// The example of API page "Encrypt".
const (
	seedKeyID     = "key-hzz630494463ejqjx****"
	seedPlaintext = "SGVsbG8gd29y****"
)

// startSeed returns a front-end to whose clients a key is known by the seed's ID.
func startSeed(t testing.TB) (s *server, id string) {
	t.Helper()
	ids := map[string]string{seedKeyID: ""}
	first := start(t)
	id = first.aes()
	ids[seedKeyID] = id
	handler, err := alibaba.New(first.kms,
		&alibaba.Options{Credentials: func(context.Context, string) (alibaba.Credential, error) {
			return alibaba.Credential{Secret: secret}, nil
		}, KeyIDs: ids, Region: region, Account: account})
	must(t, err)
	first.handler = handler
	return first, id
}

// seedRequest is the sample request, with other parameters instead.
func (s *server) seedRequest(change ...string) *reply {
	s.t.Helper()
	return s.do(s.rpc("POST", "Encrypt",
		with(params{"KeyId": seedKeyID, "Plaintext": seedPlaintext, "DryRun": "false"}, change...)))
}

// The sample request as it stands has a masked plaintext, which is no base64.
func TestSeedMasked(t *testing.T) {
	s, _ := startSeed(t)
	s.seedRequest().is(t, "masked", "InvalidParameter")
	if r := s.seedRequest(); !strings.HasPrefix(r.text("Message"), "The specified parameter is invalid.") {
		t.Error(r.body)
	}
}

func TestSeedJSON(t *testing.T) {
	s, id := startSeed(t)
	r := s.seedRequest("Plaintext", "SGVsbG8gd29ybGQ=")
	if r.status != 200 || r.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v %s", r.status, r.header, r.body)
	}
	checkSeed(t, s, id, r.fields)
}

func TestSeedXML(t *testing.T) {
	s, id := startSeed(t)
	r := s.seedRequest("Plaintext", "SGVsbG8gd29ybGQ=", "Format", "XML")
	if r.status != 200 || r.header.Get("Content-Type") != "application/xml" {
		t.Fatalf("%d %v %s", r.status, r.header, r.body)
	}
	var got struct {
		XMLName xml.Name
		Fields  []struct {
			XMLName xml.Name
			Text    string `xml:",chardata"`
		} `xml:",any"`
	}
	must(t, xml.Unmarshal([]byte(r.body), &got))
	if got.XMLName.Local != "EncryptResponse" {
		t.Errorf("root element %s", got.XMLName.Local)
	}
	fields := map[string]any{}
	for _, f := range got.Fields {
		fields[f.XMLName.Local] = f.Text
	}
	checkSeed(t, s, id, fields)
}

// checkSeed checks the documented fields, and that there are no others.
func checkSeed(t *testing.T, s *server, id string, fields map[string]any) {
	t.Helper()
	want := []string{"CiphertextBlob", "KeyId", "KeyVersionId", "RequestId"}
	if got := slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want) {
		t.Fatalf("fields %v, want %v", got, want)
	}
	if fields["KeyId"] != seedKeyID || fields["KeyVersionId"] != alibaba.VersionID(id, 1) {
		t.Errorf("%v", fields)
	}
	if id := fields["RequestId"].(string); len(id) != 36 {
		t.Errorf("RequestId %q", id)
	}
	got, err := s.kms.Decrypt(ctx, unb64(t, fields["CiphertextBlob"].(string)), nil)
	if err != nil || string(got) != "Hello world" {
		t.Errorf("%q, %v", got, err)
	}
}

// The error codes of the page.
func TestSeedErrors(t *testing.T) {
	s, _ := startSeed(t)
	s.seedRequest("KeyId", "key-hzz630494463ejqjx", "Plaintext", "QUJD").is(t, "key",
		"Forbidden.KeyNotFound")
	s.seedRequest("KeyId", "alias/nosuch", "Plaintext", "QUJD").is(t, "alias", "Forbidden.AliasNotFound")
	s.seedRequest("KeyId", "key-hzz*", "Plaintext", "QUJD").is(t, "form", "InvalidParameter")
	s.seedRequest("DryRun", "true", "Plaintext", "QUJD").is(t, "dry", "DryRunOperationError")
	s.seedRequest("DryRun", "true").is(t, "dry", "ValidationError")
}

// All names of one key, and all are answered with the ID that clients know.
func TestNames(t *testing.T) {
	s, id := startSeed(t)
	s.alias("a/b", id)
	for _, name := range []string{id, seedKeyID, "alias/a/b",
		"acs:kms:" + region + ":" + account + ":key/" + id,
		"acs:kms:" + region + ":" + account + ":key/" + seedKeyID,
		"acs:kms:" + region + ":" + account + ":alias/a/b"} {
		r := s.ok("Encrypt", params{"KeyId": name, "Plaintext": "QUJD"})
		if r.text("KeyId") != seedKeyID || r.text("KeyVersionId") != first(id) {
			t.Errorf("%s: %s", name, r.body)
		}
	}
	r := s.ok("DescribeKey", params{"KeyId": "alias/a/b"}).fields["KeyMetadata"].(map[string]any)
	if r["Arn"] != "acs:kms:"+region+":"+account+":key/"+seedKeyID || r["KeyId"] != seedKeyID {
		t.Errorf("%v", r)
	}
}

// The IDs of versions of a key differ from each other and from its own, and lead back.
func TestVersionIDs(t *testing.T) {
	s := start(t)
	id := s.aes()
	seen := map[string]bool{id: true}
	for v := range uint32(20) {
		r := s.ok("DescribeKeyVersion", params{"KeyId": id, "KeyVersionId": alibaba.VersionID(id, v+1)})
		got := r.fields["KeyVersion"].(map[string]any)["KeyVersionId"].(string)
		if seen[got] || got != alibaba.VersionID(id, v+1) {
			t.Errorf("version %d is %s", v+1, got)
		}
		seen[got] = true
		if _, err := s.kms.RotateKey(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range []string{id, alibaba.VersionID(id, 22), alibaba.VersionID(s.aes(), 1),
		strings.ToUpper(first(id))} {
		s.call("DescribeKeyVersion", params{"KeyId": id, "KeyVersionId": v}).is(t, v,
			"Forbidden.KeyNotFound")
	}
}

// The library signs and encrypts by the primary version only; others verify and decrypt.
func TestOldVersions(t *testing.T) {
	s := start(t)
	id := s.pair(kms.KeySpecECP256, kms.KeyUsageSignVerify)
	old := params{"KeyId": id, "KeyVersionId": first(id), "Algorithm": "ECDSA_SHA_256",
		"Digest": b64(sum[:])}
	signed := s.ok("AsymmetricSign", old).text("Value")
	_, err := s.kms.RotateKey(ctx, id)
	must(t, err)
	s.call("AsymmetricSign", old).is(t, "old", "UnsupportedOperation")
	s.call("AsymmetricSign", with(old, "KeyVersionId", alibaba.VersionID(id, 3))).is(t, "none",
		"Forbidden.KeyNotFound")
	s.ok("AsymmetricSign", with(old, "KeyVersionId", alibaba.VersionID(id, 2)))
	for version, want := range map[uint32]bool{1: true, 2: false} {
		r := s.ok("AsymmetricVerify", with(old, "Value", signed, "KeyVersionId",
			alibaba.VersionID(id, version)))
		if r.fields["Value"] != want {
			t.Errorf("version %d: %s", version, r.body)
		}
	}
}
