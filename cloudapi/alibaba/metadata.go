package alibaba

import (
	"strconv"
	"time"

	"github.com/embedkms/kms"
)

// Metadata describes a key: kms-20160120 v3.2.3, DescribeKeyResponseBodyKeyMetadata,
// which says what may be absent.
type metadata struct {
	KeyID              string `json:"KeyId" xml:"KeyId"`
	Arn                string
	KeyState           string
	KeySpec            string
	KeyUsage           string
	Origin             string
	ProtectionLevel    string
	Description        string
	Creator            string
	CreationDate       string
	PrimaryKeyVersion  string
	LastRotationDate   string
	AutomaticRotation  string
	MaterialExpireTime string // "" for never
	DeletionProtection string
	RotationInterval   string `json:",omitempty" xml:",omitempty"`
	NextRotationDate   string `json:",omitempty" xml:",omitempty"`
	DeleteDate         string `json:",omitempty" xml:",omitempty"`
}

// metadata describes a key of the library.
func (a *api) metadata(key *kms.Key) *metadata {
	m := &metadata{
		KeyID:              a.keys.There(key.ID),
		Arn:                a.keyARN(key.ID),
		KeyState:           stateName(key.State),
		KeySpec:            nameOf(keySpecs, key.Spec),
		KeyUsage:           nameOf(keyUsages, key.Usage),
		Origin:             "Aliyun_KMS",
		ProtectionLevel:    "SOFTWARE",
		Description:        key.Description,
		Creator:            a.account,
		CreationDate:       date(key.CreatedAt),
		AutomaticRotation:  "Disabled",
		DeletionProtection: "Disabled",
		DeleteDate:         date(key.DeletionDate),
	}
	if key.Origin == kms.OriginExternal {
		m.Origin = "EXTERNAL"
	}
	m.setPrimary(key)
	m.setRotation(key)
	return m
}

// setPrimary describes the primary version, if there is one.
func (m *metadata) setPrimary(key *kms.Key) {
	m.LastRotationDate = m.CreationDate
	for _, v := range key.Versions {
		if v.Version == key.PrimaryVersion {
			m.PrimaryKeyVersion = versionID(key.ID, v.Version)
			m.LastRotationDate = date(v.CreatedAt)
			m.MaterialExpireTime = date(v.ValidTo)
		}
	}
}

// setRotation describes the rotation, which is suspended while the key is not enabled:
// API page "Automatic key rotation".
func (m *metadata) setRotation(key *kms.Key) {
	if key.RotationPeriod == 0 {
		return
	}
	m.AutomaticRotation = "Enabled"
	if key.State != kms.KeyStateEnabled {
		m.AutomaticRotation = "Suspended"
	}
	m.RotationInterval = strconv.FormatInt(int64(key.RotationPeriod/time.Second), 10) + "s"
	m.NextRotationDate = date(key.NextRotation)
}

// stateName returns a KeyState. The vendor knows no archived keys: guess.
func stateName(s kms.KeyState) string {
	if s == kms.KeyStateArchived {
		return "Disabled"
	}
	return string(s)
}

// nameOf returns the vendor's name of a value, or the library's if there is none.
func nameOf[V ~string](names map[string]V, v V) string {
	for name, other := range names {
		if other == v {
			return name
		}
	}
	return string(v)
}

// date writes a time as all answers have it, "" for none.
func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}
