package aws

import (
	"maps"
	"slices"
)

// Operations are the names of all operations.
func Operations() []string { return slices.Sorted(maps.Keys(operations)) }

// Codes are the codes of all errors, with their status.
func Codes() map[string]int {
	codes := map[string]int{}
	for _, f := range faults {
		codes[f.Into.Code] = f.Into.Status
	}
	for _, op := range operations {
		for _, f := range op.faults {
			codes[f.Into.Code] = f.Into.Status
		}
	}
	for _, f := range faultOf {
		codes[f.Code] = f.Status
	}
	codes[faultInternal.Code], codes[faultTag.Code] = faultInternal.Status, faultTag.Status
	return codes
}
