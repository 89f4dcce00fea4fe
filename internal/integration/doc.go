// Package integration holds the tests of this module against what others publish:
// the vectors of Wycheproof, and a JWT library that signs with a crypto.Signer. Its
// folder stores has those of key stores on real databases; crash, faults and fleet
// have the proofs of docs/reliability.md. It is a module of its own, so that what
// they need is required by nobody else.
package integration
