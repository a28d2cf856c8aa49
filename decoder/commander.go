package decoder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"pqiot/wire"
)

// ErrTimeout says that no reply to a command came in time.
var ErrTimeout = errors.New("the board did not answer")

const defaultTimeout = 2 * time.Second

// CommandError says that the board answered a command with another status
// than wire.ReplyDone. What was in force before still is.
type CommandError struct {
	Type   wire.Type // of the command
	Status uint8     // wire.ReplyUnknown …
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("the board refused the %s command: %s", commandName(e.Type), statusName(e.Status))
}

func commandName(t wire.Type) string {
	names := [...]string{"hello", "channel", "hop", "snap length", "filter", "baud", "time echo", "status"}
	if i := int(t) - int(wire.TypeSayHello); i >= 0 && i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%02x", uint8(t))
}

func statusName(s uint8) string {
	names := [...]string{"done", "unknown command", "bad value", "busy", "not supported"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("status %d", s)
}

// Commander sends commands to the board and matches the replies that the
// reading side delivers. Its methods may be called from any goroutine.
type Commander struct {
	// Timeout limits a command whose context has no deadline, 2 s by default.
	// Set it before the first Do.
	Timeout time.Duration
	// Seq is the sequence of the first command. NewCommander takes a random
	// one, so that a late reply to another program is not taken for ours.
	Seq uint16

	w       io.Writer
	writing sync.Mutex // one record at a time

	mu      sync.Mutex // guards the rest
	pending map[uint16]waiter
}

type waiter struct {
	typ   wire.Type
	reply chan wire.Reply // room for one
}

// NewCommander returns a Commander that writes to the board over w.
func NewCommander(w io.Writer) *Commander {
	return &Commander{
		Timeout: defaultTimeout, Seq: uint16(rand.Uint32()),
		w: w, pending: make(map[uint16]waiter),
	}
}

// Do sends a command and waits for its reply, which it returns also with a
// *CommandError. Without a reply the error is ErrTimeout, once the context's
// deadline or Timeout is over, the context's own if it was cancelled, or that
// of the write.
func (c *Commander) Do(ctx context.Context, t wire.Type, body []byte) (wire.Reply, error) {
	if len(body) > wire.MaxBody {
		return wire.Reply{}, fmt.Errorf("%s command: %w", commandName(t), wire.ErrLength)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	seq, reply := c.register(t)
	defer c.forget(seq)
	failed := make(chan error, 1)
	go c.write(ctx, wire.AppendRecord(nil, wire.Record{Type: t, Seq: seq, Body: body}), failed)
	select {
	case r := <-reply:
		if r.Status != wire.ReplyDone {
			return r, &CommandError{t, r.Status}
		}
		return r, nil
	case err := <-failed:
		return wire.Reply{}, fmt.Errorf("%s command: %w", commandName(t), err)
	case <-ctx.Done():
		if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
			return wire.Reply{}, err
		}
		return wire.Reply{}, fmt.Errorf("%s command: %w", commandName(t), ErrTimeout)
	}
}

func (c *Commander) register(t wire.Type) (uint16, chan wire.Reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.pending[c.Seq].reply != nil {
		c.Seq++
	}
	seq, reply := c.Seq, make(chan wire.Reply, 1)
	c.Seq++
	c.pending[seq] = waiter{t, reply}
	return seq, reply
}

func (c *Commander) forget(seq uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, seq)
}

// write runs in a goroutine of its own: a port whose other end does not read
// must not hold Do beyond its time. A command that waited for its turn longer
// than that is not written any more.
func (c *Commander) write(ctx context.Context, record []byte, failed chan<- error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if ctx.Err() != nil {
		return
	}
	if _, err := c.w.Write(record); err != nil {
		failed <- err
	}
}

// Deliver hands over a reply that the reading side met; the value is copied.
// One that no command waits for is ignored.
func (c *Commander) Deliver(r wire.Reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.pending[r.Seq]
	if w.reply == nil || w.typ != r.Type {
		return
	}
	delete(c.pending, r.Seq)
	r.Value = bytes.Clone(r.Value)
	w.reply <- r
}
