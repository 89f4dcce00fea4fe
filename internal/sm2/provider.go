package sm2

import (
	"crypto/fips140"
	"errors"
	"fmt"

	"github.com/embedkms/kms/gm"
)

// call returns what f does, and ErrProvider if f panics. No input is known to
// make a provider panic once it has passed the checks; this is the last net.
func call[T any](f func() (T, error)) (out T, err error) {
	defer func() {
		if recover() != nil {
			var none T
			out, err = none, ErrProvider
		}
	}()
	return f()
}

// refusal returns err if that says that the provider does not offer SM2, which
// tells of no secret, and otherwise ErrProvider.
func refusal(err error) error {
	if errors.Is(err, gm.ErrUnsupportedAlgorithm) {
		return err
	}
	return ErrProvider
}

// allowed returns an error in FIPS 140-3 mode: neither SM2 nor SM3 is approved,
// and the runtime would not stop code that is not its own.
func allowed() error {
	if fips140.Enforced() {
		return fmt.Errorf("SM2: %w: FIPS 140-3 mode forbids it", gm.ErrUnsupportedAlgorithm)
	}
	return nil
}
