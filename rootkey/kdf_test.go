package rootkey

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The cheapest cost there is.
var cheap = cost{19 << 10, 1, 1}

func TestCostLimits(t *testing.T) {
	for _, v := range []struct {
		cost
		limits string // in the error; "" if accepted
	}{
		{cost{19456, 1, 1}, ""},
		{cost{19456, 1, 16}, ""},
		{cost{1048576, 16, 16}, ""},
		{cost{65536, 3, 4}, ""},
		{cost{19455, 1, 1}, "19456 to 1048576"},
		{cost{1048577, 1, 1}, "19456 to 1048576"},
		{cost{0, 1, 1}, "19456 to 1048576"},
		{cost{1<<32 - 1, 1, 1}, "19456 to 1048576"},
		{cost{19456, 0, 1}, "1 to 16"},
		{cost{19456, 17, 1}, "1 to 16"},
		{cost{19456, 1<<32 - 1, 1}, "1 to 16"},
		{cost{19456, 1, 0}, "1 to 16"},
		{cost{19456, 1, 17}, "1 to 16"},
		{cost{19456, 1, 255}, "1 to 16"},
	} {
		head := v.head([]byte("0123456789abcdef"))
		salt, c, err := parseHead(head)
		switch {
		case v.limits == "" && (err != nil || c != v.cost || string(salt) != "0123456789abcdef"):
			t.Errorf("%v: %q, %v, %v", v.cost, salt, c, err)
		case v.limits != "" && (!errors.Is(err, ErrTampered) || salt != nil || c != cost{}):
			t.Errorf("%v: %q, %v, %v", v.cost, salt, c, err)
		case v.limits != "" && !strings.Contains(err.Error(), v.limits):
			t.Errorf("%v: %v does not name %s", v.cost, err, v.limits)
		}
	}
}

// While something else computes, an Unwrap that would compute has to wait; so
// one that returns has refused the parameters before it.
func TestParametersRefusedFirst(t *testing.T) {
	k := &kdf{[]byte("secret"), cheap, make(chan struct{}, 1)}
	p := &provider{"passphrase", kindPassphrase, k.newHead, k.secret}
	wrapped := seal(testKey, k.newHead(), testPlaintext, testAAD)
	k.busy <- struct{}{}
	refused := 0
	for bit := (2 + saltSize) * 8; bit < headSize(kindPassphrase)*8; bit++ {
		bad := flipped(wrapped, bit)
		if _, _, err := parseHead(wrap(bad).head()); err == nil {
			continue
		}
		refused++
		out, err := p.Unwrap(t.Context(), bad, testAAD)
		check(t, "bit", bit, out, err, ErrTampered)
	}
	if refused < 40 {
		t.Errorf("only %d flipped bits refused", refused)
	}
}

// Parameters that stay within the limits make another secret.
func TestParametersChangeSecret(t *testing.T) {
	k := &kdf{[]byte("secret"), cheap, make(chan struct{}, 1)}
	p := &provider{"passphrase", kindPassphrase, k.newHead, k.secret}
	wrapped, err := p.Wrap(t.Context(), testPlaintext, testAAD)
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Unwrap(t.Context(), wrapped, testAAD)
	if err != nil || !bytes.Equal(out, testPlaintext) {
		t.Fatalf("unwrapped %q, %v", out, err)
	}
	for _, bit := range []int{
		2 * 8,         // salt, first
		17*8 + 7,      // salt, last
		21 * 8,        // 19,457 KiB
		25*8 + 1,      // 3 passes
		26*8 + 1,      // 3 lanes
		27 * 8,        // C, first
		(27+31)*8 + 7, // C, last
	} {
		out, err := p.Unwrap(t.Context(), flipped(wrapped, bit), testAAD)
		check(t, "bit", bit, out, err, ErrWrongKey)
	}
	out, err = p.Unwrap(t.Context(), flipped(wrapped, (27+32)*8), testAAD)
	check(t, "nonce", 0, out, err, ErrTampered)
}

// A caller whose turn has not come leaves when its context is done.
func TestWaitInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kdf{[]byte("secret"), cheap, make(chan struct{}, 1)}
		k.busy <- struct{}{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		out, err := k.secret(ctx, k.newHead())
		check(t, "waited", 1, out, err, context.DeadlineExceeded)
	})
}

// A caller whose computation is under way leaves too, and the computation ends
// by itself and lets the next one in.
func TestLeaveComputation(t *testing.T) {
	k := &kdf{[]byte("secret"), cost{64 << 10, 6, 1}, make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for len(k.busy) == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	out, err := k.secret(ctx, k.newHead())
	check(t, "left", 1, out, err, context.Canceled)
	if len(k.busy) == 0 {
		t.Error("the computation had ended before its caller left")
	}
	k.cost = cheap
	if out, err := k.secret(t.Context(), k.newHead()); err != nil || len(out) != keySize {
		t.Errorf("next in line: %d bytes, %v", len(out), err)
	}
}
