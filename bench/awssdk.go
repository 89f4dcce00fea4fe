//go:build unix && (amd64 || arm64)

package main

import (
	"context"

	mpl "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygenerated"
	mpltypes "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygeneratedtypes"
	esdk "github.com/aws/aws-encryption-sdk/releases/go/encryption-sdk/awscryptographyencryptionsdksmithygenerated"
	esdktypes "github.com/aws/aws-encryption-sdk/releases/go/encryption-sdk/awscryptographyencryptionsdksmithygeneratedtypes"
)

// awsPrograms are the folders of hello that need the SDK.
var awsPrograms = []string{"awssdk"}

func awsSubjects() []subject {
	const module = "github.com/aws/aws-encryption-sdk/releases/go/encryption-sdk"
	sign := mpltypes.ESDKAlgorithmSuiteIdAlgAes256GcmHkdfSha512CommitKeyEcdsaP384
	plain := mpltypes.ESDKAlgorithmSuiteIdAlgAes256GcmHkdfSha512CommitKey
	has := traits{commits: true, context: "pairs", key: "names", messages: "2^32"}
	return []subject{
		{name: "AWS Encryption SDK", module: module, class: library, has: has,
			make: func() (box, error) { return newESDK(plain) },
			note: "a raw AES keyring and the suite with commitment that does not sign; " +
				"a data key of each message; the context stands in the ciphertext, in clear"},
		{name: "AWS Encryption SDK, signing", module: module, class: library, has: has,
			make: func() (box, error) { return newESDK(sign) },
			note: "the suite that it takes by itself: the same with ECDSA on P-384 for every message"},
	}
}

type esdkBox struct {
	client  *esdk.Client
	keyring mpltypes.IKeyring
	suite   mpltypes.ESDKAlgorithmSuiteId
}

func newESDK(suite mpltypes.ESDKAlgorithmSuiteId) (box, error) {
	client, err := esdk.NewClient(esdktypes.AwsEncryptionSdkConfig{})
	if err != nil {
		return nil, err
	}
	providers, err := mpl.NewClient(mpltypes.MaterialProvidersConfig{})
	if err != nil {
		return nil, err
	}
	keyring, err := providers.CreateRawAesKeyring(context.Background(), mpltypes.CreateRawAesKeyringInput{
		KeyName: "orders", KeyNamespace: "bench", WrappingKey: random(32),
		WrappingAlg: mpltypes.AesWrappingAlgAlgAes256GcmIv12Tag16,
	})
	return &esdkBox{client, keyring, suite}, err
}

func (e *esdkBox) seal(_, plaintext []byte, b *binding) ([]byte, error) {
	out, err := e.client.Encrypt(context.Background(), esdktypes.EncryptInput{
		Plaintext: plaintext, EncryptionContext: b.pairs, Keyring: e.keyring, AlgorithmSuiteId: &e.suite,
	})
	if err != nil {
		return nil, err
	}
	return out.Ciphertext, nil
}

func (e *esdkBox) open(_, ciphertext []byte, b *binding) ([]byte, error) {
	out, err := e.client.Decrypt(context.Background(), esdktypes.DecryptInput{
		Ciphertext: ciphertext, EncryptionContext: b.pairs, Keyring: e.keyring,
	})
	if err != nil {
		return nil, err
	}
	return out.Plaintext, nil
}
