package extcap

import (
	"context"
	"errors"
	"fmt"
	"time"

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
		return Check{name, Fail, fmt.Sprintf("%s: %s %s is a %s, not a sniffer", b.Name(), hello.Board, hello.MAC, roleName(hello.Role)),
			"choose the sniffer's port, or flash the sniffer's firmware: pqiot-flash"}
	}
	return Check{name, OK, fmt.Sprintf("%s: %s %s, sniffer firmware %s, wire version %d.%d, channel %d",
		b.Name(), hello.Board, hello.MAC, hello.Firmware, hello.Major, hello.Minor, hello.Channel), ""}
}

// helloBuffer bounds what is kept while looking for a hello: two records.
const helloBuffer = 2 * wire.MaxRecord

// askHello sends the request and reads records until a hello comes.
func askHello(ctx context.Context, b Board, within time.Duration) (wire.Hello, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { b.Close() })
	defer stop()
	if _, err := b.Write(wire.AppendRecord(nil, wire.Record{Type: wire.TypeSayHello})); err != nil {
		return wire.Hello{}, err
	}
	var held []byte
	heard, records := 0, 0
	chunk := make([]byte, 4096)
	for {
		n, err := b.Read(chunk)
		heard += n
		held = append(held, chunk[:n]...)
		var h wire.Hello
		var found bool
		var herr error
		var seen int
		if held, h, found, seen, herr = takeHello(held); found || herr != nil {
			return h, herr
		}
		records += seen
		if ctx.Err() != nil || err != nil {
			return wire.Hello{}, silence(heard, records)
		}
	}
}

// takeHello reads the whole records in held and gives what is left over.
func takeHello(held []byte) (rest []byte, h wire.Hello, found bool, records int, err error) {
	for len(held) > 0 {
		r, n, err := wire.ParseRecord(held)
		switch {
		case errors.Is(err, wire.ErrShort):
			return held[max(0, len(held)-helloBuffer):], h, false, records, nil
		case errors.Is(err, wire.ErrVersion):
			return nil, h, false, records, err
		case err != nil:
			held = held[1:]
			continue
		}
		held = held[n:]
		records++
		if r.Type == wire.TypeHello {
			h, err = wire.ParseHello(r.Body)
			return held, h, err == nil, records, err
		}
	}
	return nil, h, false, records, nil
}

// silence says what the lack of a hello means.
func silence(heard, records int) error {
	switch {
	case heard == 0:
		return errors.New("the board says nothing: reset it, and see that its firmware is the sniffer's (pqiot-flash info)")
	case records == 0:
		return fmt.Errorf("%d bytes came, none of them a record: another line rate (--baud), or other firmware", heard)
	}
	return fmt.Errorf("%d records came but no hello: the board does not hear commands; check its RX line", records)
}

func roleName(role uint8) string {
	switch role {
	case wire.RoleSniffer:
		return "sniffer"
	case wire.RoleGateway:
		return "gateway"
	case wire.RoleSender:
		return "sender"
	}
	return fmt.Sprintf("board of role %d", role)
}
