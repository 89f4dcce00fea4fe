package kms_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log"
	"math/big"
	"time"

	"github.com/embedkms/kms"
)

// createExample creates a key with an alias.
func createExample(k *kms.KMS, alias string, spec kms.KeySpec, usage kms.KeyUsage) {
	_, err := k.CreateKey(context.Background(), &kms.CreateKeyOptions{Alias: alias, Spec: spec, Usage: usage})
	if err != nil {
		log.Fatal(err)
	}
}

// An invoice is signed here. Whoever has the public key verifies it, and needs no
// KMS for that.
func ExampleKMS_Sign() {
	k, ctx := openExample(), context.Background()
	defer k.Close()
	createExample(k, "alias/invoices", kms.KeySpecECP256, kms.KeyUsageSignVerify)

	invoice := []byte("invoice 1001: 12.50")
	s, err := k.Sign(ctx, "alias/invoices", kms.AlgorithmECDSASHA256, invoice, kms.MessageTypeRaw)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Algorithm, "with version", s.KeyVersion)

	// Keep the version with the signature: a rotation makes another the primary one.
	verify := func(message []byte) error {
		return k.Verify(ctx, s.KeyID, s.KeyVersion, s.Algorithm, message, kms.MessageTypeRaw, s.Signature)
	}
	fmt.Println("verified:", verify(invoice) == nil)
	fmt.Println("altered:", errors.Is(verify([]byte("invoice 1001: 1250")), kms.ErrInvalidSignature))
	// Output:
	// ECDSA_SHA_256 with version 1
	// verified: true
	// altered: true
}

// What anybody may encrypt, with the public key alone, and only the KMS decrypts.
// SM2 keys do the same, with AlgorithmSM2Encrypt.
func ExampleKMS_EncryptAsymmetric() {
	k, ctx := openExample(), context.Background()
	defer k.Close()
	createExample(k, "alias/inbox", kms.KeySpecRSA2048, kms.KeyUsageEncryptDecrypt)

	c, err := k.EncryptAsymmetric(ctx, "alias/inbox", kms.AlgorithmRSAESOAEPSHA256, []byte("hello"))
	if err != nil {
		log.Fatal(err)
	}
	// The ciphertext does not name its key: keep key and version with it.
	plaintext, err := k.DecryptAsymmetric(ctx, c.KeyID, c.KeyVersion, c.Algorithm, c.Ciphertext)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d bytes: %s\n", len(c.Ciphertext), plaintext)
	// Output: 256 bytes: hello
}

// A certificate authority whose private key stays in the KMS. For a server with
// such a certificate, see examples/selfsigned.
func ExampleKMS_Signer() {
	k, ctx := openExample(), context.Background()
	defer k.Close()
	createExample(k, "alias/ca", kms.KeySpecECP384, kms.KeyUsageSignVerify)

	signer, err := k.Signer(ctx, "alias/ca")
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Orders CA"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		log.Fatal(err)
	}

	cert, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cert.Subject, cert.SignatureAlgorithm, cert.CheckSignatureFrom(cert))
	// Output: CN=Orders CA ECDSA-SHA384 <nil>
}

// A token that comes back from a browser is one that was given to it.
func ExampleKMS_GenerateMAC() {
	k, ctx := openExample(), context.Background()
	defer k.Close()
	createExample(k, "alias/sessions", kms.KeySpecHMACSHA256, "")

	token := []byte("session of user 17")
	m, err := k.GenerateMAC(ctx, "alias/sessions", token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Algorithm, len(m.MAC), "bytes")
	fmt.Println(k.VerifyMAC(ctx, m.KeyID, m.KeyVersion, token, m.MAC) == nil)
	fmt.Println(k.VerifyMAC(ctx, "alias/sessions", m.KeyVersion, []byte("session of user 1"), m.MAC))
	// Output:
	// HMAC_SHA_256 32 bytes
	// true
	// kms: VerifyMAC alias/sessions: signature or MAC is invalid
}

// Each device gets a private key of its own. The KMS keeps none of them: it
// decrypts again what it has given out encrypted.
func ExampleKMS_GenerateDataKeyPair() {
	k, ctx := openExample(), context.Background()
	defer k.Close()
	device := kms.EncryptionContext{"device": "17"}

	pair, err := k.GenerateDataKeyPair(ctx, "alias/orders", kms.KeySpecECP256, device)
	if err != nil {
		log.Fatal(err)
	}
	private, err := x509.ParsePKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		log.Fatal(err)
	}
	digest := sha256.Sum256([]byte("hello"))
	signature, err := private.(*ecdsa.PrivateKey).Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		log.Fatal(err)
	}
	pair.Destroy() // and keep PublicKey and PrivateKeyCiphertext

	public, err := x509.ParsePKIXPublicKey(pair.PublicKey)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), digest[:], signature))
	again, err := k.DecryptDataKeyPair(ctx, pair.PrivateKeyCiphertext, device)
	if err != nil {
		log.Fatal(err)
	}
	defer again.Destroy()
	fmt.Println(again.Spec, bytes.Equal(again.PublicKey, pair.PublicKey))
	// Output:
	// true
	// EC_P256 true
}
