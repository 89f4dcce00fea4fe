// Package cloudmock is an example of a service that was written for Tencent Cloud
// KMS, and knows nothing of this library: it seals the passwords of databases. Its
// test runs it, with the cloud's own client, against a KMS in the test's process.
package cloudmock

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	tckms "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/kms/v20190118"
)

// Passwords seals passwords under one key of the cloud.
type Passwords struct {
	client *tckms.Client
	keyID  string
}

// Open returns Passwords for a key. The endpoint is "" for the cloud, or the URL
// of another server, scheme and host.
func Open(endpoint, secretID, secretKey, keyID string) (*Passwords, error) {
	options := profile.NewClientProfile()
	if endpoint != "" {
		options.HttpProfile.Scheme, options.HttpProfile.Endpoint = split(endpoint)
	}
	client, err := tckms.NewClient(common.NewCredential(secretID, secretKey), "ap-guangzhou", options)
	if err != nil {
		return nil, err
	}
	return &Passwords{client, keyID}, nil
}

// Seal encrypts the password of a database.
func (p *Passwords) Seal(ctx context.Context, database, password string) (string, error) {
	request := tckms.NewEncryptRequest()
	request.KeyId = &p.keyID
	request.Plaintext = common.StringPtr(base64.StdEncoding.EncodeToString([]byte(password)))
	request.EncryptionContext = contextOf(database)
	response, err := p.client.EncryptWithContext(ctx, request)
	if err != nil {
		return "", err
	}
	return *response.Response.CiphertextBlob, nil
}

// Unseal decrypts what Seal returned for the same database.
func (p *Passwords) Unseal(ctx context.Context, database, sealed string) (string, error) {
	request := tckms.NewDecryptRequest()
	request.CiphertextBlob = &sealed
	request.EncryptionContext = contextOf(database)
	response, err := p.client.DecryptWithContext(ctx, request)
	if err != nil {
		return "", err
	}
	password, err := base64.StdEncoding.DecodeString(*response.Response.Plaintext)
	return string(password), err
}

// contextOf binds a password to its database.
func contextOf(database string) *string {
	text, _ := json.Marshal(map[string]string{"database": database})
	return common.StringPtr(string(text))
}

// split returns what the client wants to have in two parts.
func split(endpoint string) (scheme, host string) {
	scheme, host, _ = strings.Cut(endpoint, "://")
	return scheme, host
}
