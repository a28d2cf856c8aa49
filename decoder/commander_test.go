package decoder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"pqiot/wire"
)

// answerer is a board's command side: it answers each command as answer says,
// through the Commander's Deliver. A nil reply stays unsent.
type answerer struct {
	cmd    *Commander
	answer func(wire.Record) []wire.Reply
	held   []byte
}

func (a *answerer) Write(p []byte) (int, error) {
	a.held = append(a.held, p...)
	for {
		r, n, err := wire.ParseRecord(a.held)
		if err != nil {
			return len(p), nil
		}
		r.Body = bytes.Clone(r.Body)
		a.held = a.held[n:]
		go func() {
			for _, reply := range a.answer(r) {
				buf := bytes.Clone(reply.Value)
				reply.Value = buf
				a.cmd.Deliver(reply)
				clear(buf) // as the reader's buffer goes on
			}
		}()
	}
}

func newAnswerer(answer func(wire.Record) []wire.Reply) *Commander {
	a := &answerer{answer: answer}
	a.cmd = NewCommander(a)
	return a.cmd
}

// echo answers with the command's own body.
func echo(status uint8) func(wire.Record) []wire.Reply {
	return func(r wire.Record) []wire.Reply {
		return []wire.Reply{{Seq: r.Seq, Type: r.Type, Status: status, Value: r.Body}}
	}
}

func TestDo(t *testing.T) {
	c := newAnswerer(echo(wire.ReplyDone))
	for ch := range byte(14) {
		r, err := c.Do(t.Context(), wire.TypeChannel, []byte{ch + 1})
		if err != nil || r.Type != wire.TypeChannel || !bytes.Equal(r.Value, []byte{ch + 1}) {
			t.Fatalf("channel %d: %+v, %v", ch+1, r, err)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestDoWritesRecords(t *testing.T) {
	var out []byte
	ctx, cancel := context.WithCancel(t.Context())
	c := NewCommander(writerFunc(func(p []byte) (int, error) {
		out = append(out, p...)
		cancel()
		return len(p), nil
	}))
	c.Seq = 7
	c.Do(ctx, wire.TypeSayHello, nil)
	want := "c57a8101000007000000000000000000282001e95a98" // wire's vector
	if got := fmt.Sprintf("%x", out); got != want {
		t.Errorf("wrote %s, want %s", got, want)
	}
}

func TestRefusedCommand(t *testing.T) {
	for _, c := range []struct {
		typ    wire.Type
		status uint8
		want   string
	}{
		{wire.TypeChannel, wire.ReplyBadValue, "the board refused the channel command: bad value"},
		{wire.TypeSayHello, wire.ReplyBusy, "the board refused the hello command: busy"},
		{wire.TypeStatusNow, wire.ReplyNotSupported, "the board refused the status command: not supported"},
		{0x99, wire.ReplyUnknown, "the board refused the 99 command: unknown command"},
		{wire.TypeBaud, 77, "the board refused the baud command: status 77"},
	} {
		r, err := newAnswerer(echo(c.status)).Do(t.Context(), c.typ, []byte{3})
		var refused *CommandError
		if !errors.As(err, &refused) || refused.Status != c.status || refused.Type != c.typ || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
		if !bytes.Equal(r.Value, []byte{3}) {
			t.Errorf("what is in force: %x", r.Value)
		}
	}
}

// TestForeignReplies: only a reply with the command's sequence and type
// counts, and only once.
func TestForeignReplies(t *testing.T) {
	c := newAnswerer(func(r wire.Record) []wire.Reply {
		right := wire.Reply{Seq: r.Seq, Type: r.Type, Value: []byte("right")}
		return []wire.Reply{
			{Seq: r.Seq + 1, Type: r.Type, Value: []byte("seq")},
			{Seq: r.Seq, Type: r.Type + 1, Value: []byte("type")},
			right,
			{Seq: r.Seq, Type: r.Type, Value: []byte("again")},
		}
	})
	for range 50 {
		if r, err := c.Do(t.Context(), wire.TypeHop, nil); err != nil || string(r.Value) != "right" {
			t.Fatalf("%q, %v", r.Value, err)
		}
	}
	if len(c.pending) != 0 {
		t.Errorf("%d commands still pending", len(c.pending))
	}
}

func TestNoReply(t *testing.T) {
	silent := func(wire.Record) []wire.Reply { return nil }
	c := newAnswerer(silent)
	c.Timeout = 5 * time.Millisecond
	if _, err := c.Do(t.Context(), wire.TypeChannel, []byte{1}); !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), "channel command") {
		t.Errorf("time-out: %v", err)
	}
	c.Timeout = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if _, err := c.Do(ctx, wire.TypeChannel, []byte{1}); !errors.Is(err, ErrTimeout) {
		t.Errorf("deadline: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := c.Do(ctx, wire.TypeChannel, []byte{1}); !errors.Is(err, context.Canceled) || errors.Is(err, ErrTimeout) {
		t.Errorf("cancelled: %v", err)
	}
	if len(c.pending) != 0 {
		t.Errorf("%d commands still pending", len(c.pending))
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestFailedWrite(t *testing.T) {
	if _, err := NewCommander(failing{}).Do(t.Context(), wire.TypeChannel, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
	if _, err := NewCommander(failing{}).Do(t.Context(), wire.TypeHop, make([]byte, wire.MaxBody+1)); !errors.Is(err, wire.ErrLength) {
		t.Errorf("%v", err)
	}
}

// TestBlockedWrite: a port that takes nothing does not hold a command beyond
// its time, and commands that are given up are not sent later.
func TestBlockedWrite(t *testing.T) {
	var started, open = make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var seqs []uint16
	block := sync.OnceFunc(func() { close(started); <-open })
	var c *Commander
	c = NewCommander(writerFunc(func(p []byte) (int, error) {
		block()
		r, _, err := wire.ParseRecord(p)
		mu.Lock()
		seqs = append(seqs, r.Seq)
		mu.Unlock()
		if r.Seq == 13 {
			c.Deliver(wire.Reply{Seq: 13, Type: r.Type})
		}
		return len(p), err
	}))
	c.Seq = 10
	ctx, cancel := context.WithCancel(t.Context())
	var first sync.WaitGroup
	first.Go(func() { c.Do(ctx, wire.TypeChannel, []byte{1}) })
	<-started
	cancel()
	first.Wait()
	c.Timeout = 5 * time.Millisecond
	for range 2 {
		if _, err := c.Do(t.Context(), wire.TypeChannel, []byte{1}); !errors.Is(err, ErrTimeout) {
			t.Errorf("%v", err)
		}
	}
	close(open)
	c.Timeout = time.Minute
	if _, err := c.Do(t.Context(), wire.TypeChannel, []byte{1}); err != nil {
		t.Errorf("after the port went on: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seqs) != 2 || seqs[1] != 13 {
		t.Errorf("wrote %v", seqs)
	}
}

func TestManyAtOnce(t *testing.T) {
	c := newAnswerer(echo(wire.ReplyDone))
	c.Timeout = time.Minute
	c.Seq = 65500 // wraps
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			body := fmt.Append(nil, "command ", i)
			if r, err := c.Do(context.Background(), wire.TypeHop, body); err != nil || !bytes.Equal(r.Value, body) {
				t.Errorf("%d: %q, %v", i, r.Value, err)
			}
		})
	}
	wg.Wait()
}
