package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// maxDatagram is what UDP can carry, so that no body arrives cut.
const maxDatagram = 65535

// Serve answers the datagrams of a socket until ctx ends, then returns nil.
// It takes the time from clock; nil means time.Now.
func (g *Gateway) Serve(ctx context.Context, conn *net.UDPConn, clock func() time.Time) error {
	if clock == nil {
		clock = time.Now
	}
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	buf := make([]byte, maxDatagram)
	for failures := 0; ; {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			// An ICMP error of an answer sent earlier may come up here; a
			// socket that gives nothing else is broken.
			if failures++; failures > 100 {
				return fmt.Errorf("receive: %w", err)
			}
			continue
		}
		failures = 0
		if out := g.Handle(clock(), from, buf[:n]); out != nil {
			conn.WriteToUDPAddrPort(out, from) // lost on the way is lost: the sender repeats
		}
	}
}
