package alibaba_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	acs3kms "github.com/alibabacloud-go/kms-20160120/v3/client"
	"github.com/alibabacloud-go/tea/tea"
	acserrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	rpckms "github.com/aliyun/alibaba-cloud-sdk-go/services/kms"

	"github.com/embedkms/kms"
	"github.com/embedkms/kms/cloudapi/alibaba"
	"github.com/embedkms/kms/internal/integration/cloud"
)

const (
	region  = "cn-test"
	account = "1234567890123456"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func start(t testing.TB) *cloud.Server {
	t.Helper()
	return cloud.Start(t, func(k *kms.KMS, now func() time.Time) (http.Handler, error) {
		return alibaba.New(k, &alibaba.Options{Credentials: cloud.Credentials, Now: now, Region: region,
			Account: account})
	})
}

type params = map[string]string

// with returns p changed by name and value.
func with(p params, pairs ...string) params {
	p = maps.Clone(p)
	if p == nil {
		p = params{}
	}
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i]] = pairs[i+1]
	}
	return p
}

// A fault is an SDK's typed error.
type fault struct {
	code   string
	status int
	id     string // of the request
}

func (f *fault) Error() string { return fmt.Sprintf("%s (%d)", f.code, f.status) }

// A client calls an operation by an SDK. What it returns are the fields of the SDK's
// answer.
type client func(action string, p params) (map[string]any, error)

// An sdk makes clients.
type sdk struct {
	name string
	new  func(t testing.TB, s *cloud.Server, id, secret string) client
}

// sdks are all ways by which clients ask.
var sdks = []sdk{
	{"alibaba-cloud-sdk-go", func(t testing.TB, s *cloud.Server, id, secret string) client {
		return rpcClient(t, s, id, secret, requests.POST, "JSON")
	}},
	{"alibaba-cloud-sdk-go GET", func(t testing.TB, s *cloud.Server, id, secret string) client {
		return rpcClient(t, s, id, secret, requests.GET, "JSON")
	}},
	{"alibaba-cloud-sdk-go XML", func(t testing.TB, s *cloud.Server, id, secret string) client {
		return rpcClient(t, s, id, secret, requests.POST, "XML")
	}},
	{"kms-20160120", func(t testing.TB, s *cloud.Server, id, secret string) client {
		return acs3Client(t, s, id, secret, "")
	}},
	{"kms-20160120 RPC", func(t testing.TB, s *cloud.Server, id, secret string) client {
		return acs3Client(t, s, id, secret, "v2")
	}},
}

// rpcClient is alibaba-cloud-sdk-go.
func rpcClient(t testing.TB, s *cloud.Server, id, secret, method, format string) client {
	t.Helper()
	c, err := rpckms.NewClientWithAccessKey(region, id, secret)
	must(t, err)
	c.Domain = s.Addr()
	return func(action string, p params) (map[string]any, error) {
		call := reflect.ValueOf(c).MethodByName(action)
		request := reflect.New(call.Type().In(0).Elem())
		rpc := &requests.RpcRequest{}
		request.Elem().FieldByName("RpcRequest").Set(reflect.ValueOf(rpc))
		rpc.InitWithApiInfo("Kms", "2016-01-20", action, "kms", "openAPI") // as CreateXRequest do
		rpc.Method, rpc.AcceptFormat = method, format
		for name, value := range p {
			request.Elem().FieldByName(name).SetString(value) // texts and requests.Integer
		}
		out := call.Call([]reflect.Value{request})
		if err, _ := out[1].Interface().(error); err != nil {
			return nil, rpcFault(err)
		}
		return fieldsOf(t, out[0].Interface()), nil
	}
}

func rpcFault(err error) error {
	if e, ok := errors.AsType[*acserrors.ServerError](err); ok {
		return &fault{e.ErrorCode(), e.HttpStatus(), e.RequestId()}
	}
	return err
}

// acs3Client is kms-20160120; algorithm "v2" has it sign by RPC.
func acs3Client(t testing.TB, s *cloud.Server, id, secret, algorithm string) client {
	t.Helper()
	config := &openapi.Config{
		AccessKeyId: tea.String(id), AccessKeySecret: tea.String(secret), RegionId: tea.String(region),
		Endpoint: tea.String(s.Addr()), Protocol: tea.String("HTTP"),
	}
	if algorithm != "" {
		config.SignatureAlgorithm = tea.String(algorithm)
	}
	c, err := acs3kms.NewClient(config)
	must(t, err)
	return func(action string, p params) (map[string]any, error) {
		call := reflect.ValueOf(c).MethodByName(action)
		var in []reflect.Value
		if call.Type().NumIn() > 0 {
			request := reflect.New(call.Type().In(0).Elem())
			for name, value := range p {
				setField(t, request.Elem().FieldByName(name), value)
			}
			in = append(in, request)
		}
		out := call.Call(in)
		if err, _ := out[1].Interface().(error); err != nil {
			return nil, acs3Fault(err)
		}
		return fieldsOf(t, out[0].Elem().FieldByName("Body").Interface()), nil
	}
}

func acs3Fault(err error) error {
	e, ok := errors.AsType[*tea.SDKError](err)
	if !ok {
		return err
	}
	var data struct{ RequestId string }
	_ = json.Unmarshal([]byte(tea.StringValue(e.Data)), &data)
	return &fault{tea.StringValue(e.Code), tea.IntValue(e.StatusCode), data.RequestId}
}

// setField sets a field of a request of kms-20160120.
func setField(t testing.TB, field reflect.Value, value string) {
	t.Helper()
	switch field.Interface().(type) {
	case *string:
		field.Set(reflect.ValueOf(&value))
	case *bool:
		b, err := strconv.ParseBool(value)
		must(t, err)
		field.Set(reflect.ValueOf(&b))
	case *int32:
		n, err := strconv.ParseInt(value, 10, 32)
		must(t, err)
		field.Set(reflect.ValueOf(tea.Int32(int32(n))))
	case *int64:
		n, err := strconv.ParseInt(value, 10, 64)
		must(t, err)
		field.Set(reflect.ValueOf(&n))
	case map[string]any:
		var m map[string]any
		must(t, json.Unmarshal([]byte(value), &m))
		field.Set(reflect.ValueOf(m))
	default:
		t.Fatalf("a field of type %v", field.Type())
	}
}

// fieldsOf returns the fields of an SDK's answer.
func fieldsOf(t testing.TB, answer any) map[string]any {
	t.Helper()
	text, err := json.Marshal(answer)
	must(t, err)
	var fields map[string]any
	must(t, json.Unmarshal(text, &fields))
	if id, _ := fields["RequestId"].(string); len(id) != 36 {
		t.Errorf("request ID in %s", text)
	}
	return fields
}

// at returns what is at a path in an answer.
func at(fields map[string]any, path ...any) any {
	var v any = fields
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// sorted returns the names in m.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
