package extcap

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func TestContextEndsWithTheParent(t *testing.T) {
	var dead atomic.Bool
	ctx, cancel := withParent(context.Background(), func() bool { return !dead.Load() })
	defer cancel()
	if ctx.Err() != nil {
		t.Fatal("ended while the parent lives")
	}
	dead.Store(true)
	select {
	case <-ctx.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("the parent's end was not noticed")
	}
	if !errors.Is(context.Cause(ctx), ErrOrphan) {
		t.Errorf("cause %v", context.Cause(ctx))
	}
}

func TestThisProcessHasItsParent(t *testing.T) {
	if !watchParent()() {
		t.Error("the parent of the test counts as gone")
	}
}
