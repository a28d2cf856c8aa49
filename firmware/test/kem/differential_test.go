package kem_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/cloudflare/circl/kem"
	"github.com/cloudflare/circl/kem/mlkem/mlkem1024"
	"github.com/cloudflare/circl/kem/mlkem/mlkem512"
	"github.com/cloudflare/circl/kem/mlkem/mlkem768"
)

// runsVariable sets the number of random runs on the host.
const (
	runsVariable = "PQIOT_KEM_RUNS"
	hostRuns     = 5000
	rv32Runs     = 150 // the emulator answers after the last request: all must fit the queue
)

const errRandom = -11 // firmware/core/pq_error.h

func scheme(s set) kem.Scheme {
	switch s.name {
	case "512":
		return mlkem512.Scheme()
	case "768":
		return mlkem768.Scheme()
	default:
		return mlkem1024.Scheme()
	}
}

// TestAgainstCircl: random keys, messages and ciphertexts, honest and tampered,
// must give what circl gives; damaged keys must be refused.
func TestAgainstCircl(t *testing.T) {
	runs := hostRuns
	if v := os.Getenv(runsVariable); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			t.Fatalf("%s=%q: not a number of runs", runsVariable, v)
		}
		runs = n
	}
	t.Run("host", func(t *testing.T) { differ(t, hostTarget(t, "host", "host/harness"), runs) })
	t.Run("rv32", func(t *testing.T) { differ(t, rv32Target(t), rv32Runs) })
}

// differ streams the requests of all runs to the target, while it compares the
// answers.
func differ(t *testing.T, target target, runs int) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("%d runs, seed %d", runs, seed)
	lines, w := io.Pipe()
	pending := make(chan request, 1024)
	go produce(t.Context(), random{rand.New(rand.NewPCG(seed, 0))}, runs, w, pending)
	answers := newScanner(target.ask(t, lines))
	for req := range pending {
		compare(t, answers, req)
	}
}

// produce puts each request into pending and its line into w, until all are
// there or nobody reads any more.
func produce(ctx context.Context, r random, runs int, w *io.PipeWriter, pending chan<- request) {
	defer close(pending)
	defer w.Close()
	for i := range runs {
		for _, req := range r.run(i) {
			select {
			case pending <- req:
			case <-ctx.Done():
				return
			}
			if _, err := io.WriteString(w, req.line+"\n"); err != nil {
				return
			}
		}
	}
}

type random struct{ *rand.Rand }

func (r random) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// run makes the requests of run number i, with circl's answers.
func (r random) run(i int) []request {
	s := sets()[i%3]
	c := scheme(s)
	name := fmt.Sprintf("ML-KEM-%s, run %d", s.name, i)
	seed, m := r.bytes(64), r.bytes(32)
	pk, sk := c.DeriveKeyPair(seed)
	ek, dk := must(pk.MarshalBinary()), must(sk.MarshalBinary())
	ct, ss, err := c.EncapsulateDeterministically(pk, m)
	if err != nil {
		panic(err) // circl refuses its own key
	}
	bad := r.tamper(ct)
	return append(r.refused(i, name, s, ek, dk, ct, m),
		request{name, fmt.Sprintf("random %s %x %x", s.name, seed, m), fmt.Sprintf("0 %x %x 0 %x %x", ek, dk, ct, ss)},
		request{name, fmt.Sprintf("decaps %s %x %x", s.name, dk, ct), fmt.Sprintf("0 %x", ss)},
		request{name + ", tampered", fmt.Sprintf("decaps %s %x %x", s.name, dk, bad),
			fmt.Sprintf("0 %x", must(c.Decapsulate(sk, bad)))})
}

// refused makes, in some runs, a request that must end in an error.
func (r random) refused(i int, name string, s set, ek, dk, ct, m []byte) []request {
	switch i % 8 {
	case 0:
		return []request{{name + ", coefficient too large", fmt.Sprintf("encaps %s %x %x", s.name, r.overflow(s, ek), m),
			fmt.Sprintf("%d %s %s", errKey, zeros(s.ct), zeros(32))}}
	case 1:
		return []request{{name + ", damaged key", fmt.Sprintf("decaps %s %x %x", s.name, r.damage(s, dk), ct),
			fmt.Sprintf("%d %s", errKey, zeros(32))}}
	case 2:
		return []request{{name + ", no random bytes", "random " + s.name + " - -",
			fmt.Sprintf("%d %s %s %[1]d %[4]s %[5]s", errRandom, zeros(s.ek), zeros(s.dk), zeros(s.ct), zeros(32))}}
	}
	return nil
}

// must is for what circl cannot refuse: its own keys and right lengths.
func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// tamper returns ct with one bit flipped, or, now and then, random bytes.
func (r random) tamper(ct []byte) []byte {
	if r.IntN(4) == 0 {
		return r.bytes(len(ct))
	}
	bad := append([]byte(nil), ct...)
	bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
	return bad
}

// overflow returns ek with one coefficient in q..4095 (FIPS 203 §7.2).
func (r random) overflow(s set, ek []byte) []byte {
	bad := append([]byte(nil), ek...)
	v := 3329 + r.IntN(4096-3329)
	i := r.IntN((s.ek - 32) / 3)
	p := bad[3*i : 3*i+3]
	if r.IntN(2) == 0 {
		p[0], p[1] = byte(v), p[1]&0xf0|byte(v>>8)
	} else {
		p[1], p[2] = p[1]&0x0f|byte(v<<4), byte(v>>4)
	}
	return bad
}

// damage returns dk with one bit flipped in its copy of ek or in H(ek), which
// the hash check covers (§7.3).
func (r random) damage(s set, dk []byte) []byte {
	bad := append([]byte(nil), dk...)
	first := s.dk - s.ek - 64
	bad[first+r.IntN(s.ek+32)] ^= 1 << r.IntN(8)
	return bad
}
