package aws

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

// A call is a request to do an operation, with its parameters.
type call struct {
	*api
	*front.Params
	wrong error // with a key's name
}

// Err returns what is wrong with the parameters.
func (c *call) Err() error { return cmp.Or(c.Params.Err(), c.wrong) }

// view returns the KMS, or one on which nothing happens if the request wants that.
func (c *call) view() *kms.KMS {
	if c.Bool("DryRun") {
		return c.keys.DryRun()
	}
	return c.keys.KMS
}

var anyKey = front.Size(1, 2048) // API reference, KeyId

// key reads the ID or ARN of a key, and returns the ID here.
func (c *call) key(name string) string { return c.named(c.Text(name, anyKey), false) }

// keyOrAlias reads what a key is named by, and returns what it is here.
func (c *call) keyOrAlias(name string) string { return c.named(c.Text(name, anyKey), true) }

// optKeyOrAlias is keyOrAlias, or "" if the parameter is not there.
func (c *call) optKeyOrAlias(name string) string {
	if !c.Has(name) {
		return ""
	}
	return c.keyOrAlias(name)
}

func (c *call) named(text string, aliases bool) string {
	if c.Params.Err() != nil {
		return ""
	}
	ref, err := c.reference(text)
	if err == nil && !aliases && isAlias(ref) {
		err = kms.ErrInvalidKeyRef
	}
	if c.wrong == nil {
		c.wrong = err
	}
	return ref
}

// ignoreGrants reads the grant tokens, which there is no use for: they only ever add
// to what a caller may do.
func (c *call) ignoreGrants() { c.Texts("GrantTokens", 10, front.Size(1, 8192)) }

func isAlias(ref string) bool { return strings.HasPrefix(ref, front.AliasPrefix) }

// arn returns the ARN of a resource, such as alias/name. Partitions are those of
// aws-sdk-go-v2, internal/endpoints/awsrulesfn/partitions.json.
func (a *api) arn(resource string) string {
	partition := "aws"
	switch {
	case strings.HasPrefix(a.region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(a.region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return "arn:" + partition + ":kms:" + a.region + ":" + a.account + ":" + resource
}

// keyARN returns the ARN of a key by its ID here.
func (a *api) keyARN(id string) string { return a.arn("key/" + a.keys.There(id)) }

// reference returns the ID here, or the alias, that a text names: those or their ARNs.
func (a *api) reference(text string) (string, error) {
	if !strings.HasPrefix(text, "arn:") {
		return a.keys.Here(text), nil
	}
	resource, ok := strings.CutPrefix(text, a.arn(""))
	if !ok {
		if parts := strings.SplitN(text, ":", 6); len(parts) == 6 && parts[2] == "kms" {
			return "", kms.ErrKeyNotFound // in another region or account
		}
		return "", errARN
	}
	if isAlias(resource) {
		return resource, nil
	}
	id, ok := strings.CutPrefix(resource, "key/")
	if !ok || isAlias(id) {
		return "", errARN
	}
	return a.keys.Here(id), nil
}

// materialID returns what clients call a version of a key. That it is 64 hexadecimal
// digits is from the API reference, KeyMaterialId; what they are of is ours.
func materialID(id string, version uint32) string {
	sum := sha256.Sum256([]byte(id + "/" + strconv.FormatUint(uint64(version), 10)))
	return hex.EncodeToString(sum[:])
}

// A stamp is a time as the protocol has it: seconds since 1970, with fractions.
type stamp time.Time

// MarshalJSON implements [json.Marshaler].
func (s stamp) MarshalJSON() ([]byte, error) {
	ms := float64(time.Time(s).UnixMilli())
	return strconv.AppendFloat(nil, ms/1000, 'f', -1, 64), nil
}

// optStamp returns t, or nil for never.
func optStamp(t time.Time) *stamp {
	if t.IsZero() {
		return nil
	}
	s := stamp(t)
	return &s
}
