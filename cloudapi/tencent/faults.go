package tencent

import (
	"errors"
	"net/http"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
	"github.com/embedkms/kms/internal/httpsig"
)

// newFault returns a fault. Codes are those of API page "Common Error Codes" and of
// tencentcloud-sdk-go kms v1.0.1000, errors.go; client.go says which an operation
// has.
func newFault(code, message string) *front.Fault {
	return &front.Fault{Status: http.StatusOK, Code: code, Message: message}
}

var (
	faultInternal    = newFault("InternalError", "Internal error.")
	faultToken       = newFault("AuthFailure.TokenFailure", "Tokens are not accepted.")
	faultVersion     = newFault("NoSuchVersion", "The API version does not exist.")
	faultSyntax      = newFault("InvalidParameter", "The parameters cannot be read.")
	faultParameter   = newFault("InvalidParameter", "A parameter is invalid.")
	faultUnsupported = newFault("UnsupportedOperation", "The operation is not supported.")
	faultUnavailable = newFault("UnsupportedOperation.ServiceTemporaryUnavailable",
		"The service is temporarily unavailable.")

	faultState = newFault("ResourceUnavailable.CmkStateNotSupport",
		"The state of the CMK does not support the operation.")
	faultNotDisabled = newFault("ResourceUnavailable.CmkShouldBeDisabled",
		"A CMK that is not disabled cannot be scheduled for deletion.")
	faultCannotRotate = newFault("UnsupportedOperation.ExternalCmkCanNotRotate",
		"A CMK with imported material cannot be rotated.")
	faultKeyUsage = newFault("InvalidParameterValue.InvalidKeyUsage",
		"The usage of the CMK is not for the operation.")
	faultCiphertext = newFault("InvalidParameterValue.InvalidCiphertext",
		"The ciphertext or its context is invalid.")
	faultDuplicate = newFault("InvalidParameterValue.DuplicatedKeyId", "A KeyId is duplicated.")
	faultWrapping  = newFault("FailedOperation.EncryptionError",
		"The answer cannot be encrypted under the public key.")
)

// requestFaults are of API page "Common Error Codes", whose words fit.
var requestFaults = []front.Translation{
	{Of: front.ErrSyntax, Into: faultSyntax},
	{Of: front.ErrUnknownAction, Into: newFault("InvalidAction", "The action does not exist.")},
	{Of: front.ErrTooLarge, Into: newFault("RequestSizeLimitExceeded",
		"The request is too large.")},
	{Of: front.ErrBody, Into: newFault("InvalidRequest", "The body cannot be read.")}, // guess
	{Of: front.ErrMethod, Into: newFault("UnsupportedProtocol",
		"Only GET and POST are supported.")},
	{Of: front.ErrInsecure, Into: newFault("UnsupportedProtocol",
		"Only HTTPS is supported.")}, // guess
	{Of: httpsig.ErrUnsigned, Into: faultAuthorization},
	{Of: httpsig.ErrMalformed, Into: faultAuthorization},
	{Of: front.ErrUnknownKey, Into: newFault("AuthFailure.SecretIdNotFound",
		"The SecretId does not exist.")},
	{Of: front.ErrWrongSignature, Into: newFault("AuthFailure.SignatureFailure",
		"The signature does not match.")},
	{Of: front.ErrClock, Into: newFault("AuthFailure.SignatureExpire",
		"The signature has expired.")},
	{Of: front.ErrReplay, Into: newFault("AuthFailure.SignatureExpire",
		"The signature was used before.")}, // guess
	{Of: front.ErrCredentials, Into: faultUnavailable}, // guess
}

var faultAuthorization = newFault("AuthFailure.InvalidAuthorization",
	"The signature is missing or malformed.")

// commonFaults are what the library's errors are in all operations that say no other.
var commonFaults = []front.Translation{
	{Of: kms.ErrInvalidKeyRef, Into: newFault("InvalidParameterValue.InvalidKeyId",
		"The KeyId is invalid.")},
	{Of: kms.ErrKeyNotFound, Into: newFault("ResourceUnavailable.CmkNotFound",
		"The CMK does not exist.")},
	{Of: kms.ErrKeyDisabled, Into: newFault("ResourceUnavailable.CmkDisabled",
		"The CMK is disabled.")},
	{Of: kms.ErrKeyArchived, Into: newFault("ResourceUnavailable.CmkArchived",
		"The CMK is archived.")},
	{Of: kms.ErrKeyPendingDeletion, Into: newFault("ResourceUnavailable.KeyPendingDelete",
		"The CMK is going to be deleted.")}, // guess, except in GenerateDataKey
	{Of: kms.ErrKeyPendingImport, Into: faultState}, // guess
	{Of: kms.ErrInvalidState, Into: faultState},
	{Of: kms.ErrInvalidUsage, Into: faultKeyUsage},         // guess, except in Asymmetric…Decrypt
	{Of: kms.ErrUnsupportedAlgorithm, Into: faultKeyUsage}, // guess likewise
	{Of: kms.ErrInvalidPlaintext, Into: newFault("InvalidParameterValue.InvalidPlaintext",
		"The Plaintext is invalid.")},
	{Of: kms.ErrInvalidCiphertext, Into: faultCiphertext},
	{Of: kms.ErrVersionNotFound, Into: faultCiphertext}, // guess: only ciphertexts name versions
	{Of: kms.ErrInvalidAAD, Into: newFault("InvalidParameter",
		"The EncryptionContext is invalid.")},
	{Of: kms.ErrInvalidArgument, Into: faultParameter},
	{Of: kms.ErrAliasExists, Into: newFault("InvalidParameterValue.AliasAlreadyExists",
		"The alias exists already.")},
	{Of: kms.ErrLimitExceeded, Into: newFault("LimitExceeded", "A limit is exceeded.")}, // guess
	{Of: kms.ErrAccessDenied, Into: newFault("UnauthorizedOperation",
		"The operation is not authorised.")},

	// Guesses, except for what changes a key: those operations have the code.
	{Of: kms.ErrStoreUnavailable, Into: faultUnavailable},
	{Of: kms.ErrRootUnavailable, Into: faultUnavailable},
	{Of: kms.ErrConflict, Into: faultUnavailable},
	{Of: kms.ErrUnknownOutcome, Into: faultUnavailable},
	{Of: kms.ErrClosed, Into: faultUnavailable},
}

// stateFaults are of operations that have one code for all states that they do not
// fit.
var stateFaults = []front.Translation{
	{Of: kms.ErrKeyDisabled, Into: faultState},
	{Of: kms.ErrKeyArchived, Into: faultState},
	{Of: kms.ErrKeyPendingDeletion, Into: faultState},
	{Of: kms.ErrKeyPendingImport, Into: faultState},
}

var createFaults = []front.Translation{
	{Of: kms.ErrUnsupportedAlgorithm, Into: faultUsageHere},
	{Of: kms.ErrLimitExceeded, Into: newFault("LimitExceeded.CmkLimitExceeded",
		"There are too many CMKs.")},
}

var faultUsageHere = newFault("UnsupportedOperation.UnsupportedKeyUsageInCurrentRegion",
	"The KeyUsage is not supported here.")

var cancelFaults = []front.Translation{
	{Of: kms.ErrInvalidState, Into: newFault("ResourceUnavailable.CmkNotPendingDelete",
		"The CMK is not scheduled for deletion.")},
}

var asymmetricFaults = append([]front.Translation{
	{Of: kms.ErrInvalidCiphertext, Into: newFault("FailedOperation.DecryptError",
		"The Ciphertext does not decrypt.")},
}, stateFaults...)

var signFaults = append([]front.Translation{
	{Of: kms.ErrUnsupportedAlgorithm, Into: newFault("InvalidParameter",
		"The Algorithm is not one of the CMK.")},
	{Of: kms.ErrInvalidUsage, Into: newFault("InvalidParameter",
		"The CMK is not for signatures.")},
}, stateFaults...)

var importFaults = append([]front.Translation{
	{Of: kms.ErrInvalidState, Into: newFault("UnsupportedOperation.NotExternalCmk",
		"The CMK is not one for imported material.")},
	{Of: kms.ErrExpiredImportToken, Into: newFault("ResourceUnavailable.TokenExpired",
		"The ImportToken has expired.")},
	{Of: kms.ErrInvalidImportToken, Into: newFault("InvalidParameter",
		"The ImportToken is invalid.")}, // guess
	{Of: kms.ErrInvalidKeyMaterial, Into: newFault("InvalidParameter.DecryptMaterialError",
		"The EncryptedKeyMaterial does not decrypt, or is not material of the CMK.")},
}, stateFaults...)

// faultOf returns the fault that an error is in any operation.
func faultOf(err error) *front.Fault {
	if p, ok := errors.AsType[*front.ParamError](err); ok {
		return newFault(codeOf(p), "The "+p.Error()+".")
	}
	return front.Translate(err, requestFaults, front.Translate(err, commonFaults, faultInternal))
}

// parameterCodes are of values that are invalid, by parameter; all others are
// InvalidParameter.
var parameterCodes = map[string]string{
	"KeyId":               "InvalidParameterValue.InvalidKeyId",
	"KeyIds":              "InvalidParameterValue.InvalidKeyId",
	"DestinationKeyId":    "InvalidParameterValue.InvalidKeyId",
	"Plaintext":           "InvalidParameterValue.InvalidPlaintext",
	"CiphertextBlob":      "InvalidParameterValue.InvalidCiphertext",
	"Alias":               "InvalidParameterValue.InvalidAlias",
	"KeyUsage":            "InvalidParameterValue.InvalidKeyUsage",
	"Type":                "InvalidParameterValue.InvalidType",
	"HsmClusterId":        "InvalidParameterValue.InvalidHsmClusterId",
	"PendingWindowInDays": "InvalidParameter.InvalidPendingWindowInDays",
	"RotateDays":          "InvalidParameterValue",
	"SignatureValue":      "InvalidParameterValue",
}

func codeOf(p *front.ParamError) string {
	switch p.Problem {
	case front.Missing:
		return "MissingParameter" // API page "Common Error Codes"
	case front.Unsupported:
		return "UnsupportedOperation" // guess
	case front.Invalid:
		if code, ok := parameterCodes[p.Name]; ok {
			return code
		}
	}
	return "InvalidParameter"
}
