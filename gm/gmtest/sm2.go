package gmtest

import (
	"errors"
	"fmt"

	"github.com/embedkms/kms/gm"
)

// The key pair of GB/T 32918.5-2017, A.2.
var (
	sm2Private = [32]byte(unhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"))
	sm2Public  = [65]byte(unhex("04" +
		"09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020" +
		"ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"))
)

// checkSM2 wants a key or a refusal. It does not test what the key does.
func checkSM2(p gm.Provider) error {
	private, err := p.SM2Private(&sm2Private)
	if err := offered(private != nil, err); err != nil {
		return fmt.Errorf("private key: %w", err)
	}
	public, err := p.SM2Public(&sm2Public)
	if err := offered(public != nil, err); err != nil {
		return fmt.Errorf("public key: %w", err)
	}
	return nil
}

// offered wants either a value or gm.ErrUnsupportedAlgorithm.
func offered(value bool, err error) error {
	switch {
	case value && err != nil:
		return fmt.Errorf("a value and an error: %w", err)
	case !value && err == nil:
		return errors.New("neither a value nor an error")
	case err != nil && !errors.Is(err, gm.ErrUnsupportedAlgorithm):
		return fmt.Errorf("got %w, want ErrUnsupportedAlgorithm", err)
	}
	return nil
}
