package alibaba

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/embedkms/kms/cloudapi"
	"github.com/embedkms/kms/internal/front"
	"github.com/embedkms/kms/internal/httpsig"
)

// apiVersion: both SDKs.
const apiVersion = "2016-01-20"

// An api is what all exchanges share.
type api struct {
	keys            *front.Keys
	region, account string
}

// Receive implements front.API.
func (a *api) Receive(r *http.Request, body []byte, requestID string) front.Exchange {
	return &exchange{api: a, request: r, body: body, id: requestID}
}

// An exchange is a request and its answer.
type exchange struct {
	api     *api
	request *http.Request
	body    []byte
	id      string

	// Of the request, once Caller has read it.
	acs3    bool // signed by ACS3-HMAC-SHA256, and not by RPC
	params  map[string]string
	action  string
	version string

	// Once Do has.
	xml bool // wanted as the answer
	dry bool
}

// Caller implements front.Exchange.
func (x *exchange) Caller(ctx context.Context, gate *front.Gate) (cloudapi.Caller, error) {
	if m := x.request.Method; m != http.MethodGet && m != http.MethodPost {
		return cloudapi.Caller{}, front.ErrMethod
	}
	proof, err := x.proof()
	if err != nil {
		return cloudapi.Caller{}, err
	}
	return gate.Verify(ctx, proof)
}

// proof reads the request as far as its signature needs it.
func (x *exchange) proof() (*httpsig.Proof, error) {
	params, err := parameters(x.request, x.body)
	if err != nil {
		return nil, err
	}
	x.params = params
	if strings.HasPrefix(x.request.Header.Get("Authorization"), "ACS3-") {
		// Only these headers are signed: parameters of the same names are not asked.
		x.acs3 = true
		x.action = x.request.Header.Get("X-Acs-Action")
		x.version = x.request.Header.Get("X-Acs-Version")
		return httpsig.ACS3(x.request, x.body)
	}
	// The SDK sends the headers here as well, but leaves them unsigned.
	x.action, x.version = params["Action"], params["Version"]
	if params["Signature"] != "" && params["Timestamp"] == "" {
		return nil, faultNoTimestamp
	}
	return httpsig.AlibabaRPC(x.request, params)
}

// Do implements front.Exchange.
func (x *exchange) Do(ctx context.Context) (any, error) {
	operation, ok := operations[x.action]
	if !ok {
		return nil, front.ErrUnknownAction
	}
	if x.version != apiVersion {
		return nil, faultVersion
	}
	for name, value := range x.params {
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return nil, faultInvalid
		}
	}
	if err := x.readFormat(); err != nil {
		return nil, err
	}
	c := &call{Params: front.FlatParams(x.params), api: x.api, keys: x.api.keys, id: x.id}
	if x.dry = c.Bool("DryRun"); x.dry {
		c.keys = c.keys.With(c.keys.DryRun())
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	return operation.do(c, ctx)
}

// readFormat finds out what the answer is to be. XML is the default of RPC: API page
// "Common parameters". That of ACS3 is a guess; its SDK always says JSON.
func (x *exchange) readFormat() error {
	switch strings.ToUpper(x.params["Format"]) {
	case "XML":
		x.xml = true
	case "JSON":
	case "":
		x.xml = !x.acs3 || strings.HasPrefix(x.request.Header.Get("Accept"), "application/xml")
	default:
		return faultFormat
	}
	return nil
}

// Write implements front.Exchange. Errors are JSON in any case: alibaba-cloud-sdk-go
// v1.63.107, server_error.go, reads no code from any other.
func (x *exchange) Write(w http.ResponseWriter, answer any, err error) {
	w.Header().Set("X-Acs-Request-Id", x.id)
	switch {
	case err != nil:
		f := x.fault(err)
		front.RespondJSON(w, f.Status, "application/json", &failure{f.Status, f.Code, f.Message, x.id})
	case x.xml:
		front.Respond(w, http.StatusOK, "application/xml", encodeXML(x.action+"Response", answer))
	default:
		front.RespondJSON(w, http.StatusOK, "application/json", answer)
	}
}

// A failure is the answer with an error: API page "Sample responses".
type failure struct {
	HTTPStatus int `json:"HttpStatus"`
	Code       string
	Message    string
	RequestID  string `json:"RequestId"`
}

// encodeXML writes an answer under a root element.
func encodeXML(root string, answer any) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	err := xml.NewEncoder(&b).EncodeElement(answer, xml.StartElement{Name: xml.Name{Local: root}})
	if err != nil {
		panic(err) // answers are structs of texts and numbers
	}
	return b.Bytes()
}

// An answer is what all answers have.
type answer struct {
	RequestID string `json:"RequestId" xml:"RequestId"`
}

// A blob is bytes in base64.
type blob []byte

// MarshalText implements encoding.TextMarshaler.
func (b blob) MarshalText() ([]byte, error) { return base64.StdEncoding.AppendEncode(nil, b), nil }
