// Package algorithm holds the one error that packages kms, gm and rootkey share,
// so that it is the same to errors.Is whichever of them it came from.
package algorithm

import "errors"

// ErrUnsupported says that an algorithm does not exist here, or must not run in
// FIPS 140-3 mode.
var ErrUnsupported = errors.New("algorithm is not supported")
