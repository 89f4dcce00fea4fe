package keystore

import (
	"context"
	"errors"
)

// ErrLeftover says of what Check has found that it is in nobody's way, such as a
// temporary file of a writer that was killed.
var ErrLeftover = errors.New("keystore: leftover")

// A Checker is a Store that can tell more about its state than its other methods
// show: settings that were changed since it was opened, for instance. The
// library asks it where an operator asks for the health of all.
type Checker interface {
	// Check returns what somebody has to do something about, nothing if all
	// is well. It changes nothing, and leaves to the other methods what they
	// report: that the store cannot be read or written, and damaged records. It
	// honours ctx as they do.
	Check(ctx context.Context) []error
}
