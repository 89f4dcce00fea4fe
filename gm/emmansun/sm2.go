package emmansun

import (
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"math/big"

	"github.com/emmansun/gmsm/sm2"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/embedkms/kms/gm"
)

// sm2Overhead is the length of what stands before C2: 04 ‖ x ‖ y ‖ C3.
const sm2Overhead = 65 + 32

var (
	errSM2Form      = errors.New("SM2: not in the form 04 ‖ x ‖ y ‖ C3 ‖ C2")
	errSM2Empty     = errors.New("SM2: nothing to encrypt")
	errSM2Signature = errors.New("SM2: the signature is not one")
)

func (provider) SM2Private(d *[32]byte) (gm.SM2Private, error) {
	if err := allowed("SM2"); err != nil {
		return nil, err
	}
	key, err := sm2.NewPrivateKey(d[:])
	if err != nil {
		return nil, err
	}
	point, err := key.ECDH()
	if err != nil {
		return nil, err
	}
	return &sm2Private{
		public: [65]byte(point.PublicKey().Bytes()),
		key:    func() *sm2.PrivateKey { return key },
	}, nil
}

func (provider) SM2Public(p *[65]byte) (gm.SM2Public, error) {
	if err := allowed("SM2"); err != nil {
		return nil, err
	}
	key, err := sm2.NewPublicKey(p[:])
	if err != nil {
		return nil, err
	}
	return &sm2Public{key}, nil
}

// An sm2Private is an SM2 private key. The key is a captured variable rather
// than a field, so that no print shows it.
type sm2Private struct {
	public [65]byte
	key    func() *sm2.PrivateKey
}

func (k *sm2Private) Public() [65]byte { return k.public }

// Decrypt refuses the compressed and ASN.1 forms, which the library takes too.
func (k *sm2Private) Decrypt(c []byte) ([]byte, error) {
	if len(c) <= sm2Overhead || c[0] != 4 {
		return nil, errSM2Form
	}
	return sm2.Decrypt(k.key(), c)
}

func (k *sm2Private) SignDigest(e *[32]byte) ([64]byte, error) {
	der, err := sm2.SignASN1(rand.Reader, k.key(), e[:], nil)
	if err != nil {
		return [64]byte{}, err
	}
	return fromDER(der)
}

// An sm2Public is an SM2 public key.
type sm2Public struct{ key *ecdsa.PublicKey }

// Encrypt refuses the empty message, of which the library returns nothing and no
// error.
func (p *sm2Public) Encrypt(m []byte) ([]byte, error) {
	if len(m) == 0 {
		return nil, errSM2Empty
	}
	form := sm2.NewPlainEncrypterOpts(sm2.MarshalUncompressed, sm2.C1C3C2)
	return sm2.Encrypt(rand.Reader, p.key, m, form)
}

func (p *sm2Public) VerifyDigest(e *[32]byte, rs *[64]byte) bool {
	der, err := toDER(rs)
	return err == nil && sm2.VerifyASN1(p.key, e[:], der)
}

// fromDER returns r ‖ s of SEQUENCE { INTEGER r, INTEGER s }.
func fromDER(der []byte) (rs [64]byte, err error) {
	var seq cryptobyte.String
	r, s := new(big.Int), new(big.Int)
	in := cryptobyte.String(der)
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1Integer(r) || !seq.ReadASN1Integer(s) ||
		r.Sign() < 0 || r.BitLen() > 256 || s.Sign() < 0 || s.BitLen() > 256 {
		return rs, errSM2Signature
	}
	r.FillBytes(rs[:32])
	s.FillBytes(rs[32:])
	return rs, nil
}

// toDER is the inverse of fromDER.
func toDER(rs *[64]byte) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(rs[:32]))
		b.AddASN1BigInt(new(big.Int).SetBytes(rs[32:]))
	})
	return b.Bytes()
}
