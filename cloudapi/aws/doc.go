// Package aws is a key management service to the AWS SDKs: it speaks the JSON
// protocol of AWS KMS (TrentService, version 2014-11-01, awsJson1.1) over a [kms.KMS].
//
// An SDK needs to be told of nothing but the address, such as in AWS_ENDPOINT_URL_KMS,
// and of an access key that Options.Credentials knows. docs/cloudapi/aws.md has the
// operations, what of their parameters is refused or ignored, and which errors are
// answered; package cloudapi says who calls and what protects a request.
//
// # What signatures do not protect from
//
// Signature Version 4 has no nonce: who has seen a request can make it again within
// 15 minutes. TLS keeps others from seeing it.
//
// # Secrets in memory
//
// Plaintexts, data keys and private keys are overwritten after use where they are
// bytes. The base64 text of a request is a string, which cannot be.
package aws
