//go:build !unix

package fleet_test

import "time"

// now is a clock that all processes of the machine share.
func now() time.Duration { return time.Duration(time.Now().UnixNano()) }
