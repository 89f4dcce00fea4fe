package main

import (
	"testing"

	"github.com/embedkms/kms/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
