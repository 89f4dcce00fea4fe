// Package kms is a key management service to embed: keys with IDs, aliases,
// versions and states, rotation, encryption, data keys, signatures and MACs, in a
// program's own process and over a key store of its choice.
//
// Most programs call [Open] at start, [KMS.CreateKey] once in a key's life, and
// [KMS.Encrypt] and [KMS.Decrypt]. To encrypt more than 6,144 bytes, encrypt
// them yourself under a data key of [KMS.GenerateDataKey].
//
// # Keys
//
// A key has an ID, a random UUID, and one or more versions, each with material
// of its own that never leaves the library. The newest version is the primary
// one: it encrypts. All versions decrypt. The state of a key says what it may do:
// see [KeyState]. Its material is generated here, or imported.
//
// Wherever an operation takes a key, it takes the ID or an alias, alias/<name>.
// An alias points at one key, so that programs need not know IDs. A string that
// is neither in form is ErrInvalidKeyRef, and an alias that does not exist is
// ErrAliasNotFound: a typo never leads to another key. Results always name the ID.
//
// # Encryption contexts
//
// Encrypt binds a ciphertext to what it is of, an [EncryptionContext] such as
// {"service": "orders", "env": "prod"}, or [AdditionalData] if bytes are at
// hand. It is no secret and not in the ciphertext; Decrypt must be given the
// same again. A ciphertext that was copied to another row, tenant or environment
// then does not open. Bind one wherever the reader knows what it reads.
//
// # Ciphertexts
//
// A ciphertext is [Overhead] bytes longer than its plaintext. It names its key
// and key version in clear, which [ParseCiphertext] reads without any key, and
// commits to both: no two keys open the same ciphertext. What Encrypt wrote
// never opens as a data key, nor the reverse. docs/envelope.md specifies the
// format, byte for byte.
//
// Decrypt takes the key from the ciphertext. A caller who knows which key it
// must be says so with [KMS.DecryptWith].
//
// # Pairs and MACs
//
// A key has a spec and a usage: see [KeySpec]. With one of RSA, SM2 or EC,
// [KMS.Sign] and [KMS.Verify], or [KMS.EncryptAsymmetric] and
// [KMS.DecryptAsymmetric], do what the standards say, and [KMS.PublicKey] is for
// those outside; [KMS.Signer] puts the key behind crypto.Signer, for a TLS
// certificate for instance. [KMS.GenerateMAC] is HMAC. What these return does not
// say which key and version it is of: keep that with it. docs/algorithms.md has
// all algorithms with their limits and encodings.
//
// # Managing keys
//
// [KMS.RotateKey] adds a version. What older ones encrypted goes on opening;
// [KMS.ReEncrypt] brings it under the new one, or under another key or context,
// without showing the plaintext, and says whether there was anything to do.
// [KMS.ArchiveKey] lets a key decrypt only, [KMS.DisableKey] stops all use of it,
// and [KMS.EnableKey] ends either.
//
// Call [KMS.Maintain] from a ticker. It rotates keys of a rotation period, ends
// imported material, and destroys the keys and versions whose waiting time is
// over: [KMS.ScheduleKeyDeletion] and [KMS.ScheduleVersionDestruction] make them
// unusable at once and can be taken back until then, and nothing else destroys.
//
// Call [KMS.Check] from another. It finds out whether the store can be read and
// written, every record opens and the root keys do, and is what readiness probes
// and alerts are answered from.
//
// [KMS.ImportKeyMaterial] brings material of your own, [KMS.AddRoot] a second
// root key for recovery, and [KMS.Export] and [Restore] move all keys to another
// store. docs/operating.md explains all this to an operator.
//
// An [Authorizer] decides who may do what, an [Auditor] is told of every
// operation, and a [KMS.DryRun] view finds out whether a call would succeed.
//
// # Choosing a key store
//
// Package keystore/filestore keeps each key in a file and needs a local disk
// only; several processes of one machine may share it. Package keystore/sqlstore
// keeps them in a table of PostgreSQL, MySQL, MariaDB or SQLite, and package
// keystore/etcdstore, a module of its own, in etcd, for a fleet of machines. With
// keystore/pgwatch, another one, processes on PostgreSQL see changes at once. Package
// keystore/memstore is for tests, and package kmstest makes a KMS over it in one
// line. A store for anything else has four methods over opaque bytes: see package
// keystore, and package keystoretest, which checks one.
//
// A store holds nothing but sealed records. Who reads it learns how many keys
// and aliases there are, key IDs, sizes and times; who writes to it can destroy
// what is there, but neither read it nor make keys of his own pass for it.
// docs/threat-model.md says what that rests on.
//
// # The root key
//
// Records are sealed under a storage key that the keyring record holds, and the
// keyring is wrapped by the root key, from package rootkey: a file, 32 bytes, a
// passphrase, or a provider of your own. It is asked when a store is opened.
// Keep it apart from the store and from the store's backups, and keep a copy:
// without it every key is lost, and nobody can bring them back.
//
// # Caching
//
// Keys in use are kept ready in memory, so that encryption does not wait for the
// store. A change takes effect in the process that made it for every call that
// begins after it has returned. Another process sees it within
// Options.MaxStale, 5 seconds by default, while the store answers in time, and
// when it does not, within MaxStale and Options.OutageGrace together, 65
// seconds. After that, operations fail with ErrStoreUnavailable until the store
// is back. A store that tells of changes, a keystore.Watcher, makes it milliseconds
// as a rule, and changes nothing about these bounds. One exception is in favour of availability: a ciphertext of a version
// that another process has just made opens at once.
//
// # Errors
//
// Every operation that fails returns an [*Error] around one of the sentinels of
// this package: match it with errors.Is. Whatever is wrong with a ciphertext is
// ErrInvalidCiphertext, and no more is said.
//
// ErrConflict can be tried again. ErrUnknownOutcome says that a change may have
// been made: look before making it again. ErrTampered and ErrRollback say that
// the store is not as the library left it, which is for a person to look at.
//
// # Concurrency
//
// A [KMS] may be used by any number of goroutines, and a store by any number of
// processes. There are no locks to expire and no process is the leader: a change
// is one compare-and-swap of one record, made again on what is there if another
// came before. A reply that is lost on the way neither loses a change nor makes
// it twice.
//
// # Backwards compatibility
//
// Once a version of this module is released, every later one opens the
// ciphertexts and the stores that it wrote, for good: formats are only added.
// What a newer version wrote and an older one does not know is refused with
// ErrFormatTooNew, or ErrInvalidCiphertext in a ciphertext. Nothing is released
// yet, so that promise has not begun.
//
// # FIPS 140-3
//
// With GODEBUG=fips140=only, keys of AES_256, RSA, EC and HMAC_SHA256, stores, and
// the root keys Static and File work. SM2, SM3 and SM4, and the root key
// Passphrase, are then refused with ErrUnsupportedAlgorithm, since they are not
// approved.
package kms
