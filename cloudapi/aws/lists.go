package aws

import (
	"cmp"
	"slices"

	"github.com/embedkms/kms/internal/front"
)

// A page says which part of a list is asked for.
type page struct {
	limit  int
	marker string // of the last item of the page before, or ""
}

// more says whether a list goes on.
type more struct {
	NextMarker string `json:"NextMarker,omitempty"`
	Truncated  bool   `json:"Truncated"`
}

// page reads the page of a list that has absent items if the request does not say,
// and at most so many.
func (c *call) page(absent, most int64) page {
	return page{
		limit:  int(c.OptInt("Limit", absent, 1, most)),
		marker: c.OptText("Marker", "", front.Chars(1, 1024)),
	}
}

// pageOf returns the page of items, in the order of their names.
func pageOf[T any](p page, items []T, name func(T) string) ([]T, more) {
	items = slices.DeleteFunc(items, func(item T) bool { return p.marker != "" && name(item) <= p.marker })
	slices.SortFunc(items, func(a, b T) int { return cmp.Compare(name(a), name(b)) })
	if len(items) <= p.limit {
		return append([]T{}, items...), more{} // a list that is empty is not null
	}
	items = items[:p.limit]
	return items, more{name(items[p.limit-1]), true}
}
