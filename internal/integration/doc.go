// Package integration holds the tests of this module against what others
// publish: the vectors of Wycheproof. It is a module of its own, so that what they
// need is required by nobody else.
package integration
