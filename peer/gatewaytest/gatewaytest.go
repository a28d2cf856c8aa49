// Package gatewaytest holds what any pqiot gateway must survive, as a table of
// tests that talk to a running gateway over UDP. It knows nothing of the
// gateway's insides: one in Go, in C or on a board is run against the same
// rows. After each row a session that was open before must still work.
package gatewaytest

import (
	"testing"
	"time"

	"pqiot/peer/session"
)

// Options is what a row asks of its gateway.
type Options struct {
	Suite      session.Suite
	RequirePSK bool
	Slots      int // 0: any number
}

// Instance is a gateway that runs for one row, with a key of its own.
type Instance struct {
	Address string // host:port, UDP
	Pin     [32]byte
	Slots   int // sessions at once

	// Restart reboots the gateway: the same key and address, a new boot. Nil:
	// rows that need it are skipped.
	Restart func(t *testing.T)
	// Advance lets time pass at the gateway. Nil: the test sleeps, and with
	// -short such rows are skipped.
	Advance func(d time.Duration)
}

// Target is the kind of gateway under test. Each of its gateways knows the one
// PSK.
type Target struct {
	Suites []session.Suite // the first is used where a row asks for none
	KID    string
	PSK    []byte
	// Start starts a gateway that ends with the test. It skips the test if it
	// cannot have the options.
	Start func(t *testing.T, o Options) *Instance
	// OneAtATime: there is one gateway, so that rows must not overlap.
	OneAtATime bool
}

// row is one line of the table.
type row struct {
	name    string
	options Options
	slow    bool // needs time to pass
	run     func(t *testing.T, r *rig)
}

// rig is a gateway with one session in being.
type rig struct {
	*Instance
	target *Target
	suite  session.Suite
	legit  *peer
}

// Run runs every row, each as a test of its own.
func Run(t *testing.T, target Target) {
	for _, rows := range [][]row{formatRows(), handshakeRows(), recordRows(), loadRows(), blockRows()} {
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				if !target.OneAtATime {
					t.Parallel()
				}
				target.run(t, row)
			})
		}
	}
}

func (target *Target) run(t *testing.T, row row) {
	o := row.options
	if o.Suite == 0 {
		o.Suite = target.Suites[0]
	}
	supported := false
	for _, s := range target.Suites {
		supported = supported || s == o.Suite
	}
	if !supported {
		t.Skipf("this gateway has no %v", o.Suite)
	}
	r := &rig{Instance: target.Start(t, o), target: target, suite: o.Suite}
	if row.slow && r.Advance == nil && testing.Short() {
		t.Skip("this gateway's time cannot be moved")
	}
	r.legit = r.dial(t)
	if o.RequirePSK {
		r.legit.usePSK()
	}
	r.legit.open(t)
	row.run(t, r)
	r.legit.works(t)
}

// pass lets time pass at the gateway.
func (r *rig) pass(d time.Duration) {
	if r.Advance != nil {
		r.Advance(d)
		return
	}
	time.Sleep(d)
}
