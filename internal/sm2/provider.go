package sm2

import (
	"errors"

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
// tells of no secret, and otherwise the error in its place.
func refusal(err, otherwise error) error {
	if errors.Is(err, gm.ErrUnsupportedAlgorithm) {
		return err
	}
	return otherwise
}
