package keystoretest

import (
	"math/rand/v2"
	"testing"
	"time"
)

func put(rev uint64, data string, call, ret time.Duration) Op {
	return Op{Write: true, Rev: rev, Data: data, Call: call, Return: ret}
}

func get(rev uint64, data string, call, ret time.Duration) Op {
	return Op{Rev: rev, Data: data, Call: call, Return: ret}
}

func TestLinearizable(t *testing.T) {
	for _, h := range []struct {
		name string
		ops  []Op
		ok   bool
	}{
		{"nothing", nil, true},
		{"one by one",
			[]Op{get(0, "", 0, 1), put(1, "a", 2, 3), get(1, "a", 4, 5), put(2, "b", 6, 7)}, true},
		{"read during the write, old and new",
			[]Op{put(1, "a", 0, 1), put(2, "b", 2, 9), get(1, "a", 3, 4), get(2, "b", 5, 6)}, true},
		{"new, then old, during the write",
			[]Op{put(1, "a", 0, 1), put(2, "b", 2, 9),
				get(2, "b", 3, 4), get(1, "a", 5, 6)}, false},
		{"new and old at once",
			[]Op{put(1, "a", 0, 1), put(2, "b", 2, 9), get(2, "b", 3, 6), get(1, "a", 4, 5)}, true},
		{"stale read", []Op{put(1, "a", 0, 1), put(2, "b", 2, 3), get(1, "a", 4, 5)}, false},
		{"nothing after a write", []Op{put(1, "a", 0, 1), get(0, "", 2, 3)}, false},
		{"nothing during a write", []Op{put(1, "a", 0, 2), get(0, "", 1, 3)}, true},
		{"read from the future", []Op{get(1, "a", 0, 1), put(1, "a", 2, 3)}, false},
		{"lost update", []Op{put(1, "a", 0, 1), put(2, "b", 2, 5), put(2, "c", 3, 4)}, false},
		{"other data", []Op{put(1, "a", 0, 1), get(1, "b", 2, 3)}, false},
		{"data without a record", []Op{get(0, "a", 0, 1)}, false},
		{"read of nobody's write", []Op{put(1, "a", 0, 1), get(2, "b", 2, 3)}, false},
		{"write over nothing", []Op{put(2, "b", 0, 1)}, false},
		{"writes out of order", []Op{put(2, "b", 0, 1), put(1, "a", 2, 3)}, false},
		{"writes at once", []Op{put(2, "b", 0, 3), put(1, "a", 1, 2)}, true},
		{"unknown outcome, seen late",
			[]Op{put(1, "a", 0, 1), put(2, "b", 2, Unknown),
				get(1, "a", 3, 4), get(2, "b", 5, 6)}, true},
		{"unknown outcome, seen and undone",
			[]Op{put(1, "a", 0, 1), put(2, "b", 2, Unknown),
				get(2, "b", 3, 4), get(1, "a", 5, 6)}, false},
	} {
		for range 10 { // in any order
			rand.Shuffle(len(h.ops), func(i, j int) { h.ops[i], h.ops[j] = h.ops[j], h.ops[i] })
			if err := Linearizable(h.ops); (err == nil) != h.ok {
				t.Errorf("%s: %v", h.name, err)
			}
		}
	}
}

// TestLinearizableBySearch compares with the definition: is there any order of
// the operations that respects real time and gives their results?
func TestLinearizableBySearch(t *testing.T) {
	good := 0
	for range 3000 {
		var ops []Op
		for range 2 + rand.IntN(4) {
			rev, call := uint64(rand.IntN(4)), time.Duration(rand.IntN(8))
			op := Op{Write: rev > 0 && rand.IntN(2) == 0, Rev: rev, Data: "ABCD"[rev : rev+1],
				Call: call, Return: call + time.Duration(rand.IntN(5))}
			if rev == 0 {
				op.Data = ""
			}
			ops = append(ops, op)
		}
		want := search(ops, 0, 0)
		if want {
			good++
		}
		if err := Linearizable(ops); (err == nil) != want {
			t.Fatalf("%v\nfor %v\nby search %v", err, ops, want)
		}
	}
	if good < 100 || good > 2900 {
		t.Errorf("%d of 3000 histories are linearizable", good)
	}
}

// search tries every operation as the next one; done has a bit for each that
// has been, and rev is what they left.
func search(ops []Op, done, rev uint64) bool {
	if done == 1<<len(ops)-1 {
		return true
	}
	for i, op := range ops {
		if done&(1<<i) != 0 {
			continue
		}
		first := true // nothing that is still to come returned before op was called
		for j, other := range ops {
			if done&(1<<j) == 0 && other.Return < op.Call {
				first = false
			}
		}
		fits := !op.Write && op.Rev == rev || op.Write && op.Rev == rev+1
		if first && fits && search(ops, done|1<<i, op.Rev) {
			return true
		}
	}
	return false
}
