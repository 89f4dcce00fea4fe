package sqlstore

// BoundsOf returns the range that List reads, for the tests.
func BoundsOf(prefix, after string) (from, to string, ok bool) {
	b, ok := boundsOf(prefix, after)
	return b.from, b.to, ok
}
