package front

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/embedkms/kms"
)

// AliasPrefix is what an alias of the library starts with.
const AliasPrefix = "alias/"

// Keys are the keys of a KMS under the names that clients know.
type Keys struct {
	*kms.KMS
	here  map[string]string // key ID by the client's ID
	there map[string]string // the reverse
}

var isKeyID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString

// newKeys returns the keys of k. In ids stand the IDs of keys that clients know
// under another ID.
func newKeys(k *kms.KMS, ids map[string]string) (*Keys, error) {
	if k == nil {
		return nil, errors.New("cloudapi: there is no KMS")
	}
	keys := &Keys{k, maps.Clone(ids), make(map[string]string, len(ids))}
	for there, here := range ids {
		if there == "" || !isKeyID(here) {
			return nil, fmt.Errorf("cloudapi: Options.KeyIDs: %q for %q is not a key ID", here, there)
		}
		if other, twice := keys.there[here]; twice {
			return nil, fmt.Errorf("cloudapi: Options.KeyIDs: %s stands for %q and %q", here, there, other)
		}
		keys.there[here] = there
	}
	return keys, nil
}

// With returns the same names for another view of the KMS.
func (k *Keys) With(view *kms.KMS) *Keys { return &Keys{view, k.here, k.there} }

// Here returns the ID of the key that a client calls id.
func (k *Keys) Here(id string) string {
	if here, ok := k.here[id]; ok {
		return here
	}
	return id
}

// There returns what clients call the key.
func (k *Keys) There(id string) string {
	if there, ok := k.there[id]; ok {
		return there
	}
	return id
}

// Names returns the aliases of all keys, without their prefix, by key ID. It
// scans the aliases in the store.
func (k *Keys) Names(ctx context.Context) (map[string][]string, error) {
	names := map[string][]string{}
	for a, err := range k.Aliases(ctx) {
		if err != nil {
			return nil, err
		}
		names[a.KeyID] = append(names[a.KeyID], strings.TrimPrefix(a.Name, AliasPrefix))
	}
	return names, nil
}

// Rename makes name the only alias of a key. If it fails half-way, the key has
// more than one, and it can be called again.
func (k *Keys) Rename(ctx context.Context, key, name string) error {
	described, err := k.DescribeKey(ctx, key)
	if err != nil {
		return err
	}
	names, err := k.Names(ctx)
	if err != nil {
		return err
	}
	old := names[described.ID]
	if !slices.Contains(old, name) {
		if err := k.CreateAlias(ctx, AliasPrefix+name, described.ID); err != nil {
			return err
		}
	}
	for _, other := range old {
		if other == name {
			continue
		}
		if err := k.DeleteAlias(ctx, AliasPrefix+other); err != nil && !errors.Is(err, kms.ErrAliasNotFound) {
			return err
		}
	}
	return nil
}
