module github.com/embedkms/kms/gm/emmansun

go 1.26.0

require (
	github.com/embedkms/kms v0.0.0-00010101000000-000000000000
	github.com/emmansun/gmsm v0.44.0
	golang.org/x/crypto v0.58.0
)

require (
	github.com/tjfoc/gmsm v1.4.1 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/embedkms/kms => ../..
