package air

import "fmt"

// Scenario is something that happens on the air, by name.
type Scenario struct {
	Name string
	Says string // what happens, for people
	// Attack says that there is one. NeedsWPA and Inside bound where it makes
	// sense and what can be seen: an attacker inside the network gets fresh
	// packet numbers, and without the key nothing shows.
	Attack, NeedsWPA, Inside bool

	conditions Conditions
	senders    int
	every      uint64 // µs between a sender's messages
	seconds    float64
	script     func(*World, *Gateway, []*Sender)
}

const (
	sec      = 1_000_000 // µs
	attackAt = 150 * sec
)

// attack runs do against the first sender at attackAt; with inside the
// attacker is a station of the network.
func attack(do func(*attacker)) func(*World, *Gateway, []*Sender) {
	return func(w *World, g *Gateway, s []*Sender) {
		a := &attacker{w: w, victim: s[0], gw: g, member: w.addStation(66)}
		w.after(attackAt, func() { do(a) })
	}
}

// Scenarios are all that there are.
func Scenarios() []Scenario {
	home := Conditions{Loss: 0.03, AckLoss: 0.01}
	busy := func(n int, c Conditions, every uint64, script func(*World, *Gateway, []*Sender)) Scenario {
		return Scenario{conditions: c, senders: n, every: every, seconds: 300, script: script}
	}
	named := func(name, says string, s Scenario) Scenario { s.Name, s.Says = name, says; return s }
	hostile := func(name, says string, inside bool, do func(*attacker)) Scenario {
		s := busy(4, home, 2*sec, attack(do))
		s.Attack, s.Inside = true, inside
		return named(name, says, s)
	}
	wpa := func(s Scenario) Scenario { s.NeedsWPA = true; return s }
	return []Scenario{
		named("quiet", "four senders, a clean channel", busy(4, Conditions{}, 4*sec, nil)),
		named("busy", "thirty senders", busy(30, home, 2*sec, nil)),
		named("retries", "30 % of all frames are sent again", busy(6, Conditions{Loss: 0.3}, 2*sec, nil)),
		named("ack-loss", "20 % of all acknowledgements are lost", busy(6, Conditions{AckLoss: 0.2, Loss: 0.02}, 2*sec, nil)),
		named("monitor-loss", "the monitor misses 30 % of all frames", busy(6, Conditions{MonitorLoss: 0.3, Loss: 0.1}, 2*sec, nil)),
		named("packet-loss", "8 % of all packets are lost, CoAP repeats them", busy(6, Conditions{PacketLoss: 0.08, Loss: 0.02}, 2*sec, nil)),
		named("slow-relay", "the access point holds packets back", busy(6, Conditions{Delay: 0.3, Loss: 0.05}, sec, nil)),
		named("capture-duplicates", "the monitor writes 5 % of all frames twice", busy(6, Conditions{Duplicates: 0.05, Loss: 0.05}, 2*sec, nil)),
		named("background", "other traffic, the same payloads over and over", busy(4, home, 2*sec, func(w *World, g *Gateway, s []*Sender) {
			for i := range 3 {
				w.chatter(w.addStation(byte(100+i)), g.n, 400_000)
			}
		})),
		named("reboot", "the gateway restarts; sessions begin anew", busy(5, home, 2*sec, func(w *World, g *Gateway, _ []*Sender) {
			w.after(170*sec, g.boot)
		})),
		named("power-return", "all senders restart at once", busy(20, home, 4*sec, func(w *World, _ *Gateway, s []*Sender) {
			w.after(200*sec, func() {
				for _, x := range s {
					if x.waiting != nil {
						x.waiting.over = true
					}
					w.after(w.between(0, 3*sec), x.begin)
				}
			})
		})),
		named("slow-gateway", "answers take longer than the first retransmission", busy(4, home, 6*sec, func(_ *World, g *Gateway, _ []*Sender) {
			g.slow = 3_500_000
		})),
		named("clock-steps", "the clock of the monitor steps", busy(4, home, 2*sec, func(w *World, _ *Gateway, _ []*Sender) {
			w.after(120*sec, func() { w.tsfOff += 900_000 })
			w.after(220*sec, func() { w.tsfOff += 40_000_000 })
		})),
		wpa(named("rekey", "pairwise keys change every 40 s", busy(4, home, 2*sec, func(w *World, _ *Gateway, s []*Sender) {
			for _, x := range s {
				var again func()
				again = func() { w.handshake(x.n); w.after(40*sec, again) }
				w.after(w.between(20*sec, 60*sec), again)
			}
		}))),
		named("roaming", "stations leave and join again", busy(4, home, 2*sec, func(w *World, _ *Gateway, s []*Sender) {
			for _, x := range s {
				var again func()
				again = func() { w.join(x.n); w.after(50*sec, again) }
				w.after(w.between(20*sec, 60*sec), again)
			}
		})),
		hostile("replay-frame", "a frame of the air again, bit by bit", false, func(a *attacker) { a.raw(5, 3*sec) }),
		hostile("replay-burst", "one datagram twenty times in a second", true, func(a *attacker) { a.datagram(false, false, false, 20, 50_000) }),
		hostile("replay-slow", "one datagram every 20 s", true, func(a *attacker) { a.datagram(false, true, false, 6, 20*sec+700_000) }),
		hostile("replay-relay", "another station sends the victim's datagram", true, func(a *attacker) { a.datagram(false, false, false, 3, 5*sec) }),
		hostile("replay-ciphertext", "an old record under new message ids", true, func(a *attacker) { a.datagram(false, true, true, 5, 2*sec) }),
		hostile("handshake-replay", "the handshake again, from another station", true, func(a *attacker) { a.datagram(true, false, true, 3, 4*sec) }),
		hostile("nonce-reuse", "an old nonce with another ciphertext", true, func(a *attacker) {
			for k := range 4 {
				a.w.after(uint64(k)*3*sec, func() { a.forge(func(n uint64) uint64 { return n }, Hostile) })
			}
		}),
		hostile("sequence-regression", "a number of the session that is long past", true, func(a *attacker) {
			a.w.after(100*sec, func() { a.forge(func(n uint64) uint64 { return n - min(n, 90) }, Hostile) })
		}),
		hostile("flood", "handshakes faster than a gateway can open them", true, func(a *attacker) { a.flood(600, 40_000) }),
		hostile("key-substitution", "a false gateway hands out its own key", true, func(a *attacker) { a.falseGateway() }),
		hostile("krack-ft", "a fast-transition request again and again", false, func(a *attacker) { a.fast() }),
		wpa(hostile("krack", "message 3 again, packet numbers start anew", false, func(a *attacker) { a.krack(300_000) })),
	}
}

// Play runs a scenario and returns the world that it leaves.
func (s Scenario) Play(seed uint64, wpa bool) (*World, error) {
	w, err := NewWorld(seed, wpa, s.conditions)
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	g := w.addGateway(2)
	var senders []*Sender
	for i := range s.senders {
		senders = append(senders, w.addSender(byte(10+i), g, s.every))
	}
	if s.script != nil {
		s.script(w, g, senders)
	}
	w.Run(s.seconds)
	return w, nil
}
