package integration_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"testing"

	"github.com/embedkms/kms/internal/keypair"
)

// ecdsaDER is the family of a curve and an algorithm.
func ecdsaDER(curve elliptic.Curve, spec, algorithm string) family {
	return func(t *testing.T, g *group) func(*vector) outcome {
		public, err := ecdsa.ParseUncompressedPublicKey(curve, g.PublicKey.Uncompressed)
		if err != nil {
			t.Fatal(err)
		}
		key := keypair.ECPublic{Key: public}
		if key.Spec() != spec {
			t.Errorf("the key is a %s, want %s", key.Spec(), spec)
		}
		return func(v *vector) outcome { return v.verify(t, key, algorithm, ran) }
	}
}
