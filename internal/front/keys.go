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

// AliasesOf returns the aliases of a key, or all if id is "", by name. It scans the
// aliases in the store. One whose record is damaged is passed over: it must not hide
// the others.
func (k *Keys) AliasesOf(ctx context.Context, id string) ([]kms.Alias, error) {
	var aliases []kms.Alias
	for a, err := range k.Aliases(ctx) {
		switch {
		case Is(err, kms.ErrTampered):
		case err != nil:
			return nil, err
		case id == "" || id == a.KeyID:
			aliases = append(aliases, a)
		}
	}
	slices.SortFunc(aliases, func(a, b kms.Alias) int { return strings.Compare(a.Name, b.Name) })
	return aliases, nil
}

// Names returns the aliases of all keys, without their prefix, by key ID.
func (k *Keys) Names(ctx context.Context) (map[string][]string, error) {
	aliases, err := k.AliasesOf(ctx, "")
	if err != nil {
		return nil, err
	}
	names := map[string][]string{}
	for _, a := range aliases {
		names[a.KeyID] = append(names[a.KeyID], strings.TrimPrefix(a.Name, AliasPrefix))
	}
	return names, nil
}

// DeleteAliases deletes aliases, which have their prefix: none if the caller may not
// delete all. If the store fails half-way, some are gone.
func (k *Keys) DeleteAliases(ctx context.Context, aliases []string) error {
	if err := k.mayDelete(ctx, aliases); err != nil {
		return err
	}
	return k.deleteAliases(ctx, aliases)
}

func (k *Keys) deleteAliases(ctx context.Context, aliases []string) error {
	for _, alias := range aliases {
		if err := k.DeleteAlias(ctx, alias); err != nil && !Is(err, kms.ErrAliasNotFound) {
			return err
		}
	}
	return nil
}

// mayDelete returns nil if the caller may delete all of some aliases. What is gone
// needs no right.
func (k *Keys) mayDelete(ctx context.Context, aliases []string) error {
	dry := k.DryRun()
	for _, alias := range aliases {
		err := dry.DeleteAlias(ctx, alias)
		if !Is(err, kms.ErrDryRun) && !Is(err, kms.ErrAliasNotFound) {
			return err
		}
	}
	return nil
}

// Rename makes name the only alias of a key, and changes nothing if the caller may
// not delete the others. If the store fails half-way, the key has more than one, and
// it can be called again.
func (k *Keys) Rename(ctx context.Context, key, name string) error {
	described, err := k.DescribeKey(ctx, key)
	if err != nil {
		return err
	}
	names, err := k.Names(ctx)
	if err != nil {
		return err
	}
	var old []string
	for _, other := range names[described.ID] {
		if other != name {
			old = append(old, AliasPrefix+other)
		}
	}
	if err := k.mayDelete(ctx, old); err != nil {
		return err
	}
	if !slices.Contains(names[described.ID], name) {
		if err := k.CreateAlias(ctx, AliasPrefix+name, described.ID); err != nil {
			return err
		}
	}
	return k.deleteAliases(ctx, old)
}
