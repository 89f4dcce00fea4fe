package huawei

import (
	"context"
	"errors"
	"slices"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
	"github.com/embedkms/kms/internal/httpsig"
)

// translations are what errors are called here, unless an operation has another word.
var translations = []front.Translation{
	{Of: front.ErrInsecure, Into: insecure},
	{Of: front.ErrTooLarge, Into: tooLong},
	{Of: front.ErrBody, Into: invalidJSON},
	{Of: front.ErrSyntax, Into: invalidJSON},
	{Of: front.ErrMethod, Into: wrongMethod},
	{Of: front.ErrUnknownAction, Into: invalidURL},

	{Of: httpsig.ErrUnsigned, Into: unproven},
	{Of: httpsig.ErrMalformed, Into: unproven},
	{Of: front.ErrUnknownKey, Into: unproven},
	{Of: front.ErrWrongSignature, Into: unproven},
	{Of: front.ErrClock, Into: unproven},
	{Of: front.ErrReplay, Into: unproven},
	{Of: front.ErrCredentials, Into: unavailable},

	{Of: kms.ErrAccessDenied, Into: denied},
	{Of: kms.ErrInvalidKeyRef, Into: notFound}, // what was sent is an ID in form
	{Of: kms.ErrKeyNotFound, Into: notFound},
	{Of: kms.ErrVersionNotFound, Into: notFound},
	{Of: kms.ErrAliasNotFound, Into: noSuchAlias},
	{Of: kms.ErrAliasExists, Into: aliasExists},
	{Of: kms.ErrKeyDisabled, Into: keyDisabled},
	{Of: kms.ErrKeyArchived, Into: keyDisabled},
	{Of: kms.ErrKeyPendingDeletion, Into: pendingDeletion},
	{Of: kms.ErrKeyPendingImport, Into: notEnabled},
	{Of: kms.ErrInvalidUsage, Into: wrongUsage},
	{Of: kms.ErrUnsupportedAlgorithm, Into: wrongAlgorithm},
	{Of: kms.ErrInvalidPlaintext, Into: invalidPlaintext},
	{Of: kms.ErrInvalidCiphertext, Into: invalidCiphertext},
	{Of: kms.ErrInvalidAAD, Into: invalidContext},
	{Of: kms.ErrInvalidArgument, Into: invalidParameter},
	{Of: kms.ErrInvalidState, Into: invalidParameter},
	{Of: kms.ErrDigestMismatch, Into: wrongDigest},
	{Of: kms.ErrLimitExceeded, Into: tooMany},
	{Of: kms.ErrInvalidImportToken, Into: invalidImportToken},
	{Of: kms.ErrExpiredImportToken, Into: expiredImportToken},
	{Of: kms.ErrInvalidKeyMaterial, Into: invalidMaterial},

	{Of: kms.ErrUnknownOutcome, Into: unknownOutcome},
	{Of: kms.ErrStoreUnavailable, Into: unavailable},
	{Of: kms.ErrRootUnavailable, Into: unavailable},
	{Of: kms.ErrConflict, Into: unavailable},
	{Of: kms.ErrClosed, Into: unavailable},
	{Of: context.Canceled, Into: unavailable},
	{Of: context.DeadlineExceeded, Into: unavailable},
}

// paramFaults are what is said of parameters that are not as they must be. Those that are
// not here are KMS.0308. That the wrong type has the same code as a wrong value is a guess.
var paramFaults = map[string]*front.Fault{
	"key_id":                 invalidKeyID,
	"source_key_id":          invalidKeyID,
	"destination_key_id":     invalidKeyID,
	"target_key_id":          invalidKeyID,
	"sequence":               invalidSequence,
	aadName:                  invalidContext,
	"encryption_context":     invalidContext,
	"source_" + aadName:      invalidContext,
	"destination_" + aadName: invalidContext,
	"plain_text":             invalidDatakey,
	"cipher_text":            invalidDatakeyCiphertext,
	"datakey_plain_length":   invalidPlainSize,
	"datakey_cipher_length":  wrongCipherSize,
	"datakey_length":         invalidDatakeySize,
	"random_data_length":     invalidRandomSize,
	"key_alias":              invalidAlias,
	"alias":                  invalidAlias,
	"aliases":                invalidAlias,
	"key_description":        invalidDescription,
	"pending_days":           invalidWindow,
	"limit":                  invalidLimit,
	"marker":                 invalidMarker,
	"import_token":           invalidImportToken,
	"encrypted_key_material": invalidMaterial,
	"encrypted_privatekey":   invalidMaterial,
	"expiration_time":        invalidExpiration,
}

// fault returns what err is called in the answer of the operation.
func (o *operation) fault(err error) *front.Fault {
	p, ok := errors.AsType[*front.ParamError](err)
	switch {
	case !ok:
		return front.Translate(err, slices.Concat(o.faults, translations), broken)
	case p.Problem == front.Missing:
		return missingParameter
	case p.Problem == front.Unsupported:
		return unsupported
	}
	if f := o.params[p.Name]; f != nil {
		return f
	}
	if f := paramFaults[p.Name]; f != nil {
		return f
	}
	return invalidParameter
}
