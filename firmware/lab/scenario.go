package lab

import (
	"fmt"
	"time"

	"pqiot/firmware/lab/air"
)

// Scenario is something that happens to the three boards, by name.
type Scenario struct {
	Name, Says string        // Says is for people
	Seconds    int           // that it takes if nobody says otherwise
	Every      time.Duration // between the sender's messages
	Attack     bool          // somebody is hostile
	NeedsWPA   bool          // there is nothing to attack in open air

	conditions air.Conditions
	script     func(*Lab)
}

// Scenarios are all that there are.
func Scenarios() []Scenario {
	home := air.Conditions{Loss: 0.03, AckLoss: 0.01}
	attack := func(name, says string, do func(*Lab, *air.Attacker)) Scenario {
		return Scenario{Name: name, Says: says, Seconds: 300, Every: 2 * time.Second, Attack: true, conditions: home,
			script: func(l *Lab) {
				a := l.world.NewAttacker(66, l.sender.peer, l.gateway.peer)
				l.midway(func() { do(l, a) })
			}}
	}
	replay := func(r air.Replay) func(*Lab, *air.Attacker) {
		return func(_ *Lab, a *air.Attacker) { a.Replay(r) }
	}
	krack := attack("krack", "message 3 of the WPA2 handshake again: packet numbers start anew", (*Lab).krack)
	krack.NeedsWPA = true
	return []Scenario{
		{Name: "quiet", Says: "a clean channel, a message every 4 s", Seconds: 300, Every: 4 * time.Second},
		{Name: "paper", Says: "the paper's evaluation: join, key, handshake, messages, LED and screen", Seconds: 30,
			Every: 5 * time.Second, conditions: air.Conditions{Loss: 0.01}},
		{Name: "noisy", Says: "losses everywhere, slow relays, other stations", Seconds: 300, Every: 2 * time.Second,
			conditions: air.Conditions{Loss: 0.15, AckLoss: 0.1, MonitorLoss: 0.05, PacketLoss: 0.01, Duplicates: 0.01, Delay: 0.1},
			script:     func(l *Lab) { l.world.Chatter(100, 3, l.gateway.peer, 400_000) }},
		attack("replay-burst", "one datagram twenty times in a second", replay(air.Replay{Count: 20, Every: 50_000})),
		attack("replay-slow", "one datagram every 20 s, in the sender's name",
			replay(air.Replay{Spoof: true, Count: 6, Every: 20_700_000})),
		attack("replay-relay", "another station sends the sender's datagram", replay(air.Replay{Count: 3, Every: 5_000_000})),
		attack("handshake-replay", "the handshake again, from another station",
			replay(air.Replay{Handshake: true, Renumber: true, Count: 3, Every: 4_000_000})),
		attack("key-substitution", "the sender restarts, and a false gateway hands out its own key", (*Lab).substitute),
		krack,
		attack("flood", "handshakes faster than a gateway can open them",
			func(_ *Lab, a *air.Attacker) { a.Flood(600, 40_000) }),
		{Name: "reboot", Says: "the gateway loses its power; the session begins anew", Seconds: 300, Every: 2 * time.Second,
			conditions: home, script: func(l *Lab) { l.midway(l.gateway.cutPower) }},
	}
}

// Find gives the scenario of that name.
func Find(name string) (Scenario, error) {
	for _, s := range Scenarios() {
		if s.Name == name {
			return s, nil
		}
	}
	return Scenario{}, fmt.Errorf("no scenario is called %q", name)
}

// midway lets do happen when half of the run is over.
func (l *Lab) midway(do func()) { l.world.After(l.length/2, do) }

func (l *Lab) krack(a *air.Attacker) {
	if !a.Krack() { // the sender has just left: it will be back
		l.world.After(1_000_000, func() { l.krack(a) })
	}
}

// substitute makes the sender ask for the key again, and lies to it twice.
func (l *Lab) substitute(a *air.Attacker) {
	a.FalseGateway(2)
	l.restartSender()
}
