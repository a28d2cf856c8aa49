package badnet_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"pqiot/peer/badnet"
)

// echo is a gateway that sends back what it gets, and notes from where.
func echo(t *testing.T) (address string, seen func() []string) {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []string
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 100)
		for {
			n, from, err := conn.ReadFromUDP(buf)
			if err != nil {
				return
			}
			mu.Lock()
			all = append(all, fmt.Sprintf("%v %s", from.IP, buf[:n]))
			mu.Unlock()
			conn.WriteToUDP(buf[:n], from)
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
	return conn.LocalAddr().String(), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

func dial(t *testing.T, n *badnet.Network) net.Conn {
	t.Helper()
	conn, err := net.Dial("udp", n.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// talk sends count numbers and returns the first answers that come.
func talk(t *testing.T, conn net.Conn, count, answers int) []string {
	t.Helper()
	for i := range count {
		fmt.Fprint(conn, i)
	}
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	var all []string
	for buf := make([]byte, 100); len(all) < answers; {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("%d answers of %d: %v", len(all), answers, err)
		}
		all = append(all, string(buf[:n]))
	}
	return all
}

func waitFor(t *testing.T, n *badnet.Network, want badnet.Counts) {
	t.Helper()
	for end := time.Now().Add(time.Minute); n.Counts() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%v; expected: %v", n.Counts(), want)
		}
	}
}

func TestGoodNetwork(t *testing.T) {
	address, _ := echo(t)
	n := badnet.Start(t, address, badnet.Config{})
	if got := talk(t, dial(t, n), 3, 3); !slices.Equal(got, []string{"0", "1", "2"}) {
		t.Errorf("%q", got)
	}
	waitFor(t, n, badnet.Counts{Passed: 6})
}

func TestDoubling(t *testing.T) {
	address, _ := echo(t)
	n := badnet.Start(t, address, badnet.Config{Doubling: 1})
	if got := talk(t, dial(t, n), 1, 4); !slices.Equal(got, []string{"0", "0", "0", "0"}) {
		t.Errorf("%q", got)
	}
	waitFor(t, n, badnet.Counts{Passed: 2 + 4, Doubled: 1 + 2})
}

// TestLoss: all is lost but what may not be, which is doubled.
func TestLoss(t *testing.T) {
	address, seen := echo(t)
	n := badnet.Start(t, address, badnet.Config{Loss: 1, MayLose: func(d []byte) bool { return string(d) != "2" }})
	if got := talk(t, dial(t, n), 3, 4); !slices.Equal(got, []string{"2", "2", "2", "2"}) {
		t.Errorf("%q", got)
	}
	waitFor(t, n, badnet.Counts{Passed: 6, Lost: 2, Doubled: 3})
	if got := seen(); !slices.Equal(got, []string{"127.77.0.1 2", "127.77.0.1 2"}) {
		t.Errorf("the gateway has %q", got)
	}
}

// TestDelay: all arrives, and not in order.
func TestDelay(t *testing.T) {
	address, _ := echo(t)
	n := badnet.Start(t, address, badnet.Config{Delaying: 1, LongestDelay: 20 * time.Millisecond, Rand: rand.New(rand.NewPCG(1, 2))})
	conn := dial(t, n)
	const count = 50
	got := talk(t, conn, count, count)
	var inOrder []string
	for i := range count {
		inOrder = append(inOrder, fmt.Sprint(i))
	}
	if slices.Equal(got, inOrder) {
		t.Error("nothing was overtaken")
	}
	slices.Sort(got)
	slices.Sort(inOrder)
	if !slices.Equal(got, inOrder) {
		t.Errorf("%q", got)
	}
	waitFor(t, n, badnet.Counts{Passed: 2 * count, Delayed: 2 * count})
}

// TestShares: over 2000 datagrams each share is within five standard deviations.
func TestShares(t *testing.T) {
	const count, loss, doubling = 2000, 0.05, 0.1
	address, _ := echo(t)
	n := badnet.Start(t, address, badnet.Config{Loss: loss, Doubling: doubling, Rand: rand.New(rand.NewPCG(1, 2)),
		MayLose: func([]byte) bool { return true }})
	conn := dial(t, n)
	for i := range count {
		fmt.Fprint(conn, i)
		for c := n.Counts(); c.Passed-c.Doubled+c.Lost <= i; c = n.Counts() {
			time.Sleep(50 * time.Microsecond) // never more than the sockets hold
		}
	}
	c := n.Counts()
	all := float64(c.Passed - c.Doubled + c.Lost)
	for _, s := range []struct{ got, share float64 }{{float64(c.Lost), loss}, {float64(c.Doubled), doubling}} {
		if d := s.got - all*s.share; d*d > 25*all*s.share*(1-s.share) {
			t.Errorf("%v of %v, the share is %v", s.got, all, s.share)
		}
	}
}

// TestSenders: each has an address of its own and gets its own answers; Record
// sees all, Change decides what arrives.
func TestSenders(t *testing.T) {
	address, seen := echo(t)
	var mu sync.Mutex
	recorded := map[string]int{}
	n := badnet.Start(t, address, badnet.Config{
		Record: func(up bool, sender *net.UDPAddr, d []byte) {
			mu.Lock()
			defer mu.Unlock()
			recorded[fmt.Sprintf("%v %v %s", up, sender, d)]++
		},
		Change: func(up bool, d []byte) [][]byte {
			if up {
				return [][]byte{d}
			}
			return [][]byte{[]byte("forged"), d}
		}})
	a, b := dial(t, n), dial(t, n)
	for _, conn := range []net.Conn{a, b} {
		if got := talk(t, conn, 1, 2); !slices.Equal(got, []string{"forged", "0"}) {
			t.Errorf("%q", got)
		}
	}
	if got := seen(); !slices.Equal(got, []string{"127.77.0.1 0", "127.77.0.2 0"}) {
		t.Errorf("the gateway has %q", got)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, conn := range []net.Conn{a, b} {
		for _, up := range []bool{true, false} {
			if key := fmt.Sprintf("%v %v 0", up, conn.LocalAddr()); recorded[key] != 1 {
				t.Errorf("%s was recorded %d times: %v", key, recorded[key], recorded)
			}
		}
	}
}
