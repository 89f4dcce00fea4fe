package tencent

import (
	"context"

	"github.com/embedkms/kms/internal/front"
)

// A statusAnswer says that the service can be used. The rest is about what the
// cloud sells.
type statusAnswer struct {
	ServiceEnabled      bool
	InvalidType         int // 1 is normal
	UserLevel           int
	ProExpireTime       int64
	ProRenewFlag        int
	ProResourceId       string
	ExclusiveVSMEnabled bool
	ExclusiveHSMEnabled bool
	SubscriptionInfo    string
	identity
}

func (s *service) getServiceStatus(context.Context, *front.Params) (answer, error) {
	return &statusAnswer{ServiceEnabled: true, InvalidType: 1}, nil
}
