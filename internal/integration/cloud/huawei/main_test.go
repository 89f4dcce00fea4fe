// Package huawei_test has the SDK of Huawei Cloud call the front-end of its API.
package huawei_test

import (
	"testing"

	"github.com/embedkms/kms/internal/integration/target"
)

func TestMain(m *testing.M) { target.Main(m) }
