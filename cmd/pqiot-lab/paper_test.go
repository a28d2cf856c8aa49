//go:build linux

package main

import (
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pqiot/firmware/lab"
	"pqiot/wire"
)

// TestPaper is the evaluation of the paper (section 4), read out of the
// capture by tshark: both boards join and get an address, the key is fetched,
// the handshake and messages come, the gateway shows them, flashes its LED and
// prints how long each step of cryptography took.
func TestPaper(t *testing.T) {
	for _, wpa := range []string{"", "home:correct horse"} {
		t.Run("wpa="+wpa, func(t *testing.T) {
			var args []string
			if wpa != "" {
				args = []string{"--wpa", wpa}
			}
			r := play(t, "paper", args...)
			joined(t, r, wpa)
			texts := sent(t, r, wpa, 3)
			exchanged(t, r, wpa, texts)
			shown(t, r, wpa, texts)
			timed(t, r, wpa)
			labelled(t, r, wpa)
		})
	}
}

// joined: the four messages of DHCP for each board, and ARP for the gateway.
func joined(t *testing.T, r recording, wpa string) {
	t.Helper()
	for _, mac := range []string{"02:00:00:00:01:02", "02:00:00:00:01:0a"} {
		var kinds []string
		for _, row := range tshark(t, r, wpa, "dhcp && wlan.fc.retry == 0 && dhcp.hw.mac_addr == "+mac, "dhcp.option.dhcp") {
			if !slices.Contains(kinds, row[0]) {
				kinds = append(kinds, row[0])
			}
		}
		if got := strings.Join(kinds, " "); got != "1 2 3 5" { // RFC 2132 §9.6: discover, offer, request, ack
			t.Errorf("%s: DHCP messages %s", mac, got)
		}
	}
	if len(tshark(t, r, wpa, "arp.opcode == 1 && arp.dst.proto_ipv4 == 192.168.7.2 && arp.src.proto_ipv4 == 192.168.7.10", "frame.number")) == 0 ||
		len(tshark(t, r, wpa, "arp.opcode == 2 && arp.src.proto_ipv4 == 192.168.7.2", "frame.number")) == 0 {
		t.Error("no ARP request for the gateway, or no answer")
	}
}

// sent are the messages that the sender was told to send, by its console: at
// least so many.
func sent(t *testing.T, r recording, wpa string, least int) (texts []string) {
	t.Helper()
	for _, line := range linesOf(t, r, wpa, lab.SenderName) {
		if text, ok := strings.CutPrefix(line, "send "); ok {
			texts = append(texts, text)
		}
	}
	if len(texts) < least {
		t.Fatalf("the sender sent %q", texts)
	}
	return texts
}

func linesOf(t *testing.T, r recording, wpa, board string) (lines []string) {
	t.Helper()
	for _, row := range tshark(t, r, wpa, `pqiot_console.board == "`+board+`"`, "pqiot_console.text") {
		lines = append(lines, row[0])
	}
	return lines
}

// exchanged: a GET answered by 800 bytes, a POST of 768 + 13 + data + 16, and
// later ones of 13 + data + 16, as the bytes of the parts have it.
func exchanged(t *testing.T, r recording, wpa string, texts []string) {
	t.Helper()
	size := func(s string) int { return hex.DecodedLen(len(s)) }
	gets := tshark(t, r, wpa, `coap.code == 1 && coap.opt.uri_path_recon == "/pk"`, "ip.src", "ip.dst")
	if len(gets) == 0 || gets[0][0] != "192.168.7.10" || gets[0][1] != "192.168.7.2" {
		t.Errorf("GET /pk: %q", gets)
	}
	const first = "wlan.fc.retry == 0 && wlan.fc.tods == 1 && coap.code == "
	keys := tshark(t, r, wpa, first+"69", "pqiot.key", "ip.src")
	if len(keys) != 1 || size(keys[0][0]) != wire.EncapsulationKeySize512 || keys[0][1] != "192.168.7.2" {
		t.Errorf("2.05: %d answers, %q", len(keys), keys)
	}
	posts := tshark(t, r, wpa, first+"2", "pqiot.ciphertext", "pqiot.nonce", "pqiot.data", "pqiot.tag", "coap.mid")
	var mids []string
	for _, p := range posts {
		if slices.Contains(mids, p[4]) { // sent again
			continue
		}
		i := len(mids)
		mids = append(mids, p[4])
		want := []int{0, wire.NonceSize, len(texts[min(i, len(texts)-1)]), wire.TagSize}
		if i == 0 {
			want[0] = wire.CiphertextSize512
		}
		for part, n := range want {
			if size(p[part]) != n {
				t.Errorf("POST %d: part %d of %d bytes, want %d", i, part, size(p[part]), n)
			}
		}
	}
	if len(mids) != len(texts) {
		t.Errorf("%d messages for %d texts", len(mids), len(texts))
	}
}

// shown: what the gateway's screen shows is what was sent, and its LED
// flashes for each message.
func shown(t *testing.T, r recording, wpa string, texts []string) {
	t.Helper()
	var screens []string
	flashes, lit := 0, false
	for _, line := range linesOf(t, r, wpa, lab.GatewayName) {
		switch {
		case strings.HasPrefix(line, "screen "):
			rows := strings.Split(line, " | ")
			screens = append(screens, rows[len(rows)-1])
		case line == "led off":
			lit = false
		case strings.HasPrefix(line, "led ") && !lit:
			flashes++
			lit = true
		}
	}
	for _, text := range texts {
		if !slices.Contains(screens, text) {
			t.Errorf("the screen never showed %q, but %q", text, screens)
		}
	}
	if flashes < len(texts) {
		t.Errorf("%d flashes of the LED for %d messages", flashes, len(texts))
	}
}

// timed: the steps of cryptography were timed, on both boards, and the answer
// to the handshake waits for them.
func timed(t *testing.T, r recording, wpa string) {
	t.Helper()
	seen := map[string]bool{}
	var decaps float64 // ms
	for _, row := range tshark(t, r, wpa, "pqiot_console.duration > 0", "pqiot_console.board", "pqiot_console.step", "pqiot_console.duration") {
		seen[row[0]+" "+row[1]] = true
		if row[1] == "kem.decaps" {
			decaps, _ = strconv.ParseFloat(row[2], 64)
		}
	}
	if took := answeredAfter(t, r, wpa); took < decaps {
		t.Errorf("the handshake was answered after %.3f ms, its decapsulation took %.3f", took, decaps)
	}
	for _, step := range []string{"gateway kem.decaps", "sender kem.encaps"} {
		if !seen[step] {
			t.Errorf("%s was not timed; there are %v", step, seen)
		}
	}
}

// answeredAfter is how long the gateway took for the handshake, by the radio.
func answeredAfter(t *testing.T, r recording, wpa string) float64 {
	t.Helper()
	const up = "wlan.fc.tods == 1 && wlan.fc.retry == 0 && coap.code == "
	asked := tshark(t, r, wpa, "coap.code == 2 && pqiot.ciphertext && wlan.fc.fromds == 1", "frame.time_relative")
	answered := tshark(t, r, wpa, up+"68", "frame.time_relative")
	if len(asked) == 0 || len(answered) == 0 {
		t.Fatal("no handshake")
	}
	from, err1 := strconv.ParseFloat(asked[0][0], 64)
	to, err2 := strconv.ParseFloat(answered[0][0], 64)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return (to - from) * 1000
}

// labelled: the truth has a line for each packet, and knows the frames from
// the consoles' lines.
func labelled(t *testing.T, r recording, wpa string) {
	t.Helper()
	rows := tshark(t, r, wpa, "frame", "frame.number", "pqiot_console.text", "wlan.fc.retry")
	if len(rows) != len(r.truth) {
		t.Fatalf("%d packets, %d lines of truth", len(rows), len(r.truth))
	}
	for i, row := range rows {
		x := r.truth[i]
		if strconv.FormatUint(x.Frame, 10) != row[0] || (x.Label == labelConsole) != (row[1] != "") {
			t.Fatalf("packet %q is %+v", row, x)
		}
		if x.Label == "retry" && row[2] != "1" && row[2] != "True" {
			t.Errorf("packet %q is %+v", row, x)
		}
	}
}
