// Package integration holds the tests of this module against what others
// publish: the vectors of Wycheproof, and a JWT library that signs with a
// crypto.Signer; its folder stores has those of key stores on real databases, and
// fleet those of many processes on one store, and of moving from one to another. It
// is a module of its own, so that what they need is required by nobody else.
package integration
