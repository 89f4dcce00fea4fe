package filestore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strings"

	"github.com/embedkms/kms/keystore"
)

// A record file, all numbers big endian:
//
//	0   7  "kmsfile"
//	7   1  format version, 1
//	8   8  revision
//	16  4  CRC-32C of revision, data and record key
//	20     data
//
// The checksum finds accidents: a torn or flipped sector, a file copied to
// another record's name. Data is sealed by the library against everything else.
const (
	magic      = "kmsfile"
	version    = 1
	revAt      = len(magic) + 1
	sumAt      = revAt + 8
	headerSize = sumAt + 4
	maxFile    = headerSize + keystore.MaxData
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode returns the file for r.
func encode(r keystore.Record) []byte {
	b := make([]byte, headerSize, headerSize+len(r.Data))
	copy(b, magic)
	b[len(magic)] = version
	binary.BigEndian.PutUint64(b[revAt:], r.Rev)
	b = append(b, r.Data...)
	binary.BigEndian.PutUint32(b[sumAt:], checksum(b, r.Key))
	return b
}

// decode returns the record that is in the file b under key. Data is part of b.
func decode(key string, b []byte) (keystore.Record, error) {
	if len(b) < headerSize || string(b[:len(magic)]) != magic || b[len(magic)] == 0 {
		return keystore.Record{}, fmt.Errorf("%w: no record file", keystore.ErrCorrupt)
	}
	if v := b[len(magic)]; v > version {
		return keystore.Record{}, fmt.Errorf("%w: file version %d, written by a newer "+
			"version of this module: upgrade to read it", keystore.ErrTooNew, v)
	}
	if len(b) == headerSize || len(b) > maxFile {
		return keystore.Record{}, fmt.Errorf("%w: file of %d bytes", keystore.ErrCorrupt, len(b))
	}
	if binary.BigEndian.Uint32(b[sumAt:]) != checksum(b, key) {
		return keystore.Record{}, fmt.Errorf("%w: wrong checksum", keystore.ErrCorrupt)
	}
	rev := binary.BigEndian.Uint64(b[revAt:])
	if rev == 0 {
		return keystore.Record{}, fmt.Errorf("%w: revision 0", keystore.ErrCorrupt)
	}
	return keystore.Record{Key: key, Rev: rev, Data: b[headerSize:]}, nil
}

func checksum(b []byte, key string) uint32 {
	sum := crc32.Update(0, castagnoli, b[revAt:sumAt])
	sum = crc32.Update(sum, castagnoli, b[headerSize:])
	return crc32.Update(sum, castagnoli, []byte(key))
}

// suffix marks the files of one-segment keys, apart from folders.
const suffix = ".rec"

// path returns where the record under key lives. Dots are not in the grammar of
// keys, so no two keys meet, nor a file and a folder.
func (s *Store) path(key string) (folder, file string) {
	first, rest, ok := strings.Cut(key, "/")
	if !ok {
		return s.dir, filepath.Join(s.dir, key+suffix)
	}
	folder = filepath.Join(s.dir, first)
	return folder, filepath.Join(folder, strings.ReplaceAll(rest, "/", "."))
}

// A start is where the keys of an entry of the directory begin in key order:
// "x" for the record of that key, "x/" for the folder with all keys that begin
// so, which no other key comes between.
type start string

// startOf returns the start of an entry, and false if it is not ours.
func startOf(name string, isDir bool) (start, bool) {
	key, isRecord := strings.CutSuffix(name, suffix)
	if keystore.CheckKey(key) != nil || isRecord == isDir {
		return "", false
	}
	if isDir {
		return start(key + "/"), true
	}
	return start(key), true
}

// folder returns the folder's name, and false for a record.
func (b start) folder() (string, bool) { return strings.CutSuffix(string(b), "/") }

// key returns the key of a file in the folder.
func (b start) key(file string) string { return string(b) + strings.ReplaceAll(file, ".", "/") }

// overlaps reports whether keys that begin with b may begin with prefix and be
// greater than after.
func (b start) overlaps(prefix, after string) bool {
	k := string(b)
	return (strings.HasPrefix(k, prefix) || strings.HasPrefix(prefix, k)) &&
		(after < k || strings.HasPrefix(after, k))
}
