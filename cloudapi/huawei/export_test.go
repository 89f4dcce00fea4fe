package huawei

import (
	"maps"
	"slices"

	"github.com/embedkms/kms/internal/front"
)

// Operations returns the methods and paths of all operations.
func Operations() []string { return slices.Sorted(maps.Keys(operations)) }

// direct are faults that are not in a table.
var direct = []*front.Fault{
	broken, missingParameter, invalidParameter, unsupported, noToken, invalidToken, wrongProject,
	notDisabled, notEnabled, plaintextTooLong, notPendingImport, nothingImported,
}

// Codes returns the codes of all errors that the package knows.
func Codes() map[string]bool {
	codes := map[string]bool{}
	for _, t := range translations {
		codes[t.Into.Code] = true
	}
	for _, f := range paramFaults {
		codes[f.Code] = true
	}
	for _, op := range operations {
		for _, t := range op.faults {
			codes[t.Into.Code] = true
		}
		for _, f := range op.params {
			codes[f.Code] = true
		}
	}
	for _, f := range direct {
		codes[f.Code] = true
	}
	return codes
}
