package record_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/internal/tlv"
	"github.com/embedkms/kms/keystore"
)

var update = flag.Bool("update", false, "write golden files that do not exist")

var (
	storeID    = [16]byte{0: 's', 15: 'd'}
	storageKey = [32]byte{0: 1, 31: 2}
	at         = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
)

func version(n byte, size int) record.Version {
	return record.Version{
		ID:        [16]byte(bytes.Repeat([]byte{n}, 16)),
		CreatedAt: at.Add(time.Duration(n) * time.Hour),
		Material:  bytes.Repeat([]byte{0xA0 + n}, size),
	}
}

// samples are records of every field.
func samples() map[string]any {
	return map[string]any{
		"key-aes": &record.Key{
			Spec: "AES_256", Usage: "ENCRYPT_DECRYPT", Origin: "KMS", Mode: record.Enabled, CreatedAt: at,
			Description: "orders ✓", Tags: map[string]string{"team": "payments", "env": ""},
			Versions: []record.Version{version(1, 32), version(2, 32), version(3, 32)},
		},
		"key-sm4-disabled": &record.Key{
			Spec: "SM4", Usage: "ENCRYPT_DECRYPT", Origin: "KMS", Mode: record.Disabled, CreatedAt: at,
			Versions: []record.Version{version(4, 16)},
		},
		"alias": &record.Alias{
			Name: "orders/db-1", KeyID: [16]byte{1, 2, 3}, ID: [16]byte{4, 5, 6}, CreatedAt: at,
		},
		"key-life": &record.Key{
			Spec: "AES_256", Usage: "ENCRYPT_DECRYPT", Origin: "EXTERNAL", Mode: record.Archived, CreatedAt: at,
			Versions: []record.Version{
				{ID: [16]byte{1}, CreatedAt: at, DestroyedAt: at.Add(time.Hour), DestructionDate: at},
				{ID: [16]byte{2}, CreatedAt: at, Fingerprint: [16]byte{3}, ValidTo: at},
				{ID: [16]byte{3}, CreatedAt: at, Fingerprint: [16]byte{4}, ValidTo: at.Add(time.Hour),
					Material: bytes.Repeat([]byte{5}, 32), DestructionDate: at.Add(2 * time.Hour)},
			},
			RotationPeriod: 90 * 24 * time.Hour, NextRotation: at.Add(time.Hour), DeletionDate: at.Add(2 * time.Hour),
			Changes: record.Changes{{1}, {2}, {3}},
		},
		"key-tombstone": tombstone(),
		"key-no-version": &record.Key{
			Spec: "SM4", Usage: "ENCRYPT_DECRYPT", Origin: "EXTERNAL", Mode: record.Enabled, CreatedAt: at,
		},
		"alias-tombstone": &record.Alias{
			Name: "orders", KeyID: [16]byte{1, 2, 3}, ID: [16]byte{4, 5, 6}, CreatedAt: at, DeletedAt: at.Add(time.Hour),
			Changes: record.Changes{{1}, {2}},
		},
		"token": &record.Token{
			KeyID: [16]byte{1}, Wrapping: "RSAES_OAEP_SHA_256", ExpiresAt: at, Secret: [32]byte{2}, PrivateKey: []byte("DER"),
		},
		"usage":  record.Usage{1: 1 << 44, 7: 3},
		"canary": record.Canary{WrittenAt: at},
	}
}

func tombstone() *record.Key {
	k := &record.Key{
		Spec: "SM4", Usage: "ENCRYPT_DECRYPT", Origin: "KMS", Mode: record.Disabled, CreatedAt: at,
		Versions: []record.Version{version(4, 16), version(5, 16)}, DeletionDate: at.Add(time.Hour),
	}
	k.Destroy(at.Add(2 * time.Hour))
	return k
}

func marshal(v any) []byte { return v.(interface{ Marshal() []byte }).Marshal() }

// parse reads a body of the kind of v.
func parse(v any, body []byte) (any, error) {
	var got any
	var err error
	switch v.(type) {
	case *record.Key:
		got, err = record.ParseKey(body)
	case *record.Alias:
		got, err = record.ParseAlias(body)
	case *record.Token:
		got, err = record.ParseToken(body)
	case record.Usage:
		got, err = record.ParseUsage(body)
	case record.Canary:
		got, err = record.ParseCanary(body)
	}
	if err != nil {
		return nil, err
	}
	return got, nil
}

func recordKey(name string) string { return "key/" + name }

const goldenRev = 7

// The golden files are what format v1 is: they open for as long as it does.
func TestGolden(t *testing.T) {
	sealer := record.NewSealer(storeID, 1, &storageKey)
	for name, want := range samples() {
		path := filepath.Join("testdata", name+".hex")
		if _, err := os.Stat(path); *update && errors.Is(err, os.ErrNotExist) {
			writeGolden(t, path, name, sealer.Seal(recordKey(name), goldenRev, marshal(want)), marshal(want))
		}
		sealed, body := readGolden(t, path)
		opened, err := sealer.Open(recordKey(name), goldenRev, sealed)
		if err != nil || !bytes.Equal(opened, body) {
			t.Fatalf("%s: opened %x, %v", name, opened, err)
		}
		got, err := parse(want, body)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
		if again := marshal(got); !bytes.Equal(again, body) {
			t.Errorf("%s: marshals to %x, want %x", name, again, body)
		}
	}
	files, err := filepath.Glob("testdata/*.hex")
	if err != nil || len(files) != len(samples()) {
		t.Errorf("%d golden files, want %d", len(files), len(samples()))
	}
}

func writeGolden(t *testing.T, path, name string, sealed, body []byte) {
	t.Helper()
	text := fmt.Sprintf("# Stored record, format v1: what is sealed, then its body.\n"+
		"# store ID %x\n# storage key %x, version 1\n# record key %s, revision %d\n\n%x\n%x\n",
		storeID, storageKey, recordKey(name), goldenRev, sealed, body)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readGolden(t testing.TB, path string) (sealed, body []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, lines, _ := strings.Cut(string(text), "\n\n")
	fields := strings.Fields(lines)
	if len(fields) != 2 {
		t.Fatalf("%s: %d lines, want 2", path, len(fields))
	}
	if sealed, err = hex.DecodeString(fields[0]); err != nil {
		t.Fatal(err)
	}
	if body, err = hex.DecodeString(fields[1]); err != nil {
		t.Fatal(err)
	}
	return sealed, body
}

// Every bit flipped, every truncation, and every near relative of what a record
// is bound to.
func TestTamper(t *testing.T) {
	sealer := record.NewSealer(storeID, 0x01020304, &storageKey)
	const key, rev = "key/a", 3
	sealed := sealer.Seal(key, rev, []byte("body"))
	reject := func(what string, s *record.Sealer, key string, rev uint64, sealed []byte, want error) {
		t.Helper()
		v, err := record.StorageVersion(sealed)
		var body []byte
		if err == nil && v != 0x01020304 {
			return // another storage key's, as far as it says
		}
		if err == nil {
			body, err = s.Open(key, rev, sealed)
		}
		if !errors.Is(err, want) || body != nil {
			t.Fatalf("%s: %x, %v, want %v", what, body, err, want)
		}
	}
	for bit := range len(sealed) * 8 {
		bad, want := bytes.Clone(sealed), record.ErrTampered
		bad[bit/8] ^= 1 << (bit % 8)
		if bit/8 < 2 {
			want = record.ErrFormatTooNew
		}
		reject(fmt.Sprint("bit ", bit), sealer, key, rev, bad, want)
	}
	for n := range sealed {
		reject(fmt.Sprint("cut to ", n), sealer, key, rev, sealed[:n], record.ErrTampered)
	}
	reject("extended", sealer, key, rev, append(bytes.Clone(sealed), 0), record.ErrTampered)
	reject("another key", sealer, "key/b", rev, sealed, record.ErrTampered)
	reject("revision below", sealer, key, rev-1, sealed, record.ErrTampered)
	reject("revision above", sealer, key, rev+1, sealed, record.ErrTampered)
	for what, s := range map[string]*record.Sealer{
		"another store":       record.NewSealer([16]byte{1}, 0x01020304, &storageKey),
		"another storage key": record.NewSealer(storeID, 0x01020304, &[32]byte{9}),
		"another version":     record.NewSealer(storeID, 0x01020305, &storageKey),
	} {
		reject(what, s, key, rev, sealed, record.ErrTampered)
	}
	if body, err := sealer.Open(key, rev, sealed); err != nil || string(body) != "body" {
		t.Errorf("%q, %v", body, err)
	}
}

// field returns a field as the specification has it, by hand.
func field(tag byte, value ...byte) []byte {
	return append([]byte{tag, 0, byte(len(value) >> 8), byte(len(value))}, value...)
}

func body(fields ...[]byte) []byte { return append([]byte{1}, bytes.Join(fields, nil)...) }

var (
	spec    = field(1, []byte("SM4")...)
	usage   = field(2, 'U')
	origin  = field(3, 'O')
	mode    = field(4, 1)
	created = field(5, 0, 0, 1, 0, 0, 0, 0, 0)
	vID     = field(1, bytes.Repeat([]byte{1}, 16)...)
	vAt     = field(2, 0, 0, 1, 0, 0, 0, 0, 0)
	vKey    = field(3, 1, 2, 3)
	period  = field(9, 0, 0, 1, 0, 0, 0, 0, 0)
	ver     = field(8, bytes.Join([][]byte{vID, vAt, vKey}, nil)...)
)

func TestStrict(t *testing.T) {
	good := body(spec, usage, origin, mode, created, ver)
	if k, err := record.ParseKey(good); err != nil || !bytes.Equal(k.Marshal(), good) {
		t.Fatalf("%+v, %v", k, err)
	}
	join := func(fields ...[]byte) []byte { return bytes.Join(fields, nil) }
	for name, bad := range map[string][]byte{
		"empty": {}, "no fields": body(), "no spec": body(usage, origin, mode, created, ver),
		"no usage": body(spec, origin, mode, created, ver), "no origin": body(spec, usage, mode, created, ver),
		"no mode": body(spec, usage, origin, created, ver), "no time": body(spec, usage, origin, mode, ver),
		"no version": body(spec, usage, origin, mode, created),
		"twice":      body(spec, spec, usage, origin, mode, created, ver),
		"mode twice": body(spec, usage, origin, mode, mode, created, ver),
		"order":      body(usage, spec, origin, mode, created, ver),
		"empty text": body(field(1), usage, origin, mode, created, ver),
		"mode 0":     body(spec, usage, origin, field(4, 0), created, ver),
		"long mode":  body(spec, usage, origin, field(4, 1, 1), created, ver),
		"short time": body(spec, usage, origin, mode, field(5, 1), ver),
		"tag order": body(spec, usage, origin, mode, created,
			field(7, 1, 'b', 'x'), field(7, 1, 'a', 'x'), ver),
		"tag twice":           body(spec, usage, origin, mode, created, field(7, 1, 'b'), field(7, 1, 'b'), ver),
		"tag no name":         body(spec, usage, origin, mode, created, field(7, 0, 'x'), ver),
		"tag short":           body(spec, usage, origin, mode, created, field(7, 9, 'x'), ver),
		"version no ID":       body(spec, usage, origin, mode, created, field(8, join(vAt, vKey)...)),
		"version no material": body(spec, usage, origin, mode, created, field(8, join(vID, vAt)...)),
		"version twice":       body(spec, usage, origin, mode, created, field(8, join(vID, vID, vAt, vKey)...)),
		"zero ID": body(spec, usage, origin, mode, created,
			field(8, join(field(1, make([]byte, 16)...), vAt, vKey)...)),
		"material twice": body(spec, usage, origin, mode, created, field(8, join(vID, vAt, vKey, vKey)...)),
		"material of a destroyed version": body(spec, usage, origin, mode, created,
			field(8, join(vID, vAt, vKey, field(7, 0, 0, 1, 0, 0, 0, 0, 0))...)),
		"period twice":    body(spec, usage, origin, mode, created, ver, period, period),
		"period negative": body(spec, usage, origin, mode, created, ver, field(9, 0x80, 0, 0, 0, 0, 0, 0, 0)),
		"half a change":   body(spec, usage, origin, mode, created, ver, field(13, 1, 2, 3)),
		"no change":       body(spec, usage, origin, mode, created, ver, field(13)),
		"257 changes":     body(spec, usage, origin, mode, created, ver, field(13, make([]byte, 257*8)...)),
		"changes twice": body(spec, usage, origin, mode, created, ver,
			field(13, make([]byte, 8)...), field(13, make([]byte, 8)...)),
		"cut": good[:len(good)-1], "extended": append(bytes.Clone(good), 9),
	} {
		if k, err := record.ParseKey(bad); !errors.Is(err, record.ErrTampered) || k != nil {
			t.Errorf("%s: %+v, %v", name, k, err)
		}
	}
	for name, newer := range map[string][]byte{
		"format":        append([]byte{2}, good[1:]...),
		"field":         body(spec, usage, origin, mode, created, ver, field(14, 1)),
		"version field": body(spec, usage, origin, mode, created, field(8, join(vID, vAt, vKey, field(8, 1))...)),
		"mode":          body(spec, usage, origin, field(4, 4), created, ver),
	} {
		if k, err := record.ParseKey(newer); !errors.Is(err, record.ErrFormatTooNew) || k != nil {
			t.Errorf("%s: %+v, %v", name, k, err)
		}
	}
}

func TestStrictTokenAndUsage(t *testing.T) {
	token := func(edit func(*record.Token)) []byte {
		v := *samples()["token"].(*record.Token)
		edit(&v)
		return v.Marshal()
	}
	good := token(func(*record.Token) {})
	for name, bad := range map[string][]byte{
		"no wrapping": token(func(v *record.Token) { v.Wrapping = "" }),
		"no expiry":   token(func(v *record.Token) { v.ExpiresAt = time.Time{} }),
		"no key":      token(func(v *record.Token) { v.PrivateKey = nil }),
		"key twice":   append(bytes.Clone(good), field(5, 1)...),
		"neither":     good[:len(good)-len(field(5, 'D', 'E', 'R'))],
	} {
		if v, err := record.ParseToken(bad); !errors.Is(err, record.ErrTampered) || v != nil {
			t.Errorf("token: %s: %+v, %v", name, v, err)
		}
	}
	one := field(1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9)
	for name, bad := range map[string][]byte{
		"short": body(field(1, 1)), "twice": body(one, one), "version 0": body(field(1, make([]byte, 12)...)),
	} {
		if v, err := record.ParseUsage(bad); !errors.Is(err, record.ErrTampered) || v != nil {
			t.Errorf("usage: %s: %+v, %v", name, v, err)
		}
	}
	if _, err := record.ParseUsage(body(one, field(2, 1))); !errors.Is(err, record.ErrFormatTooNew) {
		t.Error(err)
	}
	if _, err := record.ParseToken(append(bytes.Clone(good), field(6, 1)...)); !errors.Is(err, record.ErrFormatTooNew) {
		t.Error(err)
	}
}

func TestStrictCanary(t *testing.T) {
	one := field(1, 0, 0, 0, 0, 0, 0, 0, 9)
	for name, c := range map[string]struct {
		body []byte
		want error
	}{
		"empty": {body(), record.ErrTampered}, "short": {body(field(1, 9)), record.ErrTampered},
		"twice": {body(one, one), record.ErrTampered}, "newer": {body(one, field(2, 1)), record.ErrFormatTooNew},
	} {
		if v, err := record.ParseCanary(c.body); !errors.Is(err, c.want) || v != (record.Canary{}) {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

// A key remembers its last changes only, and a tombstone has nothing left that
// could encrypt.
func TestChangesAndDestroy(t *testing.T) {
	k := samples()["key-aes"].(*record.Key)
	for i := range 260 {
		k.Changes.Add(record.ChangeID{byte(i), byte(i >> 8)})
	}
	if len(k.Changes) != 256 || k.Changes[255] != (record.ChangeID{3, 1}) || k.Changes[0] != (record.ChangeID{4}) {
		t.Errorf("changes %v", k.Changes)
	}
	for _, v := range tombstone().Versions {
		if v.Material != nil || v.DestroyedAt.IsZero() {
			t.Errorf("%+v", v)
		}
	}
}

// A key of the most versions fits, its body is written without ever being
// moved, and clearing the body clears the material.
func TestLargest(t *testing.T) {
	key := samples()["key-aes"].(*record.Key)
	key.Description = strings.Repeat("d", 8192)
	for i := range 64 {
		key.Tags[fmt.Sprintf("%0128d", i)] = strings.Repeat("v", 256)
	}
	key.RotationPeriod, key.NextRotation, key.DeletionDate = time.Hour, at, at
	for range 300 {
		key.Changes.Add(record.ChangeID{1})
	}
	for len(key.Versions) < 4096 {
		v := version(5, 32)
		v.Fingerprint, v.ValidTo, v.DestructionDate = [16]byte{1}, at, at
		key.Versions = append(key.Versions, v)
	}
	b := key.Marshal()
	sealed := record.NewSealer(storeID, 1, &storageKey).Seal("key/a", 1, b)
	if len(sealed) > keystore.MaxData {
		t.Errorf("%d bytes, at most %d", len(sealed), keystore.MaxData)
	}
	allocs := testing.AllocsPerRun(1, func() { key.Marshal() })
	if cap(b) < len(b) || allocs > 4096*4+200 { // a few bytes for each time; never the body again
		t.Errorf("%v allocations", allocs)
	}
	back, err := record.ParseKey(b)
	if err != nil || len(back.Versions) != 4096 {
		t.Fatal(err)
	}
	clear(b)
	if !bytes.Equal(back.Versions[4095].Material, make([]byte, 32)) {
		t.Error("the material is a copy")
	}
}

func FuzzKey(f *testing.F)    { fuzz(f, &record.Key{}) }
func FuzzAlias(f *testing.F)  { fuzz(f, &record.Alias{}) }
func FuzzToken(f *testing.F)  { fuzz(f, &record.Token{}) }
func FuzzUsage(f *testing.F)  { fuzz(f, record.Usage{}) }
func FuzzCanary(f *testing.F) { fuzz(f, record.Canary{}) }

// fuzz checks that a body is read into what writes it again, or refused.
func fuzz(f *testing.F, kind any) {
	for _, v := range samples() {
		f.Add(marshal(v))
	}
	f.Add(body(spec, usage, origin, mode, created, ver))
	f.Add([]byte{tlv.Format})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parse(kind, b)
		if err == nil {
			if again := marshal(v); !bytes.Equal(again, b) {
				t.Fatalf("%x marshals to %x", b, again)
			}
			return
		}
		if !errors.Is(err, record.ErrTampered) && !errors.Is(err, record.ErrFormatTooNew) {
			t.Fatal(err)
		}
	})
}

func FuzzSealed(f *testing.F) {
	sealer := record.NewSealer(storeID, 1, &storageKey)
	good, _ := readGolden(f, "testdata/alias.hex")
	f.Add(good)
	f.Add(good[:45])
	f.Add([]byte{0xD1})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		_, err := record.StorageVersion(sealed)
		if err == nil {
			_, err = sealer.Open(recordKey("alias"), goldenRev, sealed)
		}
		switch {
		case err == nil && !bytes.Equal(sealed, good):
			t.Fatalf("%x opens", sealed)
		case err != nil && !errors.Is(err, record.ErrTampered) && !errors.Is(err, record.ErrFormatTooNew):
			t.Fatal(err)
		}
	})
}

// The document lists every tag of every body, and no other.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/records.md")
	if err != nil {
		t.Fatal(err)
	}
	for section, kind := range map[string]string{
		"**Key** (": "key", "**Alias** (": "alias", "**Token** (": "token", "**Usage** (": "usage",
		"**Canary** (": "canary",
	} {
		_, table, found := strings.Cut(string(text), section)
		if !found {
			t.Fatalf("no section %s", section)
		}
		table, _, _ = strings.Cut(table, "\n\n**")
		table, _, _ = strings.Cut(table, "| tag in version")
		written := map[byte]bool{}
		for name, v := range samples() {
			if strings.HasPrefix(name, kind) {
				for r := tlv.NewReader(marshal(v)); r.Next(); {
					written[r.Tag] = true
				}
			}
		}
		documented := map[byte]bool{}
		for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(table, -1) {
			tag, err := strconv.Atoi(row[1])
			if err != nil {
				t.Fatal(err)
			}
			documented[byte(tag)] = true
		}
		if !maps.Equal(written, documented) {
			t.Errorf("%s: written are tags %v, documented %v", kind, written, documented)
		}
	}
}
