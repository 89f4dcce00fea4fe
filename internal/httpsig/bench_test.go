package httpsig_test

import "testing"

// One request parsed and verified. Where the signature stands among the parameters,
// they are decoded too.
func BenchmarkVerify(b *testing.B) {
	for file, text := range dumps(b) {
		b.Run(file, func(b *testing.B) {
			r, body := read(b, text)
			parse := schemes[schemeOf(b, file)]
			b.ReportAllocs()
			for b.Loop() {
				if !signed(parse, r, body) {
					b.Fatal("does not verify")
				}
			}
		})
	}
}
