package httpsig

// For published examples, which are of other services.
var (
	TC3Of   = tc3
	SigV4Of = sigV4
)

// Signature returns what the request holds.
func (p *Proof) Signature() string { return p.claim.signature }

// Forge signs like Sign, and with any secret.
func (p *Proof) Forge(secret string) string {
	return p.claim.encode(p.claim.sign(secret, p.claim.text))
}
