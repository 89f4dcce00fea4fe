//go:build !unix || aix

package durable

// createNoLinks is Create: here Link is the only way.
func createNoLinks(path string, data []byte) error { return Create(path, data) }
