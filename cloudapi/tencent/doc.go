// Package tencent makes a [net/http.Handler] of a [kms.KMS] that speaks the key
// management API of Tencent Cloud (kms, version 2019-01-18), so that its SDKs work
// against it. docs/cloudapi/tencent.md lists the operations, what differs from the
// cloud, and what of it is a guess.
//
// Requests are signed with TC3-HMAC-SHA256 or with version 1, HmacSHA1 and
// HmacSHA256. TC3 leaves the action unsigned, in the header X-TC-Action: only TLS
// keeps somebody between the two from making a GenerateDataKey of an Encrypt. TC3
// has no nonce either, so that a request can be sent again for 15 minutes.
//
// Plaintexts, data keys and key material are wiped from memory after use, where they
// are bytes. What the standard library has parsed of a request is text, which
// cannot be.
package tencent
