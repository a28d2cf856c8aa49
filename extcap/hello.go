package extcap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pqiot/decoder"
	"pqiot/wire"
)

// Talk opens a board and asks who it is, within a time. The result is a check
// of doctor's.
func Talk(ctx context.Context, open Opener, within time.Duration) Check {
	const name = "board's answer"
	b, err := open.Open(ctx)
	if err != nil {
		return Check{name, Fail, err.Error(), ""}
	}
	defer b.Close()
	hello, err := askHello(ctx, b, within)
	switch {
	case err != nil:
		return Check{name, Fail, b.Name() + ": " + err.Error(), ""}
	case hello.Role != wire.RoleSniffer:
		return Check{name, Fail, fmt.Sprintf("%s: %s %s is a %s, not a sniffer", b.Name(), boardName(hello), hello.MAC, roleName(hello.Role)),
			"choose the sniffer's port, or flash the sniffer's firmware: pqiot-flash"}
	}
	return Check{name, OK, fmt.Sprintf("%s: %s %s, sniffer firmware %s, wire version %d.%d, channel %d",
		b.Name(), boardName(hello), hello.MAC, hello.Firmware, hello.Major, hello.Minor, hello.Channel), ""}
}

// askHello sends the request and reads until a hello comes. The board is
// closed when the time is over.
func askHello(ctx context.Context, b Board, within time.Duration) (wire.Hello, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	defer context.AfterFunc(ctx, func() { b.Close() })()
	if _, err := b.Write(wire.AppendRecord(nil, wire.Record{Type: wire.TypeSayHello})); err != nil {
		return wire.Hello{}, err
	}
	r := decoder.NewReader(b)
	for {
		rec, err := r.Next()
		switch {
		case errors.Is(err, wire.ErrVersion):
			return wire.Hello{}, err
		case err != nil && ctx.Err() == nil:
			return wire.Hello{}, err // the line failed
		case err != nil:
			return wire.Hello{}, noHello(r.Stats())
		case rec.Type == wire.TypeHello:
			return rec.Hello, nil
		}
	}
}

// noHello says what the lack of a hello means.
func noHello(s decoder.Stats) error {
	switch {
	case s.Bytes == 0:
		return errors.New("the board says nothing: reset it, and see that the sniffer's firmware is on it (pqiot-flash)")
	case s.Records == 0:
		return fmt.Errorf("%d bytes came, none of them a record: another line rate (--baud), or other firmware", s.Bytes)
	}
	return fmt.Errorf("%d records came but no hello: the board does not hear commands; check its RX line", s.Records)
}
