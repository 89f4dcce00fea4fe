package kms

import (
	"context"
	"crypto/rand"
	"fmt"
)

const maxRandom = 1024

// GenerateRandom returns n random bytes, 1 to 1,024, from the operating
// system's generator.
func (k *KMS) GenerateRandom(ctx context.Context, n int) ([]byte, error) {
	c := k.begin(OpGenerateRandom, "")
	err := k.generateRandom(ctx, &c, n)
	if err = k.end(ctx, &c, nil, err); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	rand.Read(b)
	return b, nil
}

// generateRandom checks all that there is to check.
func (k *KMS) generateRandom(ctx context.Context, c *call, n int) error {
	if err := k.alive(); err != nil {
		return err
	}
	if n < 1 || n > maxRandom {
		return fmt.Errorf("%w: %d random bytes, want 1 to %d", ErrInvalidArgument, n, maxRandom)
	}
	return k.admitStore(ctx, c)
}
