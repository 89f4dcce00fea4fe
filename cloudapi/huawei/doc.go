// Package huawei serves a KMS to clients of Huawei Cloud's Data Encryption Workshop:
// its key management API v1.0, as huaweicloud-sdk-go-v3 and the API pages have it.
//
// What New returns is an [net/http.Handler] for POST /v1.0/{project_id}/kms/encrypt-data
// and so on. A client needs another endpoint, and nothing else:
//
//	kms.KmsClientBuilder().WithEndpoint("http://127.0.0.1:8080").WithCredential(auth)
//
// docs/cloudapi/huawei.md lists the operations, what differs from the cloud, every error,
// and which rules are guesses. Ciphertexts are the library's own.
//
// # Who calls
//
// Requests are signed by SDK-HMAC-SHA256, or carry an X-Auth-Token. The signature has no
// nonce: who sees a request can send it again for 15 minutes. It covers neither the host
// nor the content type. Projects are not kept apart: the project ID in the path may be any,
// and whom a key is for is the Authorizer's to decide.
//
// # Secrets
//
// Plaintexts and keys that were decoded, decrypted or generated are wiped after use. What
// was in the text of a request or an answer, and in what the parser made of it, is not all:
// strings cannot be.
package huawei
