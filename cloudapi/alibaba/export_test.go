package alibaba

import (
	"maps"
	"slices"
)

// Actions returns every action, sorted.
func Actions() []string { return slices.Sorted(maps.Keys(operations)) }

// VersionID is versionID.
func VersionID(id string, version uint32) string { return versionID(id, version) }

// Codes returns the codes of errors that the library and the gateway have.
func Codes() (all []string) {
	for _, t := range translations {
		all = append(all, t.Into.Code)
	}
	for _, f := range dryFaults {
		all = append(all, f.Code)
	}
	return append(all, faultInternal.Code, faultMissing.Code, faultLevel.Code, faultOrigin.Code,
		faultVersion.Code, faultFormat.Code, faultNoTimestamp.Code)
}
