package sender

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"
)

// Link carries datagrams to and from the gateway, and tells the time.
type Link interface {
	Send(datagram []byte) error
	// Recv waits for a datagram until deadline. From then on it gives
	// os.ErrDeadlineExceeded, even if datagrams are waiting: a flood must not
	// keep the sender from its timers.
	Recv(buf []byte, deadline time.Time) (int, error)
	Now() time.Time
}

// UDP is the Link over a socket that is connected to the gateway.
type UDP struct {
	conn *net.UDPConn
	ctx  context.Context
	stop func() bool
}

// Dial resolves host:port and connects. When ctx ends, waiting ends too and
// Recv gives the context's error.
func Dial(ctx context.Context, address string) (*UDP, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", address)
	if err != nil {
		return nil, fmt.Errorf("gateway %s: %w", address, err)
	}
	u := &UDP{conn: conn.(*net.UDPConn), ctx: ctx}
	u.stop = context.AfterFunc(ctx, func() { u.conn.SetReadDeadline(time.Unix(1, 0)) })
	return u, nil
}

// Close closes the socket.
func (u *UDP) Close() error {
	u.stop()
	return u.conn.Close()
}

// Send sends one datagram.
func (u *UDP) Send(datagram []byte) error {
	_, err := u.conn.Write(datagram)
	return err
}

// Recv implements Link. A port that nobody listens on gives the system's
// "connection refused", which whoever is on the way can forge.
func (u *UDP) Recv(buf []byte, deadline time.Time) (int, error) {
	if err := u.conn.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := u.conn.Read(buf)
	if os.IsTimeout(err) && u.ctx.Err() != nil {
		return 0, u.ctx.Err()
	}
	return n, err
}

// Now returns the system's time.
func (u *UDP) Now() time.Time { return time.Now() }
