package main

import "fmt"

// growth is the part of the document about growth curves: what bends, and why.
func (r *report) growth(d *document) {
	d.say("\n## How it grows")
	r.growthOfSizes(d)
	r.growthOfKeys(d)
	r.growthOfSessions(d)
	r.growthOfContexts(d)
	r.growthOfCores(d)
	r.growthOfStart(d)
}

func (r *report) growthOfSizes(d *document) {
	d.say("\n### With the plaintext")
	d.plot("sizes-encrypt", "time to encrypt by size")
	d.plot("sizes-decrypt", "time to decrypt by size")
	for _, verb := range []string{"encrypt", "decrypt"} {
		fixed, perKiB := r.fit(appendName, verb)
		rawFixed, rawPerKiB := r.fit(rawName, verb)
		d.say(`To %s costs %s ns, and %s ns for each KiB; raw AES-256-GCM %s ns and %s ns. The
curves bend where the second outgrows the first, at about %s bytes: below, what is done once for a
message counts (the context, the key, its state, the nonce), above, AES and GHASH do, which are the
same for both.
`, verb, short(fixed), short(perKiB), short(rawFixed), short(rawPerKiB), short(1024*fixed/perKiB))
	}
	d.say(`Those that allocate their result pay for it twice: memory is cleared before it is written, and
collected afterwards. Hence the Append forms.`)
}

// fit returns what a call costs by itself, and for each KiB: from the least and the
// greatest size.
func (r *report) fit(subject, work string) (fixed, perKiB float64) {
	xs := xsOf(r.Sizes)
	least, most := xs[0], xs[len(xs)-1]
	a, b := curve(r.Sizes, subject, work, least), curve(r.Sizes, subject, work, most)
	perByte := (b.NS - a.NS) / (most - least)
	return a.NS - perByte*least, perByte * 1024
}

func (r *report) growthOfKeys(d *document) {
	xs := xsOf(r.Keys)
	most := xs[len(xs)-1]
	d.say("\n### With keys")
	d.plot("keys", "time to encrypt and decrypt by number of keys")
	at := func(subject string, x float64) string {
		if f := curve(r.Keys, subject, "keys", x); f != nil {
			return short(f.NS)
		}
		return "–"
	}
	d.head("keys", byIDName, byAliasName, openingName, lookupName)
	for _, x := range xs {
		d.row(fmt.Sprintf("%.0f", x), at(byIDName, x), at(byAliasName, x), at(openingName, x), at(lookupName, x))
	}
	d.say(`
One key of those in the cache is found by one look into a table that readers do not lock, however
many there are: %s ns alone, %s ns among %s. An alias is a second look, at a string that is hashed.

Keys that are used in turn are slower, first where what belongs to them, %s KiB each, outgrows
the processor's caches, and then beyond Options.CacheKeys, 10,000 unless set: there every call reads
its key from the store, opens the record and derives its keys anew, since the one that it is about to
need is always among those that have just made room. Set CacheKeys above the number of keys in use.
`, at(lookupName, xs[0]), at(lookupName, most), short(most), short(r.keyMemory()/1024))
	d.plot("memory", "memory by number of keys")
	d.say("Bytes of heap for each key:\n")
	d.head("keys", "loaded", "and a session opened", "and a session sealing")
	for _, f := range r.Footprints {
		d.row(fmt.Sprint(f.Keys), short(f.Loaded), short(f.Opening), short(f.Sealing))
	}
	d.say(`
A key takes the same however many there are; with few of them what else happens on the heap shows.
Each core that seals with a key has a session of its own. At most 16 that have opened are kept.`)
}

// keyMemory is what a key takes that is used both ways, in bytes, among the most keys.
func (r *report) keyMemory() float64 {
	if len(r.Footprints) == 0 {
		return 0
	}
	f := r.Footprints[len(r.Footprints)-1]
	return f.Loaded + f.Opening + f.Sealing
}

func (r *report) growthOfSessions(d *document) {
	xs := xsOf(r.Sessions)
	d.say("\n### With sessions")
	d.plot("sessions", "time to decrypt by number of sessions")
	d.head("sessions", appendName, tinkXGCMName, rawName)
	for _, x := range xs {
		row := []string{fmt.Sprintf("%.0f", x)}
		for _, s := range []string{appendName, tinkXGCMName, rawName} {
			row = append(row, cell(curve(r.Sessions, s, sessionsWork, x)))
		}
		d.row(row...)
	}
	d.say(`
Messages of one session share a derived key, which is kept from the second message on, for the 16
sessions of a key version that came last. Beyond 16 in turn each is cold: its key is derived and
expanded. tink's X-AES-GCM derives and expands one for every message.`)
}

func (r *report) growthOfCores(d *document) {
	d.say("\n### With cores")
	d.plot("cores", "time of the machine for a call by number of cores")
	xs := xsOf(r.Cores)
	head := []string{"cores"}
	for _, x := range xs {
		head = append(head, fmt.Sprintf("%.0f", x))
	}
	d.head(append(head, "gain")...)
	for _, work := range []string{encryptName(1024), decryptName(1024)} {
		for _, s := range []string{rawName, appendName, tinkGCMName} {
			row := []string{s + ", " + work}
			for _, x := range xs {
				row = append(row, cell(find(r.Cores, s, work, int(x))))
			}
			gains := quotients(find(r.Cores, s, work, 1).Rounds, find(r.Cores, s, work, int(xs[len(xs)-1])).Rounds)
			d.row(append(row, fmt.Sprintf("%.2f", median(gains)))...)
		}
	}
	d.say(`
A gain is one core's time over that of all, round by round. Cores share nothing that any of them
writes while it uses a key.`)
}

func (r *report) growthOfStart(d *document) {
	d.say("\n### Opening a store")
	d.plot("start", "time to open a store by number of keys")
	d.head("keys in the store", startName, diskName)
	for _, x := range xsOf(r.Start) {
		d.row(fmt.Sprintf("%.0f", x), cell(curve(r.Start, startName, "start", x)), cell(curve(r.Start, diskName, "start", x)))
	}
	d.say(`
To open a KMS reads the keyring and no key; a key is read when it is first used. So in memory the curve
does not bend. On disk the store is opened, too: filestore reads the names of all its files, two for a
key with an alias, to remove what writers that crashed have left. That outgrows the rest with the
hundreds.`)
}
