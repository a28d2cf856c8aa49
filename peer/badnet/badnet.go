// Package badnet is, for tests, the network between senders and a gateway: it
// loses, doubles, delays and so reorders UDP datagrams, each way.
package badnet

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// Config says what befalls datagrams. Its functions are called one at a time.
type Config struct {
	// Loss and Doubling are shares of all datagrams, in steps of 0.0001: together
	// at most 1.
	Loss, Doubling float64
	// Delaying is the share of what arrives, a double for itself, that is held
	// back for up to LongestDelay and overtaken by what follows.
	Delaying     float64
	LongestDelay time.Duration

	// Rand decides; nil: seeded at random.
	Rand *rand.Rand

	// MayLose, where given, is asked about each datagram that is to be lost;
	// one that may not be is doubled.
	MayLose func(datagram []byte) bool

	// Record sees each datagram, before anything befalls it, with the address of
	// the sender that it is from or for. up: towards the gateway.
	Record func(up bool, sender *net.UDPAddr, datagram []byte)

	// Change returns what arrives instead of a datagram; the shares do not
	// count then.
	Change func(up bool, datagram []byte) [][]byte
}

// Counts tells what has befallen the datagrams of both ways.
type Counts struct {
	Passed  int // copies that arrive, at once or later
	Lost    int
	Doubled int
	Delayed int // copies
}

// String is for the log of a test.
func (c Counts) String() string {
	return fmt.Sprintf("%d datagrams passed, %d lost, %d doubled, %d delayed", c.Passed, c.Lost, c.Doubled, c.Delayed)
}

// Network is one at work. The gateway sees every sender at an address of its
// own, in 127.77.0.0/16.
type Network struct {
	config  Config
	gateway *net.UDPAddr
	front   *net.UDPConn // towards the senders
	wait    sync.WaitGroup

	mu     sync.Mutex
	back   map[string]*net.UDPConn // towards the gateway, by the sender's address
	counts Counts
}

// Start puts a network before the gateway at an address, until the end of the
// test.
func Start(t testing.TB, gateway string, c Config) *Network {
	t.Helper()
	if c.Rand == nil {
		c.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	to, err := net.ResolveUDPAddr("udp", gateway)
	if err != nil {
		t.Fatal(err)
	}
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := front.SetReadBuffer(1 << 20); err != nil {
		t.Fatal(err)
	}
	n := &Network{config: c, gateway: to, front: front, back: map[string]*net.UDPConn{}}
	ended := make(chan error, 1)
	go func() { ended <- n.up() }()
	t.Cleanup(func() {
		front.Close()
		if err := <-ended; err != nil { // from here on there are no new sockets
			t.Error(err)
		}
		for _, conn := range n.back {
			conn.Close()
		}
		n.wait.Wait()
	})
	return n
}

// Address is where senders find the gateway.
func (n *Network) Address() string { return n.front.LocalAddr().String() }

// Counts returns the counts up to now.
func (n *Network) Counts() Counts {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.counts
}

func (n *Network) up() error {
	buf := make([]byte, 65536)
	for {
		size, from, err := n.front.ReadFromUDP(buf)
		if err != nil {
			return nil // closed
		}
		back, err := n.backOf(from)
		if err != nil {
			return err
		}
		n.pass(true, from, bytes.Clone(buf[:size]), func(d []byte) { back.Write(d) })
	}
}

// backOf returns the socket towards the gateway for a sender.
func (n *Network) backOf(from *net.UDPAddr) (*net.UDPConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if conn, ok := n.back[from.String()]; ok {
		return conn, nil
	}
	i := len(n.back)
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 77, byte(i/250), byte(1+i%250))}, n.gateway)
	if err != nil {
		return nil, err
	}
	n.back[from.String()] = conn
	n.wait.Go(func() { n.down(conn, from) })
	return conn, nil
}

func (n *Network) down(back *net.UDPConn, to *net.UDPAddr) {
	buf := make([]byte, 65536)
	for {
		size, err := back.Read(buf)
		if err != nil {
			return
		}
		n.pass(false, to, bytes.Clone(buf[:size]), func(d []byte) { n.front.WriteToUDP(d, to) })
	}
}

func (n *Network) pass(up bool, sender *net.UDPAddr, datagram []byte, deliver func([]byte)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.config.Record != nil {
		n.config.Record(up, sender, datagram)
	}
	if n.config.Change != nil {
		for _, d := range n.config.Change(up, datagram) {
			deliver(d)
		}
		return
	}
	for range n.copies(datagram) {
		n.counts.Passed++
		if n.chance() < n.config.Delaying {
			n.counts.Delayed++
			delay := time.Duration(n.config.Rand.Int64N(int64(n.config.LongestDelay) + 1))
			time.AfterFunc(delay, func() { deliver(datagram) })
			continue
		}
		deliver(datagram)
	}
}

// copies decides whether a datagram is lost or doubled.
func (n *Network) copies(datagram []byte) int {
	switch chance := n.chance(); {
	case chance < n.config.Loss && (n.config.MayLose == nil || n.config.MayLose(datagram)):
		n.counts.Lost++
		return 0
	case chance < n.config.Loss+n.config.Doubling:
		n.counts.Doubled++
		return 2
	}
	return 1
}

// chance is from 0 up to 1 and not 1.
func (n *Network) chance() float64 { return float64(n.config.Rand.IntN(10_000)) / 10_000 }
