package keystoretest

import (
	"math"
	"strings"

	"github.com/embedkms/kms/keystore"
)

func getAbsent(r *rig) {
	s := r.open()
	r.absent(s, "key/a")
	r.put(s, "key/a", 1, "v")
	for _, key := range []string{"key", "key/b", "key/a/b", "key/a-", "a"} {
		r.absent(s, key)
	}
}

func create(r *rig) {
	s := r.open()
	for _, key := range []string{"a", "key/a", "key/a/b", "0", "key-_0/x_-"} {
		r.put(s, key, 1, "v of "+key)
	}
	for _, key := range []string{"a", "key/a", "key/a/b", "0", "key-_0/x_-"} {
		r.stored(s, key, 1, "v of "+key)
	}
}

func createExisting(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "old")
	r.wantErr(s.Put(r.ctx, record("key/a", 1, "new")), keystore.ErrConflict, "second create")
	r.stored(s, "key/a", 1, "old")
	r.put(s, "key/a", 2, "replaced")
	r.wantErr(s.Put(r.ctx, record("key/a", 1, "new")), keystore.ErrConflict, "create at revision 2")
	r.stored(s, "key/a", 2, "replaced")
}

func replace(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v1")
	r.put(s, "key/b", 1, "other")
	r.put(s, "key/a", 2, "v2")
	r.stored(s, "key/a", 2, "v2")
	r.put(s, "key/a", 3, "v2") // the same data is a change too
	r.stored(s, "key/a", 3, "v2")
	r.stored(s, "key/b", 1, "other")
}

func replaceAbsent(r *rig) {
	s := r.open()
	r.wantErr(s.Put(r.ctx, record("key/a", 2, "v")), keystore.ErrConflict, "Put at revision 2")
	r.absent(s, "key/a")
}

func replaceStale(r *rig) {
	s := r.open()
	for rev := range uint64(4) {
		r.put(s, "key/a", rev+1, "v")
	}
	for _, rev := range []uint64{2, 3, 4} {
		r.wantErr(s.Put(r.ctx, record("key/a", rev, "stale")), keystore.ErrConflict,
			"Put at revision %d over 4", rev)
	}
	r.stored(s, "key/a", 4, "v")
}

func replaceSkipping(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v")
	for _, rev := range []uint64{3, 4, math.MaxUint64} {
		r.wantErr(s.Put(r.ctx, record("key/a", rev, "skipped")), keystore.ErrConflict,
			"Put at revision %d over 1", rev)
	}
	r.stored(s, "key/a", 1, "v")
}

func revisionZero(r *rig) {
	s := r.open()
	r.wantErr(s.Put(r.ctx, record("key/a", 0, "v")), keystore.ErrInvalid, "Put at revision 0")
	r.absent(s, "key/a")
	r.put(s, "key/a", 1, "v")
	r.wantErr(s.Put(r.ctx, record("key/a", 0, "new")), keystore.ErrInvalid, "Put at revision 0")
	r.stored(s, "key/a", 1, "v")
}

// highRevisions asks for nothing but a definite refusal: a driver whose
// integers have a sign must not take 1<<63 for something else.
func highRevisions(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v")
	for _, rev := range []uint64{1<<32 + 1, 1<<32 + 2, 1 << 63, 1<<63 + 1, math.MaxUint64} {
		r.wantErr(s.Put(r.ctx, record("key/a", rev, "new")), keystore.ErrConflict, "Put at %d", rev)
		r.wantErr(s.Put(r.ctx, record("key/b", rev, "new")), keystore.ErrConflict, "Put at %d", rev)
		r.wantErr(s.Delete(r.ctx, "key/a", rev), keystore.ErrConflict, "Delete at %d", rev)
	}
	r.stored(s, "key/a", 1, "v")
	r.absent(s, "key/b")
}

func deleteRecord(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v1")
	r.put(s, "key/b", 1, "other")
	r.put(s, "key/a", 2, "v2")
	if err := s.Delete(r.ctx, "key/a", 2); err != nil {
		r.Fatalf("Delete: %v", err)
	}
	r.absent(s, "key/a")
	r.stored(s, "key/b", 1, "other")
	r.wantErr(s.Delete(r.ctx, "key/a", 2), keystore.ErrNotFound, "second Delete")
}

func deleteOther(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v1")
	r.put(s, "key/a", 2, "v2")
	for _, rev := range []uint64{0, 1, 3} {
		r.wantErr(s.Delete(r.ctx, "key/a", rev), keystore.ErrConflict, "Delete at %d over 2", rev)
	}
	r.stored(s, "key/a", 2, "v2")
}

func deleteAbsent(r *rig) {
	s := r.open()
	r.wantErr(s.Delete(r.ctx, "key/a", 1), keystore.ErrNotFound, "Delete")
	r.put(s, "key/b", 1, "v")
	r.wantErr(s.Delete(r.ctx, "key/a", 1), keystore.ErrNotFound, "Delete")
	r.stored(s, "key/b", 1, "v")
}

func recreate(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v1")
	r.put(s, "key/a", 2, "v2")
	if err := s.Delete(r.ctx, "key/a", 2); err != nil {
		r.Fatalf("Delete: %v", err)
	}
	r.wantErr(s.Put(r.ctx, record("key/a", 3, "v3")), keystore.ErrConflict, "Put at revision 3")
	r.put(s, "key/a", 1, "again")
	r.stored(s, "key/a", 1, "again")
	if page := r.scan(s, "key/", 10); len(page) != 1 {
		r.Errorf("List has %q", keysOf(page))
	}
}

func anyBytes(r *rig) {
	s := r.open()
	var all [256]byte
	for i := range all {
		all[i] = byte(i)
	}
	for i, data := range []string{
		string(all[:]), "\x00", "\x00\x00v", "v\x00", "\xff\xfe\xfd", "\xc3\x28", " v ", "\r\n",
		"'; --", `\x41`, "%s", "null",
	} {
		r.put(s, "key/a", uint64(i+1), data)
		r.stored(s, "key/a", uint64(i+1), data)
	}
}

func sizes(r *rig) {
	s := r.open()
	for i, n := range []int{1, 255, 65_535, 65_536, keystore.MaxData, 1} {
		data := strings.Repeat("0123456789abcdef-", n/17+1)[:n]
		r.put(s, "key/a", uint64(i+1), data)
		r.stored(s, "key/a", uint64(i+1), data)
	}
}

func wrongSizes(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v")
	for _, data := range [][]byte{nil, {}, make([]byte, keystore.MaxData+1)} {
		for _, rec := range []keystore.Record{
			{Key: "key/a", Rev: 2, Data: data},
			{Key: "key/b", Rev: 1, Data: data},
		} {
			r.wantErr(s.Put(r.ctx, rec), keystore.ErrInvalid, "Put of %d bytes", len(data))
		}
	}
	r.stored(s, "key/a", 1, "v")
	r.absent(s, "key/b")
}

func longestKey(r *rig) {
	s := r.open()
	long := "key/" + strings.Repeat("x", keystore.MaxKey-5)
	segments := strings.Repeat("a/", keystore.MaxKey/2-1)
	one := strings.Repeat("y", keystore.MaxKey-1)
	keys := []string{
		long + "0", long + "1", segments + "b0", segments + "b1", one + "0", one + "1",
	}
	for _, key := range keys {
		r.put(s, key, 1, "v of "+key)
	}
	for _, key := range keys {
		r.stored(s, key, 1, "v of "+key)
	}
	if n := len(r.scan(s, "", 10)); n != len(keys) {
		r.Errorf("List has %d records, want %d", n, len(keys))
	}
}

func malformedKeys(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v")
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/./b", "a.b", ".lock", ".tmp-a",
		"A", "key/A", "a b", " a", "a ", "a%", "a%2fb", "a'b", `a"b`, `a\b`, "a\x00", "a\n", "a*",
		"é", "\xff", "-a", "_a", "a/-b", "a/_b", "a:b", strings.Repeat("a", keystore.MaxKey+1),
		"key/" + strings.Repeat("a", keystore.MaxKey),
	} {
		_, err := s.Get(r.ctx, key)
		r.wantErr(err, keystore.ErrInvalid, "Get %q", key)
		r.wantErr(s.Put(r.ctx, record(key, 1, "v")), keystore.ErrInvalid, "Put %q", key)
		r.wantErr(s.Put(r.ctx, record(key, 2, "v")), keystore.ErrInvalid, "Put %q", key)
		r.wantErr(s.Delete(r.ctx, key, 1), keystore.ErrInvalid, "Delete %q", key)
	}
	if page := r.scan(s, "", 10); len(page) != 1 {
		r.Errorf("List has %q", keysOf(page))
	}
}

// distinct checks that keys are different records.
func (r *rig) distinct(keys ...string) {
	r.Helper()
	s := r.open()
	for _, key := range keys {
		if err := s.Put(r.ctx, record(key, 1, "v of "+key)); err != nil {
			r.Fatalf("Put %q beside its likes: %v", key, err)
		}
	}
	for _, key := range keys {
		r.stored(s, key, 1, "v of "+key)
	}
	if err := s.Delete(r.ctx, keys[0], 1); err != nil {
		r.Fatalf("Delete %q: %v", keys[0], err)
	}
	r.absent(s, keys[0])
	for _, key := range keys[1:] {
		r.stored(s, key, 1, "v of "+key)
	}
}

func similarKeys(r *rig) {
	r.distinct("a_b", "a-b", "axb", "a/b", "ab", "a0b", "a1b", "a/b/c", "a/b-c", "a/b_c", "a/bc",
		"a-b/c", "a_b/c", "ab/c", "a/b/rec", "ss", "s0", "so", "l1", "ll", "i1", "1i")
}

func trailingCharacters(r *rig) {
	r.distinct("a", "a-", "a--", "a_", "a__", "a0", "a00", "a/0", "a/0-", "a/0_", "a/00")
}

func reservedNames(r *rig) {
	r.distinct("con", "con/nul", "nul", "aux/com1", "prn/a", "lpt1", "select", "key/null", "desc",
		"lock", "format", "tmp", "rec", "key/rec", "rec/rec", "records", "index", "0")
}

func aliasedByPut(r *rig) {
	s := r.open()
	for i, rev := range []uint64{1, 2} { // a create and a replacement
		data := []byte{'v', byte(i)}
		if err := s.Put(r.ctx, keystore.Record{Key: "key/a", Rev: rev, Data: data}); err != nil {
			r.Fatalf("Put: %v", err)
		}
		want := string(data)
		data[0], data[1] = 'x', 'x'
		r.stored(s, "key/a", rev, want)
	}
}

func aliasedByGet(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v")
	r.put(s, "key/b", 1, "v")
	got, err := s.Get(r.ctx, "key/a")
	if err != nil {
		r.Fatalf("Get: %v", err)
	}
	clear(got.Data)
	_ = append(got.Data, "xxxx"...)
	r.stored(s, "key/a", 1, "v")
	r.stored(s, "key/b", 1, "v")
}

func aliasedByList(r *rig) {
	s := r.open()
	r.put(s, "key/a", 1, "v")
	r.put(s, "key/b", 1, "v")
	page, err := s.List(r.ctx, "", "", 10)
	if err != nil || len(page) != 2 {
		r.Fatalf("List: %d records, %v", len(page), err)
	}
	_ = append(page[0].Data, "xxxx"...) // into its neighbour's, were they one array
	r.equal(page[1], record("key/b", 1, "v"))
	clear(page[0].Data)
	r.stored(s, "key/a", 1, "v")
	r.stored(s, "key/b", 1, "v")
}
