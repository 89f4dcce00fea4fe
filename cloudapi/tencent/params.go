package tencent

import (
	"github.com/embedkms/kms"
	"github.com/embedkms/kms/internal/front"
)

const maxContext = 1024 // characters of JSON (API page "Encrypt")

var (
	isKeyID = front.Pattern(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

	// None is the rule of what must be left out or empty.
	none = front.Size(0, 0)
)

// key reads the ID of a key, and returns the ID here. The API takes no aliases.
func (s *service) key(p *front.Params, name string) string {
	return s.keys.Here(p.Text(name, s.isKey))
}

// isKey is the rule of key IDs.
func (s *service) isKey(id string) bool { return isKeyID(s.keys.Here(id)) }

// encryptionContext reads a context: text, which is none if it is empty, as API page
// "ReEncrypt" says of its own.
func encryptionContext(p *front.Params, name string) kms.AAD {
	if p.OptText(name, "", front.Any) == "" {
		return nil
	}
	return p.Context(name, maxContext)
}
