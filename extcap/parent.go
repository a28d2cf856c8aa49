package extcap

import (
	"context"
	"errors"
	"time"
)

// ErrOrphan is the cause of a context that ended as Wireshark was gone.
var ErrOrphan = errors.New("the program that started the capture is gone")

// parentPoll is how often the parent process is looked at. A Wireshark that
// was killed sends no signal, and on an idle channel nothing is written that
// could fail.
const parentPoll = 200 * time.Millisecond

// WithParent returns a context that ends, with the cause ErrOrphan, once the
// process that started this one is gone.
func WithParent(ctx context.Context) (context.Context, context.CancelFunc) {
	return withParent(ctx, watchParent())
}

// withParent ends the context once alive says no.
func withParent(ctx context.Context, alive func() bool) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(parentPoll)
		defer tick.Stop()
		for alive() {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
		cancel(ErrOrphan)
	}()
	return ctx, func() { cancel(context.Canceled) }
}
