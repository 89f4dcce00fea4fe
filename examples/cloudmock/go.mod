module github.com/embedkms/kms/examples/cloudmock

go 1.26.0

replace github.com/embedkms/kms => ../..

require (
	github.com/embedkms/kms v0.0.0-00010101000000-000000000000
	github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common v1.3.103
	github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/kms v1.0.1000
)

require (
	github.com/tjfoc/gmsm v1.4.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
