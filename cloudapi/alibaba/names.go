package alibaba

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/embedkms/kms/internal/front"
)

// nowhere is the ID of no key: IDs are random, and this is not. What a client may
// not use and what does not exist must look alike, so the library is asked for it.
const nowhere = "00000000-0000-0000-0000-000000000000"

var (
	isID    = front.Pattern(`[A-Za-z0-9-]{1,64}`) // guess; key-hzz630494463ejqjx**** is one
	isUUID  = front.Pattern(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	isAlias = front.Pattern(`alias/[A-Za-z0-9_/-]{1,249}`) // kms-20160120 v3.2.3: 1 to 255
)

// key reads which key is meant, for the library.
func (c *call) key(name string) string {
	return c.api.here(c.Text(name, c.api.isKey))
}

// optKey reads which key is meant, "" if it is not there.
func (c *call) optKey(name string) string {
	if !c.Has(name) {
		return ""
	}
	return c.key(name)
}

// isKey is the rule of a KeyId.
func (a *api) isKey(s string) bool { return a.here(s) != "" }

// here returns what the library calls the key of a KeyId, "" if it is none in form.
// API page "Encrypt": ID, alias or ARN, acs:kms:${region}:${account}:key/${keyid}.
func (a *api) here(s string) string {
	if !strings.HasPrefix(s, "acs:") {
		return a.hereOf(s)
	}
	parts := strings.SplitN(s, ":", 5) // acs, kms, region, account, resource
	if len(parts) < 5 || parts[1] != "kms" {
		return ""
	}
	id, ok := strings.CutPrefix(parts[4], "key/")
	if !ok && !isAlias(id) {
		return ""
	}
	key := a.hereOf(id)
	if key != "" && (parts[2] != a.region || parts[3] != a.account) {
		return nowhere // guess: as a key that is not there
	}
	return key
}

// hereOf is here for what is no ARN.
func (a *api) hereOf(s string) string {
	switch key := a.keys.Here(s); {
	case key != s:
		return key
	case isUUID(s), isAlias(s):
		return s
	case isID(s):
		return nowhere
	}
	return ""
}

// arn returns the ARN of a resource, key/… or alias/….
func (a *api) arn(resource string) string {
	return "acs:kms:" + a.region + ":" + a.account + ":" + resource
}

// keyARN returns the ARN of a key here.
func (a *api) keyARN(id string) string { return a.arn("key/" + a.keys.There(id)) }

const (
	idHead    = 28             // of a key ID, in front of its last 32 bits
	noVersion = math.MaxUint32 // no key has as many
)

// versionID returns the ID of a key's version: a UUID that belongs to this key and
// version only, and that needs no list of versions to be understood.
func versionID(id string, version uint32) string {
	tail, _ := strconv.ParseUint(id[idHead:], 16, 32)
	return fmt.Sprintf("%s%08x", id[:idHead], uint32(tail)^version)
}

// versionOf is the inverse of versionID; noVersion if it is of no version of the key.
func versionOf(id, version string) uint32 {
	if !isUUID(version) || version[:idHead] != id[:idHead] {
		return noVersion
	}
	tail, _ := strconv.ParseUint(id[idHead:], 16, 32)
	other, _ := strconv.ParseUint(version[idHead:], 16, 32)
	if other == tail {
		return noVersion // and not 0, which is the primary one
	}
	return uint32(tail ^ other)
}

// A target is a version of a key, as a request names it.
type target struct{ key, version string }

// target reads which key and version are meant.
func (c *call) target(key, version string) target {
	return target{c.key(key), c.Text(version, isID)}
}

// find returns the ID of a target's key, and which version it is.
func (c *call) find(ctx context.Context, t target) (id string, version uint32, err error) {
	if id, err = c.resolve(ctx, t.key); err != nil {
		return "", 0, err
	}
	return id, versionOf(id, t.version), nil
}

// resolve returns the ID of a key. An alias takes a look at what it points at, and the
// right to DescribeKey.
func (c *call) resolve(ctx context.Context, key string) (string, error) {
	if !isAlias(key) {
		return key, nil
	}
	described, err := describe(ctx, c.api.keys, key)
	if err != nil {
		return "", err
	}
	return described.ID, nil
}
