// Package cloudapi has what the front-ends below it share: package huawei,
// tencent, alibaba and aws each make a [net/http.Handler] of a [kms.KMS] that speaks the
// key management API of one cloud vendor, so that the vendor's own clients work
// against a service in your hands, in tests or in production.
//
// They are wire-compatible with the SDKs and for the operations that
// docs/cloudapi.md lists. Ciphertexts are the library's own: no cloud can read
// them, nor can they be read here if a cloud made them. This project is not
// affiliated with any of the vendors.
//
// # Who calls
//
// Every request is signed with the secret of an access key, or carries a token.
// Your Credentials function says which secret it is and whose. The handler puts
// that Caller into the context of the call, where an Authorizer of the KMS finds
// it with CallerFrom: it decides who may do what. Without an Authorizer everybody who
// has a secret may do everything.
//
// # What protects a request
//
// The vendors' signatures protect less than they seem to: answers are not signed
// and carry plaintexts and keys, Tencent's clients leave the action unsigned, and
// Huawei's the host. So a handler refuses what did not come over TLS or from a loopback
// address, unless it is told otherwise. Some clients put plaintexts into the URL:
// do not log URLs in front of a handler; it logs nothing itself.
package cloudapi
