package gatewaytest_test

import (
	"bytes"
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"pqiot/peer/gateway"
	"pqiot/peer/gatewaytest"
	"pqiot/peer/session"
)

// process is the Go gateway in this process, on a UDP socket, with a clock
// that can be moved.
type process struct {
	cfg    gateway.Config
	addr   *net.UDPAddr
	ahead  atomic.Int64
	cancel context.CancelFunc
	done   chan error
}

func (p *process) clock() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }

func (p *process) start(t *testing.T) {
	t.Helper()
	conn, err := net.ListenUDP("udp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	p.addr = conn.LocalAddr().(*net.UDPAddr)
	g, err := gateway.New(p.cfg, p.clock())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	p.cancel, p.done = cancel, done
	go func() {
		err := g.Serve(ctx, conn, p.clock)
		conn.Close() // before a restart binds the port again
		done <- err
		close(done)
	}()
}

func (p *process) stop(t *testing.T) {
	t.Helper()
	p.cancel()
	if err := <-p.done; err != nil {
		t.Error(err)
	}
}

func target(oscore bool) gatewaytest.Target {
	psk := bytes.Repeat([]byte{5}, 32)
	return gatewaytest.Target{
		Suites: []session.Suite{session.MLKEM512, session.MLKEM768, session.MLKEM1024},
		KID:    "k1", PSK: psk,
		Start: func(t *testing.T, o gatewaytest.Options) *gatewaytest.Instance {
			key, err := session.NewPrivateKey(o.Suite, bytes.Repeat([]byte{1}, session.SeedSize))
			if err != nil {
				t.Fatal(err)
			}
			p := &process{addr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, cfg: gateway.Config{Key: key, OSCORE: oscore,
				PSKs: map[string][]byte{"k1": psk}, RequirePSK: o.RequirePSK, Slots: o.Slots}}
			p.start(t)
			t.Cleanup(func() { p.stop(t) })
			slots := o.Slots
			if slots == 0 {
				slots = gateway.DefaultSlots
			}
			return &gatewaytest.Instance{Address: p.addr.String(), Pin: key.Pin(), Slots: slots,
				Restart: func(t *testing.T) { p.stop(t); p.start(t) },
				Advance: func(d time.Duration) { p.ahead.Add(int64(d)) }}
		},
	}
}

func TestGateway(t *testing.T)       { gatewaytest.Run(t, target(false)) }
func TestGatewayOSCORE(t *testing.T) { gatewaytest.Run(t, target(true)) }
