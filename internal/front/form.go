package front

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxParameters is how many parameters a query or a form may have. No operation has
// nearly as many, and a stranger's are taken apart before it is known who he is.
const maxParameters = 1000

// tooMany reports whether a query or a form has too many parameters.
func tooMany(text string) bool { return strings.Count(text, "&") >= maxParameters }

// ParseForm reads the parameters of a query, of a form, or of both. A name that comes
// twice might mean one thing to who signed it and another here: it is ErrSyntax, as
// what is not UTF-8 is.
func ParseForm(texts ...string) (map[string]string, error) {
	params := map[string]string{}
	for _, text := range texts {
		if tooMany(text) {
			return nil, ErrTooLarge
		}
		values, err := url.ParseQuery(text)
		if err != nil {
			return nil, ErrSyntax // err quotes the text
		}
		for name, all := range values {
			_, twice := params[name]
			if twice || len(all) > 1 || !utf8.ValidString(name) || !utf8.ValidString(all[0]) {
				return nil, ErrSyntax
			}
			params[name] = all[0]
		}
	}
	return params, nil
}
