package tencent

import (
	"maps"
	"slices"
)

// Operations are the names of all operations.
func Operations() []string { return slices.Sorted(maps.Keys(operations)) }

// Unsupported are those of operations that are refused.
func Unsupported() []string { return slices.Clone(unsupported) }
