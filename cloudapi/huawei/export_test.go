package huawei

import (
	"maps"
	"slices"
)

// Operations returns the methods and paths of all operations.
func Operations() []string { return slices.Sorted(maps.Keys(operations)) }
