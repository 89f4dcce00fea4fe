package suite

// A boundTo is a buffer of what messages authenticate: H ‖ C ‖ N1, and the context
// of the last one, which is often that of the next. One caller at a time owns it.
type boundTo struct{ aad []byte }

const (
	roomForContext = 189  // so that aad fills a size class
	maxKeptContext = 1024 // what is longer is not kept
)

func newBoundTo() boundTo { return boundTo{make([]byte, offN2, offN2+roomForContext)} }

// with returns the first offN2 bytes of b.aad and the encoding of c, which stay so
// until the next call, or an ErrContext.
func (b *boundTo) with(c Context) ([]byte, error) {
	if c.rewrites(b.aad[offN2:], true) {
		return b.aad, nil
	}
	b.aad = b.aad[:offN2]
	aad, err := c.Append(b.aad)
	if err == nil && len(aad) <= maxKeptContext {
		b.aad = aad
	}
	return aad, err
}
