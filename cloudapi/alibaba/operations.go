package alibaba

import (
	"context"

	"github.com/embedkms/kms/internal/front"
)

// An operation is what an action stands for.
type operation struct {
	do     func(*call, context.Context) (any, error)
	faults []front.Translation // before those of all operations
}

// operations has every action.
var operations = map[string]operation{
	"Encrypt":                         {do: (*call).encrypt},
	"Decrypt":                         {do: (*call).decrypt},
	"ReEncrypt":                       {do: (*call).reEncrypt},
	"GenerateDataKey":                 {do: (*call).generateDataKey},
	"GenerateDataKeyWithoutPlaintext": {do: (*call).generateDataKeyWithoutPlaintext},
	"GenerateAndExportDataKey":        {do: (*call).generateAndExportDataKey},
	"ExportDataKey":                   {do: (*call).exportDataKey},

	"AsymmetricEncrypt": {do: (*call).asymmetricEncrypt},
	"AsymmetricDecrypt": {do: (*call).asymmetricDecrypt},
	"AsymmetricSign":    {do: (*call).asymmetricSign},
	"AsymmetricVerify":  {do: (*call).asymmetricVerify},
	"GetPublicKey":      {do: (*call).getPublicKey},

	"CreateKey":            {do: (*call).createKey},
	"DescribeKey":          {do: (*call).describeKey},
	"ListKeys":             {do: (*call).listKeys},
	"UpdateKeyDescription": {do: (*call).updateKeyDescription},
	"EnableKey":            {do: (*call).enableKey, faults: stateChanges},
	"DisableKey":           {do: (*call).disableKey, faults: stateChanges},
	"ScheduleKeyDeletion":  {do: (*call).scheduleKeyDeletion, faults: stateChanges},
	"CancelKeyDeletion":    {do: (*call).cancelKeyDeletion, faults: stateChanges},

	"CreateAlias":        {do: (*call).createAlias, faults: stateChanges},
	"UpdateAlias":        {do: (*call).updateAlias, faults: stateChanges},
	"DeleteAlias":        {do: (*call).deleteAlias},
	"ListAliases":        {do: (*call).listAliases},
	"ListAliasesByKeyId": {do: (*call).listAliasesByKeyID},

	"CreateKeyVersion":     {do: (*call).createKeyVersion, faults: originMatters},
	"ListKeyVersions":      {do: (*call).listKeyVersions},
	"DescribeKeyVersion":   {do: (*call).describeKeyVersion},
	"UpdateRotationPolicy": {do: (*call).updateRotationPolicy, faults: rotation},

	"GetParametersForImport": {do: (*call).getParametersForImport, faults: originMatters},
	"ImportKeyMaterial":      {do: (*call).importKeyMaterial, faults: originMatters},
	"DeleteKeyMaterial":      {do: (*call).deleteKeyMaterial, faults: originMatters},

	"TagResource":      {do: (*call).tagResource},
	"UntagResource":    {do: (*call).untagResource},
	"ListResourceTags": {do: (*call).listResourceTags},

	"DescribeRegions": {do: (*call).describeRegions},
}
