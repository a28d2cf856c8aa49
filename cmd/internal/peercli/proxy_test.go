package peercli_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy passes datagrams between senders and a gateway, and does to them what
// a network does. Towards the gateway each sender has an address of its own.
type proxy struct {
	front   *net.UDPConn
	gateway *net.UDPAddr

	loss, duplication, reordering float64
	record                        func(up bool, sender *net.UDPAddr, datagram []byte)
	change                        func(up bool, datagram []byte) [][]byte // nil: nothing

	mu    sync.Mutex
	rng   *rand.Rand
	back  map[string]*net.UDPConn
	count struct{ passed, lost, doubled, delayed int }
}

func startProxy(t testing.TB, gateway string, change func(*proxy)) *proxy {
	t.Helper()
	addr, err := net.ResolveUDPAddr("udp", gateway)
	if err != nil {
		t.Fatal(err)
	}
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	front.SetReadBuffer(1 << 20)
	p := &proxy{front: front, gateway: addr, rng: rand.New(rand.NewPCG(1, 2)), back: map[string]*net.UDPConn{}}
	if change != nil {
		change(p)
	}
	t.Cleanup(func() {
		front.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, conn := range p.back {
			conn.Close()
		}
	})
	go p.up()
	return p
}

func (p *proxy) address() string { return p.front.LocalAddr().String() }

func (p *proxy) up() {
	buf := make([]byte, 65536)
	for {
		n, from, err := p.front.ReadFromUDP(buf)
		if err != nil {
			return
		}
		back, err := p.backOf(from)
		if err != nil {
			return
		}
		p.pass(true, from, bytes.Clone(buf[:n]), func(d []byte) { back.Write(d) })
	}
}

// backOf returns the socket towards the gateway for a sender.
func (p *proxy) backOf(from *net.UDPAddr) (*net.UDPConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if conn, ok := p.back[from.String()]; ok {
		return conn, nil
	}
	n := len(p.back)
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 77, byte(n/250), byte(1+n%250))}, p.gateway)
	if err != nil {
		return nil, err
	}
	p.back[from.String()] = conn
	go p.down(conn, from)
	return conn, nil
}

func (p *proxy) down(back *net.UDPConn, to *net.UDPAddr) {
	buf := make([]byte, 65536)
	for {
		n, err := back.Read(buf)
		if err != nil {
			return
		}
		p.pass(false, to, bytes.Clone(buf[:n]), func(d []byte) { p.front.WriteToUDP(d, to) })
	}
}

// pass loses, doubles or delays a datagram; a delayed one is overtaken by
// those that follow.
func (p *proxy) pass(up bool, sender *net.UDPAddr, datagram []byte, deliver func([]byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.record != nil {
		p.record(up, sender, datagram)
	}
	if p.change != nil {
		for _, d := range p.change(up, datagram) {
			deliver(d)
		}
		return
	}
	if p.rng.Float64() < p.loss {
		p.count.lost++
		return
	}
	copies := 1
	if p.rng.Float64() < p.duplication {
		copies = 2
		p.count.doubled++
	}
	for range copies {
		p.count.passed++
		if p.rng.Float64() < p.reordering {
			p.count.delayed++
			time.AfterFunc(time.Duration(p.rng.IntN(20_000))*time.Microsecond, func() { deliver(datagram) })
			continue
		}
		deliver(datagram)
	}
}

// TestLossyNetwork: 10,000 messages of 40 senders through 5 % loss, 5 %
// duplication and reordering, each way. Each is accepted exactly once.
func TestLossyNetwork(t *testing.T) {
	const senders, each = 40, 250
	dir := t.TempDir()
	g := startGateway(t, dir, "127.0.0.1:0")
	p := startProxy(t, g.address, func(p *proxy) { p.loss, p.duplication, p.reordering = 0.05, 0.05, 0.1 })
	began := time.Now()
	results := make([]result, senders)
	var wait sync.WaitGroup
	for i := range senders {
		var in bytes.Buffer
		for j := range each {
			fmt.Fprintf(&in, "%d/%d\n", i, j)
		}
		wait.Go(func() {
			results[i] = sender(t, dir, in.String(), "--gateway", p.address(), "--pin", g.pin,
				"--ack-timeout", "100ms", "--max-retransmit", "14")
		})
		time.Sleep(120 * time.Millisecond) // under 10 handshakes a second: nobody is refused
	}
	wait.Wait()
	took := time.Since(began)
	for i, r := range results {
		if r.status != 0 {
			t.Errorf("sender %d: status %d\n%s", i, r.status, r.stderr)
		}
	}
	g.stop(t)
	seen := map[string]int{}
	for _, e := range g.messages() {
		seen[e.Text]++
	}
	for i := range senders {
		for j := range each {
			if n := seen[fmt.Sprintf("%d/%d", i, j)]; n != 1 {
				t.Errorf("message %d of sender %d was accepted %d times", j, i, n)
			}
		}
	}
	if len(seen) != senders*each {
		t.Errorf("%d messages, %d expected", len(seen), senders*each)
	}
	p.mu.Lock()
	c := p.count
	p.mu.Unlock()
	t.Logf("%d messages in %v: %d datagrams passed, %d lost, %d doubled, %d delayed", len(seen), took.Round(time.Millisecond), c.passed, c.lost, c.doubled, c.delayed)
	if c.lost == 0 || c.doubled == 0 || c.delayed == 0 {
		t.Error("the proxy did nothing")
	}
}
