package front

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/embedkms/kms"
)

// A Fault is an error in a vendor's words.
type Fault struct {
	Status  int    // of HTTP
	Code    string // that the vendor's clients know
	Message string // for people: says nothing of what was sent, nor of the inside
}

func (f *Fault) Error() string { return f.Code + ": " + f.Message }

// A Translation says which Fault an error is.
type Translation struct {
	Of   error // as by Is
	Into *Fault
}

// Translate returns the fault that err is or wraps, or that the first translation
// for it has, or other.
func Translate(err error, translations []Translation, other *Fault) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	for _, t := range translations {
		if Is(err, t.Of) {
			return t.Into
		}
	}
	return other
}

// Is is errors.Is, but for an error of the Authorizer's, which may wrap any other: it is
// kms.ErrAccessDenied and nothing else.
func Is(err, target error) bool {
	return errors.Is(err, target) &&
		(target == kms.ErrAccessDenied || !errors.Is(err, kms.ErrAccessDenied))
}

// Respond writes an answer of a content type, and clears the text.
func Respond(w http.ResponseWriter, status int, contentType string, text []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(text) // whether the client is still there makes no difference
	clear(text)
}

// RespondJSON writes an answer as JSON.
func RespondJSON(w http.ResponseWriter, status int, contentType string, answer any) {
	text, err := encode(answer)
	if err != nil {
		panic(err) // answers are structs of texts and numbers
	}
	Respond(w, status, contentType, text)
}
