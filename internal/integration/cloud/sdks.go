//go:build sdks

package cloud

import (
	_ "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	_ "github.com/alibabacloud-go/kms-20160120/v3/client"
	_ "github.com/alibabacloud-go/tea/tea"
	_ "github.com/aliyun/alibaba-cloud-sdk-go/services/kms"
	_ "github.com/aws/aws-sdk-go-v2/config"
	_ "github.com/aws/aws-sdk-go-v2/credentials"
	_ "github.com/aws/aws-sdk-go-v2/service/kms"
	_ "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2"
	_ "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	_ "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/kms/v20190118"
)
