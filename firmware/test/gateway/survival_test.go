package gateway_test

import (
	"testing"
	"time"

	"pqiot/peer/gatewaytest"
	"pqiot/peer/session"
)

// slots is PQ_GATEWAY_SLOTS.
const slots = 8

// TestSurvival runs every row of the table.
func TestSurvival(t *testing.T) {
	exe := build(t)
	gatewaytest.Run(t, gatewaytest.Target{
		Suites: []session.Suite{session.MLKEM512, session.MLKEM768, session.MLKEM1024},
		KID:    testKID, PSK: testPSK,
		Start: func(t *testing.T, o gatewaytest.Options) *gatewaytest.Instance {
			p := start(t, exe, o.Suite, o.RequirePSK)
			return &gatewaytest.Instance{Address: p.address, Pin: p.pin, Slots: slots,
				Restart: func(t *testing.T) { p.command(t, "restart") },
				Advance: func(d time.Duration) { p.advance(t, d) }}
		},
	})
}
