package aws

import (
	"context"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// An operation is what a request may want to be done.
type operation struct {
	do     func(context.Context, *call) (any, error)
	faults []front.Translation // where they differ from those of all
}

// Faults of groups of operations.
var (
	// The API reference does not list InvalidArnException for these.
	cryptography   = []front.Translation{{Of: errARN, Into: faultNotFound}}
	aliasing       = cryptography
	authentication = append([]front.Translation{
		{Of: kms.ErrInvalidSignature, Into: faultBadMAC},
	}, cryptography...)
	publishing = []front.Translation{{Of: kms.ErrUnsupportedAlgorithm, Into: faultUnsupported}}
	creating   = []front.Translation{{Of: kms.ErrInvalidUsage, Into: faultInvalid}} // guess
	listing    = []front.Translation{{Of: kms.ErrInvalidKeyRef, Into: faultMarker}}
	tagging    = []front.Translation{{Of: kms.ErrInvalidArgument, Into: faultTag}}
	importing  = []front.Translation{
		{Of: kms.ErrUnsupportedAlgorithm, Into: faultUnsupported},
		{Of: kms.ErrInvalidState, Into: faultUnsupported}, // the origin is not EXTERNAL
	}
)

// operations are what there is, by name.
var operations = map[string]operation{
	"Encrypt":                             {encrypt, cryptography},
	"Decrypt":                             {decrypt, cryptography},
	"ReEncrypt":                           {reEncrypt, cryptography},
	"GenerateDataKey":                     {generateDataKey, cryptography},
	"GenerateDataKeyWithoutPlaintext":     {generateDataKeyWithoutPlaintext, cryptography},
	"GenerateDataKeyPair":                 {generateDataKeyPair, cryptography},
	"GenerateDataKeyPairWithoutPlaintext": {generateDataKeyPairWithoutPlaintext, cryptography},
	"GenerateRandom":                      {do: generateRandom},
	"Sign":                                {sign, cryptography},
	"Verify":                              {verify, cryptography},
	"GenerateMac":                         {generateMAC, cryptography},
	"VerifyMac":                           {verifyMAC, authentication},
	"GetPublicKey":                        {getPublicKey, publishing},

	"CreateKey":            {createKey, creating},
	"DescribeKey":          {do: describeKey},
	"ListKeys":             {listKeys, listing},
	"UpdateKeyDescription": {do: updateKeyDescription},
	"EnableKey":            {do: enableKey},
	"DisableKey":           {do: disableKey},
	"ScheduleKeyDeletion":  {do: scheduleKeyDeletion},
	"CancelKeyDeletion":    {do: cancelKeyDeletion},

	"CreateAlias": {createAlias, aliasing},
	"UpdateAlias": {updateAlias, aliasing},
	"DeleteAlias": {deleteAlias, aliasing},
	"ListAliases": {do: listAliases},

	"EnableKeyRotation":    {do: enableKeyRotation},
	"DisableKeyRotation":   {do: disableKeyRotation},
	"GetKeyRotationStatus": {do: getKeyRotationStatus},
	"RotateKeyOnDemand":    {do: rotateKeyOnDemand},
	"ListKeyRotations":     {do: listKeyRotations},

	"GetParametersForImport":    {getParametersForImport, importing},
	"ImportKeyMaterial":         {importKeyMaterial, importing},
	"DeleteImportedKeyMaterial": {deleteImportedKeyMaterial, importing},

	"TagResource":      {tagResource, tagging},
	"UntagResource":    {untagResource, tagging},
	"ListResourceTags": {do: listResourceTags},
}
