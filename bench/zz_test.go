package main
import ("testing";"context")
func TestZZ(t *testing.T){ ps,err:=programs(context.Background(), allPrograms, 21); if err!=nil{t.Fatal(err)}; for _,p:=range ps{ t.Logf("%-9s %9d %9d std %d oth %d mod %d start %.2fms ±%.0f%%",p.Name,p.Binary,p.Stripped,p.Standard,p.Others,p.Modules,p.Start/1e6,p.Spread*100)}}
