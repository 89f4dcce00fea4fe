package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/gm"
	provider "github.com/embedkms/kms/gm/emmansun"
	"github.com/embedkms/kms/keystore/memstore"
	emmansun "github.com/emmansun/gmsm/sm2"
	tjfoc "github.com/tjfoc/gmsm/sm2"
)

// A pairing is an algorithm bare, and the same by this library.
type pairing struct{ bare, kms subject }

// pairings are of algorithms that bind no context and name no key.
func pairings() []pairing {
	none := traits{messages: "any"}
	pair := func(name, module string, bare, made func() (box, error)) pairing {
		return pairing{
			bare: subject{name: name, module: module, class: primitive, has: none, make: bare},
			kms:  subject{name: "kms, " + name, class: ours, has: none, make: made},
		}
	}
	sm2 := func(p gm.Provider) func() (box, error) {
		return func() (box, error) { return newPairBox(kms.KeySpecSM2, kms.AlgorithmSM2Encrypt, p) }
	}
	return []pairing{
		pair("RSA-OAEP, 2048 bits", "", newRSA, func() (box, error) {
			return newPairBox(kms.KeySpecRSA2048, kms.AlgorithmRSAESOAEPSHA256, nil)
		}),
		pair("SM2 of emmansun", "github.com/emmansun/gmsm", newEmmansunSM2, sm2(provider.Provider())),
		pair("SM2 of tjfoc", "github.com/tjfoc/gmsm", newTjfocSM2, sm2(gm.Default())),
	}
}

// pairTasks are the tasks of asymmetric encryption, of a data key of 32 bytes, on
// one core: each by the library beside its algorithm bare.
func pairTasks() ([]task, error) {
	works := []work{
		sealing(encryptName(dataKeySize), dataKeySize, unbound),
		opening(decryptName(dataKeySize), dataKeySize, unbound),
	}
	var tasks []task
	for _, p := range pairings() {
		some, err := tasksOf([]subject{p.bare, p.kms}, works, p.bare.name)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, onOneCore(some)...)
	}
	return tasks, nil
}

type rsaBox struct{ *rsa.PrivateKey }

func newRSA() (box, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	return rsaBox{key}, err
}

func (r rsaBox) seal(_, plaintext []byte, _ *binding) ([]byte, error) {
	return rsa.EncryptOAEP(sha256.New(), rand.Reader, &r.PublicKey, plaintext, nil)
}

func (r rsaBox) open(_, ciphertext []byte, _ *binding) ([]byte, error) {
	return r.Decrypt(nil, ciphertext, &rsa.OAEPOptions{Hash: crypto.SHA256})
}

type emmansunSM2 struct{ *emmansun.PrivateKey }

func newEmmansunSM2() (box, error) {
	key, err := emmansun.GenerateKey(rand.Reader)
	return emmansunSM2{key}, err
}

func (e emmansunSM2) seal(_, plaintext []byte, _ *binding) ([]byte, error) {
	return emmansun.EncryptASN1(rand.Reader, &e.PublicKey, plaintext)
}

func (e emmansunSM2) open(_, ciphertext []byte, _ *binding) ([]byte, error) {
	return e.Decrypt(nil, ciphertext, nil)
}

type tjfocSM2 struct{ *tjfoc.PrivateKey }

func newTjfocSM2() (box, error) {
	key, err := tjfoc.GenerateKey(rand.Reader)
	return tjfocSM2{key}, err
}

func (t tjfocSM2) seal(_, plaintext []byte, _ *binding) ([]byte, error) {
	return tjfoc.EncryptAsn1(&t.PublicKey, plaintext, rand.Reader)
}

func (t tjfocSM2) open(_, ciphertext []byte, _ *binding) ([]byte, error) {
	return tjfoc.DecryptAsn1(t.PrivateKey, ciphertext)
}

// A pairBox is an RSA or SM2 key of a KMS.
type pairBox struct {
	k   *kms.KMS
	key string
	alg kms.Algorithm
}

func newPairBox(spec kms.KeySpec, alg kms.Algorithm, p gm.Provider) (box, error) {
	k, err := openStore(memstore.New(), &kms.Options{GM: p})
	if err != nil {
		return nil, err
	}
	key, err := k.CreateKey(context.Background(), &kms.CreateKeyOptions{
		Spec: spec, Usage: kms.KeyUsageEncryptDecrypt,
	})
	if err != nil {
		return nil, err
	}
	return &pairBox{k, key.ID, alg}, nil
}

func (p *pairBox) seal(_, plaintext []byte, _ *binding) ([]byte, error) {
	out, err := p.k.EncryptAsymmetric(context.Background(), p.key, p.alg, plaintext)
	if err != nil {
		return nil, err
	}
	return out.Ciphertext, nil
}

func (p *pairBox) open(_, ciphertext []byte, _ *binding) ([]byte, error) {
	return p.k.DecryptAsymmetric(context.Background(), p.key, 0, p.alg, ciphertext)
}
