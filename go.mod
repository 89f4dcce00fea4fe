module github.com/embedkms/kms

go 1.26.0

require (
	github.com/tjfoc/gmsm v1.4.1
	golang.org/x/crypto v0.58.0
	golang.org/x/sys v0.49.0
)
