package aws

import (
	"errors"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
	"github.com/embedkms/kms/internal/httpsig"
)

// What may be wrong with a request beside what others know.
var (
	errRegion = errors.New("request is for another region")
	errARN    = errors.New("ARN is malformed")

	// errIncorrectKey is a ciphertext of another key than the one that the request
	// names.
	errIncorrectKey = errors.New("ciphertext is of another key")

	// errNoSuchType is a key that the operation is not for, whatever its state.
	errNoSuchType = errors.New("operation is not for keys of this type")

	// errAliasName is an alias that is reserved, or that the library cannot have.
	errAliasName = errors.New("alias is impossible")

	errMarker = errors.New("marker is invalid")
)

// Sources of the codes below: those without a comment are in the SDK,
// aws-sdk-go-v2/service/kms v1.62.3, types/errors.go, and have status 400 in the API
// reference unless they say otherwise. "Common" is its page "Common Errors".
var (
	faultInternal   = fault(500, "KMSInternalException", "An internal error occurred.")
	faultDependency = fault(503, "DependencyTimeoutException", "The key store did not answer. Try again.")

	// Common.
	faultDown       = fault(503, "ServiceUnavailableException", "The service is unavailable.")
	faultUnsigned   = fault(400, "MissingAuthenticationTokenException", "The request is not signed.")
	faultMalformed  = fault(400, "IncompleteSignatureException", "The signature cannot be understood.")
	faultUnknownKey = fault(400, "UnrecognizedClientException", "The access key is unknown.")
	faultDenied     = fault(400, "AccessDeniedException", "The caller is not authorized to do this.")
	faultInvalid    = fault(400, "ValidationException", "A parameter is out of its limits.")

	// Guess: of these only the name is known, from aws-sdk-go-v2 v1.47.7, aws/retry.
	faultSignature = fault(400, "InvalidSignatureException", "The signature does not match.")
	faultClock     = fault(400, "InvalidSignatureException", "The signature is expired or not yet valid.")
	faultRegion    = fault(400, "InvalidSignatureException", "The credential is for another region.")

	// Guess: awsJson1.1 names no codes for these. Insecure requests AWS cannot get.
	faultAction   = fault(400, "UnknownOperationException", "There is no such operation.")
	faultSyntax   = fault(400, "SerializationException", "The request is not JSON as it must be.")
	faultTooLarge = fault(413, "RequestEntityTooLargeException", "The request is too large.")
	faultInsecure = fault(400, "AccessDeniedException", "The request came by an insecure way.")

	faultNotFound      = fault(400, "NotFoundException", "The key or alias does not exist.")
	faultARN           = fault(400, "InvalidArnException", "The ARN is not valid.")
	faultDisabled      = fault(400, "DisabledException", "The key is not enabled.")
	faultState         = fault(400, "KMSInvalidStateException", "The state of the key does not allow this.")
	faultUsage         = fault(400, "InvalidKeyUsageException", "The key is not for this, or not for the algorithm.")
	faultUnsupported   = fault(400, "UnsupportedOperationException", "This is not supported, or not for such a key.")
	faultCiphertext    = fault(400, "InvalidCiphertextException", "The ciphertext does not open.")
	faultIncorrectKey  = fault(400, "IncorrectKeyException", "The ciphertext is of another key.")
	faultBadSignature  = fault(400, "KMSInvalidSignatureException", "The signature is not of the message.")
	faultBadMAC        = fault(400, "KMSInvalidMacException", "The MAC is not of the message.")
	faultDryRun        = fault(400, "DryRunOperationException", "The request would have succeeded.")
	faultExists        = fault(400, "AlreadyExistsException", "The alias exists.")
	faultAliasName     = fault(400, "InvalidAliasNameException", "The name of the alias is not valid.")
	faultTag           = fault(400, "TagException", "A tag is not valid.")
	faultLimit         = fault(400, "LimitExceededException", "A limit is exceeded.")
	faultMarker        = fault(400, "InvalidMarkerException", "The marker is not valid.")
	faultImportToken   = fault(400, "InvalidImportTokenException", "The import token is not one of this key.")
	faultExpiredToken  = fault(400, "ExpiredImportTokenException", "The import token has expired.")
	faultWrongMaterial = fault(400, "IncorrectKeyMaterialException", "The key material is not what is expected.")
)

func fault(status int, code, message string) *front.Fault {
	return &front.Fault{Status: status, Code: code, Message: message}
}

// faults are what errors are answered by.
var faults = []front.Translation{
	{Of: httpsig.ErrUnsigned, Into: faultUnsigned},
	{Of: httpsig.ErrMalformed, Into: faultMalformed},
	{Of: front.ErrUnknownKey, Into: faultUnknownKey},
	{Of: front.ErrWrongSignature, Into: faultSignature},
	{Of: front.ErrClock, Into: faultClock},
	{Of: errRegion, Into: faultRegion},
	{Of: front.ErrCredentials, Into: faultDown},
	{Of: front.ErrInsecure, Into: faultInsecure},
	{Of: front.ErrTooLarge, Into: faultTooLarge},
	{Of: front.ErrBody, Into: faultSyntax},
	{Of: front.ErrMethod, Into: faultAction},
	{Of: front.ErrUnknownAction, Into: faultAction},
	{Of: front.ErrSyntax, Into: faultSyntax},

	{Of: errARN, Into: faultARN},
	{Of: errIncorrectKey, Into: faultIncorrectKey},
	{Of: errNoSuchType, Into: faultUnsupported},
	{Of: errAliasName, Into: faultAliasName},
	{Of: errMarker, Into: faultMarker},

	{Of: kms.ErrDryRun, Into: faultDryRun},
	{Of: kms.ErrAccessDenied, Into: faultDenied},
	{Of: kms.ErrKeyNotFound, Into: faultNotFound},
	{Of: kms.ErrAliasNotFound, Into: faultNotFound},
	{Of: kms.ErrInvalidKeyRef, Into: faultNotFound}, // guess: what names no key finds none
	{Of: kms.ErrAliasExists, Into: faultExists},
	{Of: kms.ErrKeyDisabled, Into: faultDisabled},
	{Of: kms.ErrKeyArchived, Into: faultDisabled}, // there is no such state
	{Of: kms.ErrKeyPendingImport, Into: faultState},
	{Of: kms.ErrKeyPendingDeletion, Into: faultState},
	{Of: kms.ErrInvalidState, Into: faultState},
	{Of: kms.ErrInvalidUsage, Into: faultUsage},
	{Of: kms.ErrUnsupportedAlgorithm, Into: faultUsage},
	{Of: kms.ErrInvalidSignature, Into: faultBadSignature},
	{Of: kms.ErrInvalidCiphertext, Into: faultCiphertext},
	{Of: kms.ErrVersionNotFound, Into: faultCiphertext}, // guess: what it encrypted is lost
	{Of: kms.ErrInvalidPlaintext, Into: faultInvalid},
	{Of: kms.ErrInvalidAAD, Into: faultInvalid},
	{Of: kms.ErrInvalidArgument, Into: faultInvalid},
	{Of: kms.ErrLimitExceeded, Into: faultLimit},
	{Of: kms.ErrInvalidImportToken, Into: faultImportToken},
	{Of: kms.ErrExpiredImportToken, Into: faultExpiredToken},
	{Of: kms.ErrInvalidKeyMaterial, Into: faultWrongMaterial},
	{Of: kms.ErrStoreUnavailable, Into: faultDependency},
	{Of: kms.ErrConflict, Into: faultDependency}, // guess: clients try again
	{Of: kms.ErrClosed, Into: faultDown},
}

// translate returns what err is answered by.
func translate(err error) *front.Fault {
	p, ok := errors.AsType[*front.ParamError](err)
	if !ok {
		return front.Translate(err, faults, faultInternal)
	}
	if p.Name == "Tags" && p.Problem == front.Invalid {
		return faultTag
	}
	f := *faultOf[p.Problem]
	f.Message = "The " + p.Error() + "."
	return &f
}

// faultOf is the fault of a parameter. That wrong types are no ValidationException is
// a guess.
var faultOf = map[front.Problem]*front.Fault{
	front.Missing:     faultInvalid,
	front.Mistyped:    faultSyntax,
	front.Invalid:     faultInvalid,
	front.Unsupported: faultUnsupported,
}
