package gmtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"github.com/embedkms/kms/gm"
	"github.com/embedkms/kms/internal/sm2"
)

// GB/T 32918.5-2017, A.2: e = SM3(ZA ‖ M), and r ‖ s over it.
var (
	sm2Digest    = [32]byte(unhex("f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"))
	sm2Signature = [64]byte(unhex("f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3" +
		"b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"))
)

// Signatures of the standard's key that meet the corners of verification, where
// [s]G and [t]P are added and t = r + s. They are computed from the key and the
// standard's k, and OpenSSL verifies them.
var sm2EdgeSignatures = []struct{ name, e, r, s string }{
	{"t = 1",
		"db31b5f5178da6fec6caa2295e9b7311c9fc81fbff439967d9feaf1d6ef6b048",
		"e01db266a61abe9728ced44fed1371c80b5ab0da0d4ad5772962bdea9d0b4abb",
		"1fe24d9859e54168d7312bb012ec8e3766a92e91147b2fb42a59361e9cc9f669"},
	{"t = n-1",
		"68a774d6214b1d9c485cdb13d0f433e6b8d55b29ae822f335407ab3ed30724d6",
		"6d937147afd83534aa610d3a5f6c329cfa338a07bc896b42a36bba0c011bbf49",
		"926c8eb75027cacb559ef2c5a093cd6277d05563653c99e8b05039fd38b981d9"},
	{"t = n-2",
		"2f625446a629d8eb0925f7890a2094513041c7c086217a19110c294f850f5f1d",
		"344e50b834b6f0836b2a29af98989307719ff69e9428b6286070381cb323f990",
		"cbb1af46cb490f7c94d5d65067676cf80063e8cc8d9d4f02f34bbbec86b14791"},
	{"t = n-6",
		"4a4dd207b9a4c6260c4a695deed215fa7ff759870664aadb58da159b8705895c",
		"4f39ce794831ddbe6e4e9b847d4a14b0c1558865146be6eaa83e2468b51a23cf",
		"b0c63185b7ce224191b1647b82b5eb4eb0ae57060d5a1e40ab7dcfa084bb1d4e"},
	{"t = n-10",
		"65394fc8cd1fb3610f6edb32d38397a3cfaceb4d86a7db9da0a801e788fbb39b",
		"6a254c3a5baccaf971730d5961fb965a110b1a2b94af17acf00c10b4b7104e0e",
		"95dab3c4a45335068e8cf2a69e0469a560f8c53f8d16ed7e63afe35482c4f30b"},
	{"t = n-14",
		"8024cd89e09aa09c12934d07b835194d1f627d1406eb0c5fe875ee338af1ddda",
		"8510c9fb6f27b83474977f2e46ad180360c0abf214f2486f37d9fd00b906784d",
		"7aef360390d847cb8b6880d1b952e7fc114333790cd3bcbc1be1f70880cec8c8"},
	{"[s]G = [t]P",
		"da3baaf6b413b47bfc2e133b30fd461c52f27e1edf8a8e13644a906e9adf667c",
		"54309e508e9c31ec425b555fab85213ed849252fa8a3e5dc8ac96e3b4fedeffe",
		"abcf61ae7163ce13bda4aaa0547adec099baba3b79221f4ec8f285cde9e75128"},
	{"e = 0",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73",
		"740f494c6b9dcca0758fd4cf0eaa8ba8cd76e9b7e4fd916f7c484168f6a4b38f"},
	{"e = n",
		"fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123",
		"04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73",
		"740f494c6b9dcca0758fd4cf0eaa8ba8cd76e9b7e4fd916f7c484168f6a4b38f"},
	{"e = 2²⁵⁶-1",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"04ebfc728e8d1798620432268e77feb6cf5a4f72ec4136e3fba81ac3f43f594f",
		"c826838a136762b36bd988efc2c65e76ebe3774cd3e8081fe1aa0a761430ab2c"},
	{"r begins with 00",
		"f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640",
		"00cdc3bb4a79204634f820fcad2b75b0277d52a3983c257550c6cf4f62b6596d",
		"dc45f44022fb349d7760baaef099db4af07fa201e25256088acce5c62897902a"},
	{"s begins with 00",
		"f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640",
		"4ac75620d499ea4a4ccbdf7fb2d64b3f847b23f8cf8dcf9450cf91f907d76a4b",
		"00a1a4dfef26baa812274645e6151067aabe161709865734f41831765c3ab43f"},
}

// What a verification without its checks would accept: a sum at infinity, of
// which x is taken for 0, and t = 0, with which anybody signs for any key.
var sm2Forgeries = []struct{ name, e, r, s string }{
	{"[s]G = -[t]P",
		"abcf61ae7163ce13bda4aaa0547adec099baba3b79221f4ec8f285cde9e7512b",
		"abcf61ae7163ce13bda4aaa0547adec099baba3b79221f4ec8f285cde9e7512b",
		"54309e508e9c31ec425b555fab85213ed849252fa8a3e5dc8ac96e3b4fedeffb"},
	{"t = 0",
		"cd3b51d2e0e67ee6a066fbb995c6366ae220d3ab2f5ff949e261ae800688cc5d",
		"0000000000000000000000000000000000000000000000000000000000000001",
		"fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54122"},
}

func checkSM2EdgeSignatures(p gm.Provider) error {
	k, err := newSM2(p)
	if err != nil {
		return err
	}
	for _, v := range sm2EdgeSignatures {
		e, rs := [32]byte(unhex(v.e)), [64]byte(unhex(v.r+v.s))
		if !k.VerifyDigest(&e, &rs) {
			return fmt.Errorf("%s: the signature does not verify", v.name)
		}
	}
	for _, v := range sm2Forgeries {
		e, rs := [32]byte(unhex(v.e)), [64]byte(unhex(v.r+v.s))
		if k.VerifyDigest(&e, &rs) {
			return fmt.Errorf("%s: a forgery verifies", v.name)
		}
	}
	return nil
}

// Digests at both ends of what 32 bytes hold, and around n, modulo which they
// are signed.
var sm2CornerDigests = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000001",
	"fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54122",
	"fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123",
	"fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54124",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
}

func checkSM2CornerDigests(p gm.Provider) error {
	k, err := newSM2(p)
	if err != nil {
		return err
	}
	for _, hex := range sm2CornerDigests {
		e := [32]byte(unhex(hex))
		rs, err := k.SignDigest(&e)
		if err != nil {
			return fmt.Errorf("%s: %w", hex, err)
		}
		if _, err := sm2Nonce([32]byte(unhex(hex)), rs); err != nil {
			return err
		}
		if !k.VerifyDigest(&e, &rs) {
			return fmt.Errorf("signature %x of %s does not verify", rs, hex)
		}
	}
	return nil
}

// checkSM2ShortSignatures signs until r and s have each begun with a zero byte. A
// number that is not padded is likely to end in one instead, so of all signatures
// those with a zero at either end of a number are checked.
func checkSM2ShortSignatures(p gm.Provider) error {
	const tries = 8192 // a sound provider needs them all once in 10¹³ runs
	k, err := newSM2(p)
	if err != nil {
		return err
	}
	shortR, shortS := false, false
	for i := 0; i < tries && !(shortR && shortS); i++ {
		e := sm2Digest
		binary.BigEndian.PutUint16(e[:], uint16(i))
		rs, err := k.SignDigest(&e)
		if err != nil {
			return err
		}
		if rs[0] != 0 && rs[31] != 0 && rs[32] != 0 && rs[63] != 0 {
			continue
		}
		if _, err := sm2Nonce(e, rs); err != nil {
			return err
		}
		shortR, shortS = shortR || rs[0] == 0, shortS || rs[32] == 0
	}
	if !shortR || !shortS {
		return fmt.Errorf("of %d signatures, an r began with 00: %v; an s: %v", tries, shortR, shortS)
	}
	return nil
}

func checkSM2Signatures(p gm.Provider) error {
	k, err := newSM2(p)
	if err != nil {
		return err
	}
	for i := range 40 {
		e := [32]byte(pattern(32 + i)[i:])
		if err := k.signs(e); err != nil {
			return err
		}
	}
	e := sm2Digest
	rs, err := k.SignDigest(&e)
	if err != nil {
		return err
	}
	if e != sm2Digest {
		return fmt.Errorf("the digest is %x after it was signed", e)
	}
	return errors.Join(refusesAltered(k, e, rs), refusesOthers(p, e, rs))
}

// refusesAltered wants no signature to verify of which a bit is changed, nor one
// of the digest.
func refusesAltered(k sm2Pair, e [32]byte, rs [64]byte) error {
	if !k.VerifyDigest(&e, &rs) {
		return errors.New("a signature does not verify")
	}
	for _, b := range someFlips(rs[:]) {
		if altered := [64]byte(b); canonical(altered) && k.VerifyDigest(&e, &altered) {
			return fmt.Errorf("%x verifies in place of %x", altered, rs)
		}
	}
	for _, b := range flips(e[:]) {
		if altered := [32]byte(b); k.VerifyDigest(&altered, &rs) {
			return fmt.Errorf("a signature of %x verifies for %x", e, altered)
		}
	}
	if !k.VerifyDigest(&e, &rs) {
		return errors.New("a signature does not verify after others were refused")
	}
	return nil
}

// canonical reports whether callers would ask a provider about rs.
func canonical(rs [64]byte) bool {
	r, s, n := new(big.Int).SetBytes(rs[:32]), new(big.Int).SetBytes(rs[32:]), sm2.Curve().Params().N
	return r.Sign() > 0 && r.Cmp(n) < 0 && s.Sign() > 0 && s.Cmp(n) < 0
}

// refusesOthers wants the signature to verify with no other key.
func refusesOthers(p gm.Provider, e [32]byte, rs [64]byte) error {
	for _, edge := range sm2EdgeKeys {
		q := [65]byte(unhex(edge.public))
		public, err := p.SM2Public(&q)
		if err != nil {
			return err
		}
		if public.VerifyDigest(&e, &rs) {
			return fmt.Errorf("the signature verifies with the key of %s", edge.name)
		}
	}
	return nil
}
