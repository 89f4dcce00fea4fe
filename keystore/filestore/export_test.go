package filestore

// For the tests: Open on other files than the system's, and the format.
var (
	OpenFS = open
	Encode = encode
)

const (
	HeaderSize = headerSize
	LockName   = lockName
	FormatName = formatName
	MarkAt     = markAt
	VersionAt  = len(magic)
)
