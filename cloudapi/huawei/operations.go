package huawei

import (
	"context"
	"net/http"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// A call is one request for an operation.
type call struct {
	keys    *front.Keys
	p       *front.Params
	project string
	now     func() time.Time
}

// An operation is what a method and a path ask for.
type operation struct {
	do     func(ctx context.Context, c *call) (any, error)
	status int // of the answer, if it is not 200

	// What errors and parameters are called here, if not as elsewhere.
	faults []front.Translation
	params map[string]*front.Fault
}

// none is the answer of operations that have nothing to say.
type none struct{}

// operations are all there are, by method and path.
var operations = map[string]*operation{
	"POST encrypt-data": {do: encryptData, params: ofData},
	"POST decrypt-data": {do: decryptData, params: ofData},
	"POST re-encrypt":   {do: reEncrypt, params: ofData},

	"POST create-datakey":                   {do: createDatakey},
	"POST create-datakey-without-plaintext": {do: createHiddenDatakey, params: ofHiddenDatakeys},
	"POST encrypt-datakey":                  {do: encryptDatakey},
	"POST decrypt-datakey": {do: decryptDatakey, faults: []front.Translation{
		{Of: kms.ErrInvalidCiphertext, Into: invalidDatakeyCiphertext},
	}},
	"POST gen-random": {do: genRandom},

	"POST create-key":             {do: createKey},
	"POST describe-key":           {do: describeKey},
	"POST list-keys":              {do: listKeys},
	"POST update-key-alias":       {do: updateKeyAlias},
	"POST update-key-description": {do: updateKeyDescription},
	"POST enable-key":             {do: enableKey},
	"POST disable-key":            {do: disableKey},
	"POST schedule-key-deletion": {do: scheduleKeyDeletion, faults: []front.Translation{
		{Of: kms.ErrKeyPendingDeletion, Into: scheduledAlready},
	}},
	"POST cancel-key-deletion": {do: cancelKeyDeletion, faults: []front.Translation{
		{Of: kms.ErrInvalidState, Into: notScheduled},
	}},

	"GET aliases":          {do: listAliases},
	"POST aliases":         {do: createAlias, status: http.StatusCreated},
	"DELETE aliases":       {do: deleteAliases, status: http.StatusNoContent},
	"POST alias/associate": {do: associateAlias},

	"POST enable-key-rotation":          {do: enableKeyRotation, faults: ofRotation},
	"POST disable-key-rotation":         {do: disableKeyRotation, faults: ofRotation},
	"POST update-key-rotation-interval": {do: updateKeyRotationInterval, faults: ofRotation},
	"POST get-key-rotation-status":      {do: getKeyRotationStatus},

	"POST get-parameters-for-import": {do: getParametersForImport, faults: ofImports},
	"POST import-key-material": {do: importKeyMaterial, faults: append([]front.Translation{
		{Of: kms.ErrInvalidArgument, Into: invalidExpiration},
	}, ofImports...)},
	"POST delete-imported-key-material": {do: deleteImportedKeyMaterial, faults: ofImports},

	"POST sign":          {do: sign},
	"POST verify":        {do: verify},
	"POST get-publickey": {do: getPublicKey},
	"POST generate-mac":  {do: generateMac},
	"POST verify-mac":    {do: verifyMac},
}

// What whole groups of operations have other words for.
var (
	ofRotation = []front.Translation{{Of: kms.ErrInvalidState, Into: notRotatable}}
	ofImports  = []front.Translation{{Of: kms.ErrInvalidState, Into: notExternal}}

	ofData = map[string]*front.Fault{
		"plain_text": invalidPlaintext, "cipher_text": invalidCiphertext,
	}
	ofHiddenDatakeys = map[string]*front.Fault{"datakey_length": invalidHiddenSize}
)

// find returns the operation of a method and a path.
func find(method, path string) (*operation, error) {
	if op := operations[method+" "+path]; op != nil {
		return op, nil
	}
	for _, other := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
		if operations[other+" "+path] != nil {
			return nil, front.ErrMethod
		}
	}
	return nil, front.ErrUnknownAction
}
