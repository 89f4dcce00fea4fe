package kms_test

import (
	"context"

	"github.com/embedkms/kms"
)

// everyPairCall returns every operation on keys that are pairs or for MACs, and on
// data key pairs.
func everyPairCall(k *kms.KMS, ref string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"EncryptAsymmetric": func(ctx context.Context) error {
			_, err := k.EncryptAsymmetric(ctx, ref, kms.AlgorithmSM2Encrypt, password)
			return err
		},
		"DecryptAsymmetric": func(ctx context.Context) error {
			_, err := k.DecryptAsymmetric(ctx, ref, 0, kms.AlgorithmSM2Encrypt, password)
			return err
		},
		"PublicKey": func(ctx context.Context) error { _, err := k.PublicKey(ctx, ref, 0); return err },
		"Sign": func(ctx context.Context) error {
			_, err := k.Sign(ctx, ref, kms.AlgorithmECDSASHA256, password, kms.MessageTypeRaw)
			return err
		},
		"Verify": func(ctx context.Context) error {
			return k.Verify(ctx, ref, 0, kms.AlgorithmECDSASHA256, password, kms.MessageTypeRaw, password)
		},
		"Signer":      func(ctx context.Context) error { _, err := k.Signer(ctx, ref); return err },
		"Decrypter":   func(ctx context.Context) error { _, err := k.Decrypter(ctx, ref); return err },
		"GenerateMAC": func(ctx context.Context) error { _, err := k.GenerateMAC(ctx, ref, password); return err },
		"VerifyMAC":   func(ctx context.Context) error { return k.VerifyMAC(ctx, ref, 0, password, password) },
		"GenerateDataKeyPair": func(ctx context.Context) error {
			_, err := k.GenerateDataKeyPair(ctx, ref, kms.KeySpecECP256, nil)
			return err
		},
		"GenerateDataKeyPairWithoutPlaintext": func(ctx context.Context) error {
			_, err := k.GenerateDataKeyPairWithoutPlaintext(ctx, ref, kms.KeySpecECP256, nil)
			return err
		},
		"DecryptDataKeyPairWith": func(ctx context.Context) error {
			_, err := k.DecryptDataKeyPairWith(ctx, ref, form(3), nil)
			return err
		},
	}
}
