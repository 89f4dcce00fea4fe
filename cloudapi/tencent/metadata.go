package tencent

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

const (
	originTencent  = "TENCENT_KMS"
	originExternal = "EXTERNAL"
)

// metadata is the KeyMetadata of tencentcloud-sdk-go kms v1.0.1000, models.go.
type metadata struct {
	KeyId              string
	Alias              string
	CreateTime         int64
	Description        string
	KeyState           string
	KeyUsage           string
	Type               int    // 2 is FIPS, 4 the Chinese national algorithms
	CreatorUin         uint64 // an account of the cloud; 0 here
	KeyRotationEnabled bool
	Owner              string
	NextRotateTime     int64 // 0 if there is none, as the next two
	DeletionDate       int64
	ValidTo            int64
	Origin             string
	ResourceId         string
	HsmClusterId       string
}

// aliases are the aliases of keys, by ID. To who may not list them there are none.
func (s *service) aliases(ctx context.Context) (map[string][]string, error) {
	names, err := s.keys.Names(ctx)
	if errors.Is(err, kms.ErrAccessDenied) {
		return nil, nil
	}
	return names, err
}

// describe returns a key, which must not be destroyed.
func (s *service) describe(ctx context.Context, id string) (*kms.Key, error) {
	key, err := s.keys.DescribeKey(ctx, id)
	if err == nil && key.State == kms.KeyStateDestroyed {
		return nil, kms.ErrKeyNotFound
	}
	return key, err
}

// metadataOf describes a key, of all whose aliases it shows the first.
func (s *service) metadataOf(key *kms.Key, aliases []string) *metadata {
	id := s.keys.There(key.ID)
	m := &metadata{
		KeyId: id, CreateTime: key.CreatedAt.Unix(), Description: key.Description,
		KeyState: stateOf(key), KeyUsage: usageOf(key), Type: 2,
		KeyRotationEnabled: key.RotationPeriod != 0, Owner: "user",
		NextRotateTime: seconds(key.NextRotation), DeletionDate: seconds(key.DeletionDate),
		Origin: originTencent, ResourceId: "creatorUin/0/" + id,
	}
	if len(aliases) > 0 {
		m.Alias = slices.Min(aliases)
	}
	if key.Spec == kms.KeySpecSM2 || key.Spec == kms.KeySpecSM4 || key.Spec == kms.KeySpecHMACSM3 {
		m.Type = 4
	}
	if key.Origin == kms.OriginExternal {
		m.Origin = originExternal
	}
	if n := len(key.Versions); n > 0 {
		m.ValidTo = seconds(key.Versions[n-1].ValidTo)
	}
	return m
}

// seconds is a time in seconds since 1970, or 0 for none.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// stateOf returns the state of a key in the API's words.
func stateOf(key *kms.Key) string {
	if key.State == kms.KeyStatePendingDeletion {
		return "PendingDelete"
	}
	return string(key.State)
}

type describeKeyAnswer struct {
	KeyMetadata *metadata
	identity
}

func (s *service) describeKey(ctx context.Context, p *front.Params) (answer, error) {
	id := s.key(p, "KeyId")
	if err := p.Err(); err != nil {
		return nil, err
	}
	all, err := s.describeAll(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	return &describeKeyAnswer{KeyMetadata: all[0]}, nil
}

type describeKeysAnswer struct {
	KeyMetadatas []*metadata
	identity
}

func (s *service) describeKeys(ctx context.Context, p *front.Params) (answer, error) {
	ids, err := s.keyIDs(p)
	if err != nil {
		return nil, err
	}
	all, err := s.describeAll(ctx, ids)
	if err != nil {
		return nil, err
	}
	return &describeKeysAnswer{KeyMetadatas: all}, nil
}

func (s *service) describeAll(ctx context.Context, ids []string) ([]*metadata, error) {
	all := make([]*metadata, 0, len(ids))
	var aliases map[string][]string
	for i, id := range ids {
		key, err := s.describe(ctx, id)
		if err != nil {
			return nil, err
		}
		if i == 0 { // not before it is known that the caller may describe keys
			if aliases, err = s.aliases(ctx); err != nil {
				return nil, err
			}
		}
		all = append(all, s.metadataOf(key, aliases[key.ID]))
	}
	return all, nil
}

// keyIDs reads KeyIds, each of which must be another key.
func (s *service) keyIDs(p *front.Params) ([]string, error) {
	ids := p.Texts("KeyIds", maxKeyIDs, s.isKey)
	if len(ids) == 0 {
		p.Fail("KeyIds", front.Missing)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	for i, id := range ids {
		if ids[i] = s.keys.Here(id); slices.Contains(ids[:i], ids[i]) {
			return nil, faultDuplicate
		}
	}
	return ids, nil
}
