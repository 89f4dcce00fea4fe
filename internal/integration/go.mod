module github.com/embedkms/kms/internal/integration

go 1.26.0

replace (
	github.com/embedkms/kms => ../..
	github.com/embedkms/kms/gm/emmansun => ../../gm/emmansun
)

require (
	github.com/c2sp/wycheproof v0.0.0-20260105152342-fca0d3ba9f12
	github.com/embedkms/kms v0.0.0-00010101000000-000000000000
	github.com/embedkms/kms/gm/emmansun v0.0.0-00010101000000-000000000000
	github.com/go-jose/go-jose/v4 v4.1.8
)

require (
	github.com/emmansun/gmsm v0.44.0 // indirect
	github.com/tjfoc/gmsm v1.4.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
