package alibaba

import (
	"context"
	"slices"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// A page says which part of a list an answer has.
type page struct {
	PageNumber int
	PageSize   int
	TotalCount int
}

// Most and least of a PageSize: kms-20160120 v3.2.3. ListKeys has 1 to 100,
// ListAliases 0 to 100, ListAliasesByKeyId and ListKeyVersions 0 to 101.
const defaultPageSize = 10

// page reads which part of a list is wanted.
func (c *call) page(least, most int64) page {
	return page{
		PageNumber: int(c.OptInt("PageNumber", 1, 1, 1<<31-1)),
		PageSize:   int(c.OptInt("PageSize", defaultPageSize, least, most)),
	}
}

// cut returns the part of a whole list, and sets the count.
func cut[T any](p *page, all []T) []T {
	p.TotalCount = len(all)
	first := min(int64(p.PageNumber-1)*int64(p.PageSize), int64(len(all)))
	return all[first:min(int(first)+p.PageSize, len(all))]
}

// A listedKey is one of ListKeys.
type listedKey struct {
	KeyID  string `json:"KeyId" xml:"KeyId"`
	KeyARN string `json:"KeyArn" xml:"KeyArn"`
}

// A keysAnswer is the answer of ListKeys.
type keysAnswer struct {
	Keys struct{ Key []listedKey }
	page
	answer
}

func (c *call) listKeys(ctx context.Context) (any, error) {
	p, matches := c.page(1, 100), c.filters()
	if err := c.Err(); err != nil {
		return nil, err
	}
	all := []listedKey{}
	for key, err := range c.keys.Keys(ctx, "") {
		if err != nil {
			return nil, err
		}
		if m := c.api.metadata(key); matches(m) {
			all = append(all, listedKey{m.KeyID, m.Arn})
		}
	}
	a := &keysAnswer{page: p, answer: c.answer()}
	a.Keys.Key = cut(&a.page, all)
	return a, nil
}

// filterValues are those of Filters: kms-20160120 v3.2.3, ListKeysRequest.
var filterValues = map[string]func(*metadata) string{
	"KeyState":        func(m *metadata) string { return m.KeyState },
	"KeySpec":         func(m *metadata) string { return m.KeySpec },
	"KeyUsage":        func(m *metadata) string { return m.KeyUsage },
	"ProtectionLevel": func(m *metadata) string { return m.ProtectionLevel },
	"CreatorType":     func(*metadata) string { return "User" },
}

const maxFilters = 10 // and values of each

// filters reads Filters, [{"Key": …, "Values": […]}, …]. Values of one key are
// alternatives, also if it comes more than once.
func (c *call) filters() func(*metadata) bool {
	wanted := map[string][]string{}
	c.Each("Filters", maxFilters, func(f *front.Params) {
		key := f.Text("Key", nameIn(filterValues))
		wanted[key] = append(wanted[key], f.Texts("Values", maxFilters, front.Any)...)
	}, "Key", "Values")
	return func(m *metadata) bool {
		for key, values := range wanted {
			if !slices.Contains(values, filterValues[key](m)) {
				return false
			}
		}
		return true
	}
}

// A listedVersion is a version of a key.
type listedVersion struct {
	version
	CreationDate string
}

// listed describes a version of a key.
func (c *call) listed(id string, v kms.KeyVersion) listedVersion {
	return listedVersion{c.versionOf(id, v.Version), date(v.CreatedAt)}
}

// A versionsAnswer is the answer of ListKeyVersions.
type versionsAnswer struct {
	KeyVersions struct{ KeyVersion []listedVersion }
	page
	answer
}

func (c *call) listKeyVersions(ctx context.Context) (any, error) {
	key, p := c.key("KeyId"), c.page(0, 101)
	if err := c.Err(); err != nil {
		return nil, err
	}
	described, err := describe(ctx, c.keys, key)
	if err != nil {
		return nil, err
	}
	all := []listedVersion{}
	for _, v := range described.Versions {
		if v.State != kms.KeyStateDestroyed {
			all = append(all, c.listed(described.ID, v))
		}
	}
	a := &versionsAnswer{page: p, answer: c.answer()}
	a.KeyVersions.KeyVersion = cut(&a.page, all)
	return a, nil
}
