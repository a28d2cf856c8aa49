package sender_test

import (
	"bytes"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy passes datagrams between a sender and a gateway, and does to them what
// a bad network or somebody on the way does.
type proxy struct {
	front *net.UDPConn // the sender's side
	back  *net.UDPConn

	// change says what becomes of a datagram; nil: it is lost, doubled or
	// delayed by chance.
	change func(up bool, datagram []byte) [][]byte

	mu                             sync.Mutex
	sender                         *net.UDPAddr
	rng                            *rand.Rand
	losses                         map[[2]byte]int // of an exchange, by its message id
	passed, lost, doubled, delayed int
}

// Chances in per cent, each way. An exchange suffers four losses at most: after
// five the sender gives up, and rightly.
const (
	loss, duplication, delaying = 3, 5, 10
	mostLosses                  = 4
	longestDelay                = 15 * time.Millisecond
)

func startProxy(t *testing.T, gateway string, change func(up bool, datagram []byte) [][]byte) *proxy {
	t.Helper()
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	to, err := net.ResolveUDPAddr("udp", gateway)
	if err != nil {
		t.Fatal(err)
	}
	back, err := net.DialUDP("udp", nil, to)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{front: front, back: back, change: change, rng: rand.New(rand.NewPCG(1, 2)), losses: map[[2]byte]int{}}
	var wait sync.WaitGroup
	wait.Go(p.up)
	wait.Go(p.down)
	t.Cleanup(func() {
		front.Close()
		back.Close()
		wait.Wait()
	})
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
		p.mu.Lock()
		p.sender = from
		p.pass(true, bytes.Clone(buf[:n]), func(d []byte) { p.back.Write(d) })
		p.mu.Unlock()
	}
}

func (p *proxy) down() {
	buf := make([]byte, 65536)
	for {
		n, err := p.back.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		to := p.sender
		p.pass(false, bytes.Clone(buf[:n]), func(d []byte) { p.front.WriteToUDP(d, to) })
		p.mu.Unlock()
	}
}

func (p *proxy) pass(up bool, datagram []byte, deliver func([]byte)) {
	if p.change != nil {
		for _, d := range p.change(up, datagram) {
			deliver(d)
		}
		return
	}
	copies := 1
	switch chance := p.rng.IntN(100); {
	case chance < loss && p.mayLose(datagram):
		p.lost++
		return
	case chance < loss+duplication:
		p.doubled++
		copies = 2
	}
	for range copies {
		p.passed++
		if p.rng.IntN(100) < delaying { // overtaken by those that follow
			p.delayed++
			time.AfterFunc(time.Duration(p.rng.Int64N(int64(longestDelay))), func() { deliver(datagram) })
			continue
		}
		deliver(datagram)
	}
}

// mayLose counts the losses of an exchange, both ways together.
func (p *proxy) mayLose(datagram []byte) bool {
	key := [2]byte(datagram[2:4])
	p.losses[key]++
	return p.losses[key] <= mostLosses
}

// report fails the test if the network was a good one.
func (p *proxy) report(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	t.Logf("%d datagrams passed, %d lost, %d doubled, %d delayed", p.passed, p.lost, p.doubled, p.delayed)
	if p.lost == 0 || p.doubled == 0 || p.delayed == 0 {
		t.Error("the proxy did nothing")
	}
}
