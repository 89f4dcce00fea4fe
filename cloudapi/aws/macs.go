package aws

import (
	"context"
	"errors"

	"github.com/embedkms/kms"
)

type generateMACAnswer struct {
	KeyID        string `json:"KeyId"`
	MAC          []byte `json:"Mac"`
	MACAlgorithm string `json:"MacAlgorithm"`
}

// authenticating reads what there is or shall be a MAC of, and how.
func (c *call) authenticating() (message []byte, alg kms.Algorithm) {
	message = c.Base64("Message", 1, maxMessage)
	alg = readWord(c, "MacAlgorithm", "", macAlgorithms)
	c.ignoreGrants()
	return message, alg
}

// byAlgorithm does what a key of the one algorithm of MACs that there is can do. With
// any other it finds out what is wrong with the key first, as with all that does not
// fit.
func (c *call) byAlgorithm(k *kms.KMS, alg kms.Algorithm, do func(*kms.KMS) error) error {
	if alg == kms.AlgorithmHMACSHA256 {
		return do(k)
	}
	err := do(c.keys.DryRun())
	if errors.Is(err, kms.ErrDryRun) {
		return kms.ErrInvalidUsage
	}
	return err
}

func generateMAC(ctx context.Context, c *call) (any, error) {
	ref, k := c.keyOrAlias("KeyId"), c.view()
	message, alg := c.authenticating()
	defer clear(message)
	if err := c.Err(); err != nil {
		return nil, err
	}
	var mac *kms.MAC
	err := c.byAlgorithm(k, alg, func(k *kms.KMS) (err error) {
		mac, err = k.GenerateMAC(ctx, ref, message)
		return err
	})
	if err != nil {
		return nil, err
	}
	if mac.Algorithm != alg { // of a key that AWS does not have
		return nil, kms.ErrInvalidUsage
	}
	return &generateMACAnswer{c.keyARN(mac.KeyID), mac.MAC, wordFor(macAlgorithms, alg)}, nil
}

type verifyMACAnswer struct {
	KeyID        string `json:"KeyId"`
	MACAlgorithm string `json:"MacAlgorithm"`
	MACValid     bool   `json:"MacValid"`
}

func verifyMAC(ctx context.Context, c *call) (any, error) {
	ref, k := c.keyOrAlias("KeyId"), c.view()
	message, alg := c.authenticating()
	defer clear(message)
	mac := c.Base64("Mac", 1, maxBlob)
	if err := c.Err(); err != nil {
		return nil, err
	}
	err := c.byAlgorithm(k, alg, func(k *kms.KMS) error { return k.VerifyMAC(ctx, ref, 0, message, mac) })
	if err != nil {
		return nil, err
	}
	return &verifyMACAnswer{c.nameOf(ctx, ref), wordFor(macAlgorithms, alg), true}, nil
}
