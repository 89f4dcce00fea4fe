package alibaba

import (
	"maps"
	"slices"
)

// Actions returns every action, sorted.
func Actions() []string { return slices.Sorted(maps.Keys(operations)) }

// VersionID is versionID.
func VersionID(id string, version uint32) string { return versionID(id, version) }
