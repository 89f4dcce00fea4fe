package keystoretest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Unknown is the Return of a write whose caller never learnt that it happened,
// while somebody read what it wrote. If nobody did, it is not in a history.
const Unknown = time.Duration(math.MaxInt64)

// An Op is a Get or a Put of one record that succeeded, as its caller saw it.
type Op struct {
	Write        bool
	Rev          uint64        // read or written; 0 is a Get that found nothing
	Data         string        // read or written
	Call, Return time.Duration // on one monotonic clock: before the call, and after
}

func (op Op) String() string {
	verb := "Get"
	if op.Write {
		verb = "Put"
	}
	return fmt.Sprintf("%s of revision %d (%q) from %v to %v",
		verb, op.Rev, op.Data, op.Call, op.Return)
}

// Linearizable returns an error unless history, all of the Gets and successful
// Puts of one record that began absent and was never deleted, is linearizable:
// unless there is a moment between each operation's call and its return such
// that all of them, done one by one in the order of these moments, would have
// had the same results.
//
// Searching for such an order is hard in general. Here the revisions give it:
// by revision, with the write in front of its reads. So history is linearizable
// if and only if
//
//   - no two writes made the same revision, and none is missing in between,
//   - each read returned what the write of its revision wrote, and
//   - no operation was called after another had returned that comes behind it
//     in that order.
//
// In particular no read returns a revision before its write was called, or an
// older one than any operation that returned before the read was called.
func Linearizable(history []Op) error {
	writes := map[uint64]Op{0: {Write: true, Call: math.MinInt64, Return: math.MinInt64}}
	for _, op := range history {
		if !op.Write {
			continue
		}
		if other, ok := writes[op.Rev]; ok {
			return fmt.Errorf("lost update: %v and %v", op, other)
		}
		writes[op.Rev] = op
	}
	for _, op := range history {
		if w, ok := writes[op.Rev]; !ok {
			return fmt.Errorf("nobody wrote what was read: %v", op)
		} else if w.Data != op.Data {
			return fmt.Errorf("%v returned other data than %v", op, w)
		}
		if _, ok := writes[op.Rev-1]; op.Write && !ok {
			return fmt.Errorf("%v, but nobody wrote the revision before", op)
		}
	}
	return inOrder(history)
}

// inOrder checks real time: whatever returned before an operation was called
// must not come behind it.
func inOrder(history []Op) error {
	byCall, byReturn := slices.Clone(history), slices.Clone(history)
	slices.SortFunc(byCall, func(a, b Op) int { return cmp.Compare(a.Call, b.Call) })
	slices.SortFunc(byReturn, func(a, b Op) int { return cmp.Compare(a.Return, b.Return) })
	var last Op // the highest revision that anyone has returned with
	for _, op := range byCall {
		for len(byReturn) > 0 && byReturn[0].Return < op.Call {
			if byReturn[0].Rev >= last.Rev {
				last = byReturn[0]
			}
			byReturn = byReturn[1:]
		}
		if op.Rev < last.Rev || op.Write && op.Rev == last.Rev {
			return fmt.Errorf("%v was called after the end of %v", op, last)
		}
	}
	return nil
}
