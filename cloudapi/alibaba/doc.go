// Package alibaba serves a [kms.KMS] by the protocol of Alibaba Cloud's Key
// Management Service (Kms 2016-01-20, shared gateway), so that the vendor's SDKs
// work against it. docs/cloudapi/alibaba.md lists operations, limits and errors,
// and what of it is a guess. Ciphertexts are the library's own: the cloud can
// neither read them, nor be read here. This project is not affiliated with
// Alibaba Cloud.
//
// Requests are signed by RPC style 1.0 (HMAC-SHA1) or by ACS3-HMAC-SHA256. Either
// has a nonce, so that none is let in twice. RPC leaves the host unsigned and HMAC-SHA1
// is not for FIPS 140-3 mode; prefer clients that sign with ACS3.
//
// The vendor's clients write all parameters into the URL, plaintexts too: do not log
// URLs in front of a handler. A plaintext that came in a URL or a form is a string,
// which cannot be wiped from memory; what is decoded of it is, after use.
//
// # Keys
//
// A KeyId is a key's ID, an alias, alias/<name>, or an ARN
//
//	acs:kms:<region>:<account>:key/<ID>
//	acs:kms:<region>:<account>:alias/<name>
//
// of Options.Region and Options.Account. A KeyVersionId is the key's ID with its last
// 32 bits XORed with the version number.
//
// Each operation takes the parameter DryRun, which the vendor has for some.
package alibaba
