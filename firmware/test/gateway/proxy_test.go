package gateway_test

import (
	"bytes"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy stands between one sender and the gateway, as a bad network does: of
// each direction's datagrams it loses and doubles some and holds all back for
// times of their own, so that they overtake each other.
type proxy struct {
	front, back   *net.UDPConn // towards the sender, towards the gateway
	sender        atomic.Pointer[net.UDPAddr]
	lost, doubled atomic.Int64
	wait          sync.WaitGroup
}

const (
	lossPercent   = 10
	doublePercent = 10
	maxDelay      = 6 * time.Millisecond
)

func newProxy(t *testing.T, gateway string) *proxy {
	t.Helper()
	remote, err := net.ResolveUDPAddr("udp", gateway)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	if p.front, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	if p.back, err = net.DialUDP("udp", nil, remote); err != nil {
		t.Fatal(err)
	}
	p.wait.Add(2)
	go p.up()
	go p.down()
	t.Cleanup(func() {
		p.front.Close()
		p.back.Close()
		p.wait.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.front.LocalAddr().String() }

func (p *proxy) up() {
	defer p.wait.Done()
	buf := make([]byte, 65536)
	for {
		n, from, err := p.front.ReadFromUDP(buf)
		if err != nil {
			return
		}
		p.sender.Store(from)
		p.forward(buf[:n], func(d []byte) { p.back.Write(d) })
	}
}

func (p *proxy) down() {
	defer p.wait.Done()
	buf := make([]byte, 65536)
	for {
		n, err := p.back.Read(buf)
		if err != nil {
			return
		}
		p.forward(buf[:n], func(d []byte) { p.front.WriteToUDP(d, p.sender.Load()) })
	}
}

// forward lets a datagram arrive never, once or twice.
func (p *proxy) forward(datagram []byte, send func([]byte)) {
	copies := 1
	switch dice := rand.IntN(100); {
	case dice < lossPercent:
		p.lost.Add(1)
		copies = 0
	case dice < lossPercent+doublePercent:
		p.doubled.Add(1)
		copies = 2
	}
	d := bytes.Clone(datagram)
	for range copies {
		time.AfterFunc(rand.N(maxDelay), func() { send(d) })
	}
}
