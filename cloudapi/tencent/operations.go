package tencent

import (
	"context"
	"slices"

	"github.com/embedkms/kms/internal/front"
)

// An operation is one action of the API.
type operation struct {
	do     func(*service, context.Context, *front.Params) (answer, error)
	faults []front.Translation // that are not those of all operations
}

var operations = map[string]operation{
	"Encrypt":         {(*service).encrypt, nil},
	"Decrypt":         {(*service).decrypt, nil},
	"ReEncrypt":       {(*service).reEncrypt, nil},
	"GenerateDataKey": {(*service).generateDataKey, nil},
	"GenerateRandom":  {(*service).generateRandom, nil},

	"CreateKey":            {(*service).createKey, createFaults},
	"DescribeKey":          {(*service).describeKey, nil},
	"DescribeKeys":         {(*service).describeKeys, nil},
	"ListKeys":             {(*service).listKeys, nil},
	"ListKeyDetail":        {(*service).listKeyDetail, nil},
	"UpdateAlias":          {(*service).updateAlias, stateFaults},
	"UpdateKeyDescription": {(*service).updateKeyDescription, stateFaults},

	"EnableKey":           {(*service).enableKey, stateFaults},
	"EnableKeys":          {(*service).enableKeys, stateFaults},
	"DisableKey":          {(*service).disableKey, stateFaults},
	"DisableKeys":         {(*service).disableKeys, stateFaults},
	"ArchiveKey":          {(*service).archiveKey, stateFaults},
	"CancelKeyArchive":    {(*service).cancelKeyArchive, stateFaults},
	"ScheduleKeyDeletion": {(*service).scheduleKeyDeletion, stateFaults},
	"CancelKeyDeletion":   {(*service).cancelKeyDeletion, cancelFaults},

	"EnableKeyRotation":    {(*service).enableKeyRotation, stateFaults},
	"DisableKeyRotation":   {(*service).disableKeyRotation, stateFaults},
	"GetKeyRotationStatus": {(*service).getKeyRotationStatus, nil},

	"GetPublicKey":          {(*service).getPublicKey, stateFaults},
	"AsymmetricRsaDecrypt":  {(*service).asymmetricRsaDecrypt, asymmetricFaults},
	"AsymmetricSm2Decrypt":  {(*service).asymmetricSm2Decrypt, asymmetricFaults},
	"SignByAsymmetricKey":   {(*service).signByAsymmetricKey, signFaults},
	"VerifyByAsymmetricKey": {(*service).verifyByAsymmetricKey, signFaults},
	"ListAlgorithms":        {(*service).listAlgorithms, nil},

	"GetParametersForImport":    {(*service).getParametersForImport, importFaults},
	"ImportKeyMaterial":         {(*service).importKeyMaterial, importFaults},
	"DeleteImportedKeyMaterial": {(*service).deleteImportedKeyMaterial, importFaults},

	"GetServiceStatus": {(*service).getServiceStatus, nil},
}

// unsupported are the actions of tencentcloud-sdk-go kms v1.0.1000 that are not here.
var unsupported = []string{
	"BindCloudResource", "UnbindCloudResource", "GetRegions",
	"CreateWhiteBoxKey", "DeleteWhiteBoxKey", "DescribeWhiteBoxDecryptKey",
	"DescribeWhiteBoxDeviceFingerprints", "DescribeWhiteBoxKey", "DescribeWhiteBoxKeyDetails",
	"DescribeWhiteBoxServiceStatus", "DisableWhiteBoxKey", "DisableWhiteBoxKeys",
	"EnableWhiteBoxKey", "EnableWhiteBoxKeys", "EncryptByWhiteBox",
	"OverwriteWhiteBoxDeviceFingerprints",
	"PostQuantumCryptoDecrypt", "PostQuantumCryptoEncrypt",
	"PostQuantumCryptoSign", "PostQuantumCryptoVerify",
}

// unknown says what is wrong with an action that is not in operations.
func unknown(action string) error {
	if slices.Contains(unsupported, action) {
		return faultUnsupported
	}
	return front.ErrUnknownAction
}
