package tencent

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

const (
	defaultLimit = 10
	maxLimit     = 200

	roleUser = 0 // keys of users, not of the cloud's products
)

type keyItem struct{ KeyId string }

type listKeysAnswer struct {
	Keys       []keyItem
	TotalCount int
	identity
}

// A page says which items of a list are asked for.
type page struct{ offset, limit, role int64 }

// readPage reads a page. There are no keys of other roles here, nor of HSM clusters.
func readPage(p *front.Params) page {
	p.OptText("HsmClusterId", "", none)
	return page{
		offset: p.OptInt("Offset", 0, 0, math.MaxInt64),
		limit:  p.OptInt("Limit", defaultLimit, 1, maxLimit),
		role:   p.OptInt("Role", roleUser, 0, 1),
	}
}

// cut returns the page's share of all.
func cut[T any](p page, all []T) []T {
	from := min(p.offset, int64(len(all)))
	return all[from:min(from+p.limit, int64(len(all)))]
}

// all returns the keys of a role, in the order of their IDs.
func (s *service) all(ctx context.Context, role int64) ([]*kms.Key, error) {
	var keys []*kms.Key
	for key, err := range s.keys.Keys(ctx, "") {
		if err != nil {
			return nil, err
		}
		if role == roleUser {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func (s *service) listKeys(ctx context.Context, p *front.Params) (answer, error) {
	asked := readPage(p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	all, err := s.all(ctx, asked.role)
	if err != nil {
		return nil, err
	}
	keys := []keyItem{}
	for _, key := range cut(asked, all) {
		keys = append(keys, keyItem{s.keys.There(key.ID)})
	}
	return &listKeysAnswer{Keys: keys, TotalCount: len(all)}, nil
}

type listKeyDetailAnswer struct {
	TotalCount   int
	KeyMetadatas []*metadata
	identity
}

// A filter says which keys ListKeyDetail shows.
type filter struct {
	state  int64 // index in states
	search string
	origin string
	usage  string
}

// states are what the numbers of KeyState mean; 0 is all.
var states = [...]string{"", "Enabled", "Disabled", "PendingDelete", "PendingImport", "Archived"}

const everything = "ALL"

func (s *service) listKeyDetail(ctx context.Context, p *front.Params) (answer, error) {
	asked := readPage(p)
	ascending := p.OptInt("OrderType", 0, 0, 1) == 1
	f := readFilter(p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	all, err := s.all(ctx, asked.role)
	if err != nil {
		return nil, err
	}
	aliases, err := s.aliases(ctx)
	if err != nil {
		return nil, err
	}
	found := []*metadata{}
	for _, key := range all {
		if m := s.metadataOf(key, aliases[key.ID]); f.has(m) {
			found = append(found, m)
		}
	}
	slices.SortStableFunc(found, func(a, b *metadata) int {
		if !ascending {
			a, b = b, a
		}
		return cmp.Compare(a.CreateTime, b.CreateTime)
	})
	return &listKeyDetailAnswer{TotalCount: len(found), KeyMetadatas: cut(asked, found)}, nil
}

// readFilter reads a filter. Filters by tags are refused: they would show too much.
func readFilter(p *front.Params) *filter {
	p.Refuse("TagFilters", "TagFilters.0.TagKey", "TagFilters.0.TagValue.0")
	origins := front.OneOf("", everything, originTencent, originExternal)
	return &filter{
		state:  p.OptInt("KeyState", 0, 0, int64(len(states)-1)),
		search: p.OptText("SearchKeyAlias", "", front.Any),
		origin: p.OptText("Origin", "", origins),
		usage:  p.OptText("KeyUsage", "", isUsageOrAll),
	}
}

func isUsageOrAll(name string) bool { return isUsage(name) || name == everything }

// has reports whether the filter lets a key through.
func (f *filter) has(m *metadata) bool {
	usage := cmp.Or(f.usage, usageSymmetric)
	return (f.state == 0 || states[f.state] == m.KeyState) &&
		(strings.Contains(m.KeyId, f.search) || strings.Contains(m.Alias, f.search)) &&
		(f.origin == "" || f.origin == everything || f.origin == m.Origin) &&
		(usage == everything || usage == m.KeyUsage)
}
