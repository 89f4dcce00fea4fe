//go:build unix && (amd64 || arm64)

// Command awssdk encrypts and decrypts a greeting with the AWS Encryption SDK and a
// raw AES keyring.
package main

import (
	"context"
	"log"

	mpl "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygenerated"
	mpltypes "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygeneratedtypes"
	esdk "github.com/aws/aws-encryption-sdk/releases/go/encryption-sdk/awscryptographyencryptionsdksmithygenerated"
	esdktypes "github.com/aws/aws-encryption-sdk/releases/go/encryption-sdk/awscryptographyencryptionsdksmithygeneratedtypes"
)

func main() {
	ctx, hello := context.Background(), map[string]string{"service": "hello"}
	providers := must(mpl.NewClient(mpltypes.MaterialProvidersConfig{}))
	keyring := must(providers.CreateRawAesKeyring(ctx, mpltypes.CreateRawAesKeyringInput{
		KeyName: "hello", KeyNamespace: "bench", WrappingKey: []byte("a key of thirty-two bytes, as is"),
		WrappingAlg: mpltypes.AesWrappingAlgAlgAes256GcmIv12Tag16,
	}))
	client := must(esdk.NewClient(esdktypes.AwsEncryptionSdkConfig{}))
	out := must(client.Encrypt(ctx, esdktypes.EncryptInput{
		Plaintext: []byte("hello"), EncryptionContext: hello, Keyring: keyring,
	}))
	must(client.Decrypt(ctx, esdktypes.DecryptInput{
		Ciphertext: out.Ciphertext, EncryptionContext: hello, Keyring: keyring,
	}))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
