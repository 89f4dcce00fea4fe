package kms_test

import (
	"testing"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/keypair"
)

// Every cell of the table for keys that are pairs or for MACs.
func TestStatesOfPairs(t *testing.T) {
	for _, of := range pairKinds() {
		t.Run(string(of.spec), func(t *testing.T) {
			testStates(t, of, kms.OriginKMS, ownRows, copyOf)
			testStates(t, of, kms.OriginExternal, externalRows, copyOf)
		})
	}
}

// pairKinds are the keys that are pairs or for MACs: what they do has rows of its
// own, all else is the same for every spec.
func pairKinds() []kind {
	return []kind{
		{kms.KeySpecSM2, kms.KeyUsageEncryptDecrypt, materialsOf(keypair.SM2), func(t *testing.T, s *subject) {
			out, err := s.EncryptAsymmetric(s.ctx, s.key, kms.AlgorithmSM2Encrypt, password)
			must(t, err)
			s.ct = out.Ciphertext
		}, encryptingRows},
		{kms.KeySpecECP256, kms.KeyUsageSignVerify, materialsOf(keypair.ECP256), func(t *testing.T, s *subject) {
			out, err := s.Sign(s.ctx, s.key, kms.AlgorithmECDSASHA256, password, kms.MessageTypeRaw)
			must(t, err)
			s.ct = out.Signature
		}, signingRows},
		{kms.KeySpecHMACSM3, kms.KeyUsageGenerateVerifyMAC, [3][]byte{material1, material2, material3}, func(t *testing.T, s *subject) {
			out, err := s.GenerateMAC(s.ctx, s.key, password)
			must(t, err)
			s.ct = out.MAC
		}, macRows},
	}
}

func materialsOf(spec string) (materials [3][]byte) {
	for i := range materials {
		pair, err := keypair.Generate(spec, gm.Default())
		if err == nil {
			materials[i], err = pair.PKCS8()
		}
		if err != nil {
			panic(err)
		}
	}
	return materials
}

var (
	encryptingRows = []row{
		{"EncryptAsymmetric", func(s *subject) error {
			_, err := s.EncryptAsymmetric(s.ctx, s.alias, kms.AlgorithmSM2Encrypt, password)
			return err
		}, whenEnabled, ""},
		{"DecryptAsymmetric", func(s *subject) error {
			_, err := s.DecryptAsymmetric(s.ctx, s.key, 0, kms.AlgorithmSM2Encrypt, s.ct)
			return err
		}, whenReadable, ""},
		{"Decrypter", func(s *subject) error { _, err := s.Decrypter(s.ctx, s.key); return err }, whenReadable, ""},
		{"PublicKey", func(s *subject) error { _, err := s.PublicKey(s.ctx, s.key, 1); return err }, whenReadable, ""},
	}
	signingRows = []row{
		{"Sign", func(s *subject) error {
			_, err := s.Sign(s.ctx, s.key, kms.AlgorithmECDSASHA256, password, kms.MessageTypeRaw)
			return err
		}, whenEnabled, ""},
		{"Signer", func(s *subject) error { _, err := s.Signer(s.ctx, s.alias); return err }, whenEnabled, ""},
		{"Verify", func(s *subject) error {
			return s.Verify(s.ctx, s.key, 2, kms.AlgorithmECDSASHA256, password, kms.MessageTypeRaw, s.ct)
		}, whenReadable, ""},
	}
	macRows = []row{
		{"GenerateMAC", func(s *subject) error { _, err := s.GenerateMAC(s.ctx, s.key, password); return err }, whenEnabled, ""},
		{"VerifyMAC", func(s *subject) error { return s.VerifyMAC(s.ctx, s.key, 0, password, s.ct) }, whenReadable, ""},
	}
)
