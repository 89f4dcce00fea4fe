package filestore_test
import ("os";"testing";"path/filepath")
func BenchmarkRaw(b *testing.B) {
	p := filepath.Join(b.TempDir(),"k"); os.Mkdir(p,0o700); p = filepath.Join(p,"a")
	os.WriteFile(p, make([]byte,1044), 0o600)
	for b.Loop() { os.ReadFile(p) }
}
