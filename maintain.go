package kms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/embedkms/kms/internal/keyring"
	"github.com/embedkms/kms/internal/record"
	"github.com/embedkms/kms/keystore"
)

// A MaintenanceReport says what Maintain has done. What it did to which key is
// told to the Auditor.
type MaintenanceReport struct {
	Keys              int // that were looked at, destroyed ones included
	Rotated           int // keys
	MaterialsExpired  int // keys of which imported material was removed
	VersionsDestroyed int // key versions
	KeysDestroyed     int // keys
	TokensRemoved     int // import tokens that were used or had expired
	Resealed          int // records, sealed anew under the newest storage key
	OldStorageKeys    int // that are left, for a day at least, and until no record needs them
	Failed            int // records that could not be maintained
}

// Maintain does what is due: it rotates keys whose period is over or which have
// encrypted 2^44 messages, removes imported material that has expired, destroys
// keys and versions whose window is over, and finishes RotateStorageKey. It
// reads every key once, a page at a time.
//
// Call it now and then, hourly say, from a ticker in any process. What a process
// has encrypted is stored by its own calls, so call it in each that encrypts
// very much. Any number may run at a time; an interrupted run is gone on with by
// the next. Nothing but Maintain makes a date come true.
//
// A key that cannot be maintained does not keep the others from it: the report
// counts it, and the error is that of the first. With an unreachable store the
// run ends. The report says in any case what was done.
func (k *KMS) Maintain(ctx context.Context) (*MaintenanceReport, error) {
	c := k.begin(OpMaintain, "")
	m := &maintenance{KMS: k, now: k.timestamp()}
	err := m.run(ctx, &c)
	return &m.report, k.end(ctx, &c, nil, err)
}

// A maintenance is one run of Maintain.
type maintenance struct {
	*KMS
	now    time.Time
	report MaintenanceReport
	failed error // the first failure of a record
	stuck  bool  // a record is still under an old storage key

	unsettled int // writes whose outcome is unknown, in a row
}

func (m *maintenance) run(ctx context.Context, c *call) error {
	if err := m.admitStore(ctx, c); err != nil {
		return err
	}
	defer func() { m.report.OldStorageKeys = m.ring.Load().OlderVersions() }()
	if err := m.refreshRing(ctx); err != nil {
		return storeError(err)
	}
	primary, older := m.ring.Load().Primary(), m.ring.Load().OlderVersions() > 0
	// Keys first, because that stores the counts of this process.
	sweeps := []sweep{{keyPrefix, m.key}, {usagePrefix, m.usage}, {tokenPrefix, m.token}}
	if older {
		sweeps = append(sweeps, sweep{keyring.AliasPrefix, m.alias})
	}
	for _, s := range sweeps {
		if err := m.sweep(ctx, s); err != nil {
			return err
		}
	}
	if older && !m.stuck {
		if err := m.dropStorageKeys(ctx, primary); err != nil {
			return err
		}
	}
	return m.failed
}

// A sweep is a visit to every record under a prefix.
type sweep struct {
	prefix string
	visit  func(ctx context.Context, rec keystore.Record, p page) error
}

// sweep ends early only if the store fails.
func (m *maintenance) sweep(ctx context.Context, s sweep) error {
	var end error
	err := m.pages(ctx, s.prefix, "", func(p page) bool {
		for _, rec := range p.records {
			if end = m.note(ctx, rec, m.visit(ctx, s, rec, p)); end != nil {
				return false
			}
		}
		return true
	})
	return cmp.Or(end, err)
}

func (m *maintenance) visit(ctx context.Context, s sweep, rec keystore.Record, p page) error {
	rec, err := m.shown(ctx, rec)
	if err != nil || rec.Rev == 0 {
		return err
	}
	return s.visit(ctx, rec, p)
}

// maxUnsettled is how many writes in a row may be uncertain before the store is
// taken for one that cannot be written: each has taken seconds.
const maxUnsettled = 3

// note counts a failure, and returns it if it is not one record's alone.
func (m *maintenance) note(ctx context.Context, rec keystore.Record, err error) error {
	if err == nil {
		m.unsettled = 0
		return nil
	}
	err = fmt.Errorf("%w: record %s", storeError(err), rec.Key)
	m.report.Failed++
	m.failed = cmp.Or(m.failed, err)
	worthless := strings.HasPrefix(rec.Key, usagePrefix) && errors.Is(err, ErrTampered)
	m.stuck = m.stuck || m.needsOlder(rec) && !worthless
	if errors.Is(err, ErrUnknownOutcome) {
		m.unsettled++
	}
	unreachable := errors.Is(err, ErrStoreUnavailable) || errors.Is(err, ErrUnknownOutcome)
	if errors.Is(err, ErrClosed) || m.unsettled >= maxUnsettled || unreachable && m.probe(ctx) != nil {
		return err
	}
	return nil
}

// key maintains one key.
func (m *maintenance) key(ctx context.Context, rec keystore.Record, p page) error {
	m.report.Keys++
	id, key, body, err := m.listedKey(ctx, rec, p.keys)
	clear(body)
	if err != nil {
		return err
	}
	uncounted := m.flush(ctx, id)
	err = m.attend(ctx, id, key, &duty{kms: m.KMS, now: m.now})
	if errors.Is(err, ErrUnknownOutcome) {
		return err // the next write would end so too, seconds later
	}
	// If another process has done what was due, nothing was written here, and
	// the record may be under an old storage key still.
	return cmp.Or(err, m.reseal(ctx, rec), uncounted)
}

// usage rotates the key of a usage record, if its primary version has encrypted
// enough.
func (m *maintenance) usage(ctx context.Context, rec keystore.Record, _ page) error {
	usage, err := m.openUsage(ctx, rec)
	if err != nil {
		return err
	}
	for version, n := range usage {
		if n >= maxEncryptions {
			err = cmp.Or(err, m.overused(ctx, rec, version))
		}
	}
	return cmp.Or(err, m.reseal(ctx, rec))
}

// overused rotates the key of a usage record if version is its primary one.
func (m *maintenance) overused(ctx context.Context, rec keystore.Record, version uint32) error {
	id, err := parseKeyID(strings.TrimPrefix(rec.Key, usagePrefix))
	if err != nil {
		return err
	}
	key, err := m.readKey(ctx, id)
	if errors.Is(err, ErrKeyNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return m.attend(ctx, id, key, &duty{kms: m.KMS, now: m.now, overused: version})
}

// attend does what is due to be done to a key.
func (m *maintenance) attend(ctx context.Context, id keyID, key *record.Key, d *duty) error {
	if !d.due(key) {
		return d.full(key)
	}
	defer d.rotation.clear()
	ch := newChange()
	ch.lasting = true // a duty done is none
	_, err := m.changeKey(ctx, id, ch, d.apply)
	m.tell(ctx, id, d, err)
	return cmp.Or(err, d.unrotated, d.full(key))
}

// needsOlder reports whether a record needs a storage key that might be dropped.
func (m *maintenance) needsOlder(rec keystore.Record) bool {
	version, err := record.StorageVersion(rec.Data)
	return err != nil || m.ring.Load().Older(version)
}

// tell counts what was done to a key, and tells the Auditor.
func (m *maintenance) tell(ctx context.Context, id keyID, d *duty, err error) {
	count := func(op string, n *int, version uint32) {
		if err == nil {
			*n++
		}
		c := m.begin(op, "")
		c.key, c.version = &loadedKey{id: id, name: id.String()}, version
		_ = m.end(ctx, &c, nil, err)
	}
	if d.rotated != 0 {
		count(OpMaintainRotate, &m.report.Rotated, d.rotated)
	}
	if d.expired {
		count(OpMaintainExpire, &m.report.MaterialsExpired, 0)
	}
	for _, version := range d.versions {
		count(OpMaintainDestroyVersion, &m.report.VersionsDestroyed, version)
	}
	if d.destroyed {
		count(OpMaintainDestroy, &m.report.KeysDestroyed, 0)
	}
}

// alias seals an alias anew if it must be.
func (m *maintenance) alias(ctx context.Context, rec keystore.Record, p page) error {
	if _, _, err := m.listedAlias(ctx, rec, p.aliases); err != nil {
		return err
	}
	return m.reseal(ctx, rec)
}

// token removes an import token that can do no more. An expired one stays for a
// day, to be called that.
func (m *maintenance) token(ctx context.Context, rec keystore.Record, _ page) error {
	t, err := m.openToken(ctx, rec)
	if err != nil {
		return err
	}
	t.clear()
	if !passed(t.ExpiresAt.Add(tokenMemory), m.now) && !m.used(ctx, t) {
		return m.reseal(ctx, rec)
	}
	err = m.store.Delete(ctx, rec.Key, rec.Rev)
	if errors.Is(err, keystore.ErrNotFound) || errors.Is(err, keystore.ErrConflict) {
		return nil // another process was first
	}
	if err == nil {
		m.report.TokensRemoved++
	}
	return err
}

// used reports whether a token was used, as far as its key remembers.
func (m *maintenance) used(ctx context.Context, t *openToken) bool {
	key, err := m.readKey(ctx, keyID(t.KeyID))
	return err == nil && slices.Contains(key.Changes, t.id())
}

// reseal seals a record anew if it is under an old storage key. What was read
// of it has been checked, so that no old copy is.
func (m *maintenance) reseal(ctx context.Context, rec keystore.Record) error {
	if m.upToDate(rec) {
		return nil
	}
	stored, err := m.update(ctx, rec.Key, m.resealed(ctx))
	if err == nil && stored.Data != nil {
		m.report.Resealed++
	}
	return err
}

// storageKeyOverlap is how long old storage keys are kept at least. No record
// that was reported needs them; one whose writer was killed before it could
// report it might, and would be in the way of others for good.
const storageKeyOverlap = day

// dropStorageKeys removes the storage keys below primary, under which nothing
// is sealed any more, from the keyring.
func (m *maintenance) dropStorageKeys(ctx context.Context, primary uint32) error {
	if m.now.Sub(m.ring.Load().PrimarySince()) < storageKeyOverlap {
		return nil
	}
	return m.changeRing(ctx, func(known *keyring.Ring) (*keyring.Ring, error) {
		return keyring.DropStorageKeys(ctx, m.ringWriter, known, m.root, primary)
	})
}
