package dissector_test

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"pqiot/dissector"
	"pqiot/wire"
)

const benchPackets = 20000

// exchanges are sessions of 50 records each with their answers, and the key
// log of them all.
func exchanges(b *testing.B) ([]packet, []string) {
	var ps []packet
	var log []string
	for s := 0; len(ps) < benchPackets; s++ {
		ct := noise(s, wire.CiphertextSize512)
		k := testKeys(512, ct)
		log = append(log, k.line())
		mid, cf := uint16(51*s), uint16(wire.ContentFormatHandshake512)
		hs := append(ct, k.seal(b, 0x01, cf, 0, nil, "T=21.5C")...)
		ps = append(ps, up(b, request(mid, "h", cf, hs)), down(b, response(mid, "h", k.seal(b, 0x81, wire.ContentFormatRecord, 0, nonce(k.sid, 0), "ok"))))
		for i := uint64(1); i <= 50; i++ {
			mid, token := mid+uint16(i), fmt.Sprint(i)
			ps = append(ps, up(b, request(mid, token, wire.ContentFormatRecord, k.data(b, i, "T=21.5C"))),
				down(b, response(mid, token, k.answer(b, i, i, "ok"))))
		}
	}
	return ps[:benchPackets], log
}

// foreign is UDP that is none of ours, on a port that nobody claims.
func foreign(b *testing.B) []packet {
	var ps []packet
	for i := range benchPackets {
		ps = append(ps, datagram(b, sender, stranger, noise(i, 100)))
	}
	return ps
}

// BenchmarkTshark reads 20,000 packets. Each figure includes tshark's start,
// which "none" shows.
func BenchmarkTshark(b *testing.B) {
	ours, log := exchanges(b)
	script := "lua_script:" + save(b, dissector.Name, []byte(dissector.Script()))
	keylog := "pqiot.keylog:" + save(b, "keys.log", nil)
	full := withKeys(b, log...)[1]
	session, other, none := ethernet(b, 0, ours...), ethernet(b, 0, foreign(b)...), ethernet(b, 0, ours[:1]...)
	for _, c := range []struct {
		name string
		args []string
	}{
		{"none/without", []string{"-r", none}},
		{"none/with", []string{"-r", none, "-X", script}},
		{"session/without", []string{"-r", session}},
		{"session/with", []string{"-r", session, "-X", script}},
		{"session/empty-keylog", []string{"-r", session, "-X", script, "-o", keylog}},
		{"session/decrypting", []string{"-r", session, "-X", script, "-o", full}},
		{"session-details/without", []string{"-r", session, "-V"}},
		{"session-details/with", []string{"-r", session, "-V", "-X", script}},
		{"foreign/without", []string{"-r", other}},
		{"foreign/with", []string{"-r", other, "-X", script}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var cpu time.Duration
			for b.Loop() {
				cmd := exec.Command("tshark", c.args...)
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
				cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			}
			b.ReportMetric(float64(cpu.Microseconds())/float64(b.N)/benchPackets, "µs-CPU/packet")
		})
	}
}
