package alibaba

import (
	"context"
	"errors"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
	"github.com/embedkms/kms/internal/httpsig"
)

// fault returns a Fault. The texts are the vendor's where its pages have one, and
// never say what was sent.
func fault(status int, code, message string) *front.Fault {
	return &front.Fault{Status: status, Code: code, Message: message}
}

// API page "Encrypt".
var (
	faultInvalid = fault(400, "InvalidParameter", "The specified parameter is invalid.")
	faultNoKey   = fault(404, "Forbidden.KeyNotFound", "The specified Key is not found.")
	faultNoAlias = fault(404, "Forbidden.AliasNotFound", "The specified Alias is not found.")

	// A guess: the vendor's pages have no code for it.
	faultNoVersion = fault(404, faultNoKey.Code, "The specified version of the Key is not found.")
)

// API page "Sample responses", common error codes.
var (
	faultInternal    = fault(500, "InternalFailure", "Internal Failure.")
	faultUnavailable = fault(503, "ServiceUnavailableTemporary", "Service Unavailable Temporary.")
	faultDenied      = fault(403, "Forbidden.NoPermission", "The operation is not permitted.")
	faultMissing     = fault(400, "MissingParameter", "A parameter is needed but not provided.")
	faultUnsupported = fault(400, "UnsupportedOperation", "The operation is not supported.")
	faultLevel       = fault(400, "Unsupported.ProtectionLevel", "The level is not supported.")
	faultOrigin      = fault(400, "Unsupported.Origin", "The origin of the Key does not fit.")
	faultAliasExists = fault(400, "AliasAlreadyExists", "The specified Alias already exists.")
	faultLimit       = fault(400, "Rejected.LimitExceeded", "A limit was exceeded.")
	faultMaterial    = fault(400, "InvalidKeyMaterial", "The key material is invalid.")
	faultToken       = fault(400, "InvalidImportToken", "The import token is invalid.")
	faultOldToken    = fault(400, "ExpiredImportToken", "The import token has expired.")
	faultMethod      = fault(403, "UnsupportedHTTPMethod", "This http method is not supported.")
	faultNoTimestamp = fault(400, "IllegalTimestamp",
		`The input parameter "Timestamp" that is mandatory for processing this request is not supplied.`)
	faultSignature = fault(400, "IncompleteSignature",
		"The request signature does not conform to Aliyun standards.")
	faultNoAccess = fault(404, "InvalidAccessKeyId.NotFound",
		"The Access Key ID provided does not exist in our records.")
)

// API page "Impact of CMK status on API operations".
var (
	faultDisabled        = fault(409, "Rejected.Disabled", "The Key is disabled.")
	faultPendingDeletion = fault(409, "Rejected.PendingDeletion", "The Key is pending deletion.")
	faultPendingImport   = fault(409, "Rejected.PendingImport", "The Key is pending import.")
	faultState           = fault(409, "Rejected.StateModifiedFailed", "The state does not allow it.")
)

// The gateway's, in front of KMS: its API page "Client-side errors".
var (
	faultAction   = fault(404, "InvalidApi.NotFound", "Specified api is not found.")
	faultVersion  = fault(400, "InvalidVersion", "Specified parameter Version is not valid.")
	faultFormat   = fault(400, "InvalidParameter.Format", "Specified format is not valid.")
	faultClock    = fault(400, "InvalidTimeStamp.Expired", "Specified time stamp is expired.")
	faultReplay   = fault(400, "SignatureNonceUsed", "Specified nonce was used already.")
	faultMismatch = fault(400, "SignatureDoesNotMatch", "Specified signature is not matched.")
	faultInsecure = fault(404, "InvalidProtocol.NeedSsl", "Your request is denied as lack of ssl.")
)

// Faults of a dry run: API page "Encrypt". Its statuses are a guess.
var (
	faultDryRun        = fault(400, "DryRunOperationError", "The request passes the dry run.")
	faultDryValidation = fault(400, "ValidationError", "A parameter value is invalid.")
	faultDryDenied     = fault(400, "AccessDeniedError", "The operation is not permitted.")
)

var translations = []front.Translation{
	{Of: front.ErrInsecure, Into: faultInsecure},
	{Of: front.ErrTooLarge, Into: faultInvalid}, // guess
	{Of: front.ErrBody, Into: faultInvalid},     // guess
	{Of: front.ErrSyntax, Into: faultInvalid},   // guess
	{Of: front.ErrMethod, Into: faultMethod},
	{Of: front.ErrUnknownAction, Into: faultAction},
	{Of: front.ErrUnknownKey, Into: faultNoAccess},
	{Of: front.ErrWrongSignature, Into: faultMismatch},
	{Of: front.ErrClock, Into: faultClock},
	{Of: front.ErrReplay, Into: faultReplay},
	{Of: front.ErrCredentials, Into: faultUnavailable}, // guess
	{Of: httpsig.ErrUnsigned, Into: faultSignature},
	{Of: httpsig.ErrMalformed, Into: faultSignature},

	{Of: kms.ErrDryRun, Into: faultDryRun},
	{Of: kms.ErrAccessDenied, Into: faultDenied},
	{Of: kms.ErrKeyNotFound, Into: faultNoKey},
	{Of: kms.ErrVersionNotFound, Into: faultNoVersion},
	{Of: kms.ErrAliasNotFound, Into: faultNoAlias},
	{Of: kms.ErrAliasExists, Into: faultAliasExists},
	{Of: kms.ErrKeyDisabled, Into: faultDisabled},
	{Of: kms.ErrKeyArchived, Into: faultDisabled}, // guess: the vendor has no such state
	{Of: kms.ErrKeyPendingDeletion, Into: faultPendingDeletion},
	{Of: kms.ErrKeyPendingImport, Into: faultPendingImport},
	{Of: kms.ErrInvalidState, Into: faultState},
	{Of: kms.ErrInvalidUsage, Into: faultUnsupported},
	{Of: kms.ErrUnsupportedAlgorithm, Into: faultUnsupported},
	{Of: kms.ErrInvalidKeyRef, Into: faultInvalid},
	{Of: kms.ErrInvalidPlaintext, Into: faultInvalid},
	{Of: kms.ErrInvalidCiphertext, Into: faultInvalid}, // guess
	{Of: kms.ErrInvalidAAD, Into: faultInvalid},
	{Of: kms.ErrInvalidArgument, Into: faultInvalid},
	{Of: kms.ErrLimitExceeded, Into: faultLimit},
	{Of: kms.ErrInvalidKeyMaterial, Into: faultMaterial},
	{Of: kms.ErrInvalidImportToken, Into: faultToken},
	{Of: kms.ErrExpiredImportToken, Into: faultOldToken},

	// What may be tried again; all are guesses.
	{Of: kms.ErrStoreUnavailable, Into: faultUnavailable},
	{Of: kms.ErrRootUnavailable, Into: faultUnavailable},
	{Of: kms.ErrConflict, Into: faultUnavailable},
	{Of: kms.ErrUnknownOutcome, Into: faultUnavailable},
	{Of: kms.ErrClosed, Into: faultUnavailable},
	{Of: context.Canceled, Into: faultUnavailable},
	{Of: context.DeadlineExceeded, Into: faultUnavailable},
}

// Translations that some operations have before those.
var (
	// API page "Impact of CMK status on API operations".
	stateChanges = []front.Translation{
		{Of: kms.ErrKeyPendingDeletion, Into: faultState},
		{Of: kms.ErrKeyPendingImport, Into: faultState},
	}

	// What only keys of another origin can do.
	originMatters = []front.Translation{{Of: kms.ErrInvalidState, Into: faultOrigin}}

	// A key that cannot be rotated by itself; guess.
	rotation = []front.Translation{{Of: kms.ErrInvalidState, Into: faultUnsupported}}
)

// dryFaults are what a dry run calls faults; all others are called the same.
var dryFaults = map[string]*front.Fault{
	faultMissing.Code: faultDryValidation,
	faultInvalid.Code: faultDryValidation,
	faultDenied.Code:  faultDryDenied,
}

// fault returns what the vendor calls an error.
func (x *exchange) fault(err error) *front.Fault {
	f := front.Translate(err, operations[x.action].faults, nil)
	if f == nil {
		f = front.Translate(err, translations, faultInternal)
	}
	if p, ok := errors.AsType[*front.ParamError](err); ok {
		f = parameterFault(p)
	}
	if dry, ok := dryFaults[f.Code]; ok && x.dry {
		return dry
	}
	return f
}

// parameterFault returns the fault of a parameter, whose name is in the text.
func parameterFault(p *front.ParamError) *front.Fault {
	f := faultInvalid
	switch p.Problem {
	case front.Missing:
		f = faultMissing
	case front.Unsupported:
		f = faultUnsupported
	}
	return fault(f.Status, f.Code, f.Message+" ("+p.Name+")")
}
