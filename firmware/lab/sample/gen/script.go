package main

import (
	"crypto/sha256"
	"fmt"
	"net/netip"

	"github.com/google/gopacket/layers"
	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/udp/coder"

	"pqiot/firmware/lab/air"
	"pqiot/firmware/lab/sample"
	"pqiot/wire"
)

// script is what happens in the capture.
func script(v vector) ([]air.Heard, error) {
	gtk := bytesOf("group key", 16)
	c := &cell{
		bss:  air.BSS{BSSID: wire.MAC{2, 0, 0, 0, 0, 1}, SSID: sample.SSID, Channel: 6, WPA2: true},
		apIP: netip.MustParseAddr("192.168.4.1"), gtkKey: gtk,
	}
	var err error
	if c.gtk, err = air.NewCCMP(gtk, 1); err != nil {
		return nil, err
	}
	gateway := &station{mac: wire.MAC{2, 0, 0, 0, 0, 2}, ip: netip.MustParseAddr("192.168.4.2"), rssi: -47, aid: 1}
	sender := &station{mac: wire.MAC{2, 0, 0, 0, 0, 3}, ip: netip.MustParseAddr("192.168.4.3"), rssi: -55, aid: 2}
	c.wait(350000)
	c.join(gateway)
	c.join(sender)
	c.wait(200000)
	c.arp(sender, gateway)
	c.session(v, sender, gateway)
	c.wait(300000)
	return c.heard, c.err
}

// bytesOf gives n bytes that stand for randomness, n ≤ 32.
func bytesOf(label string, n int) []byte {
	h := sha256.Sum256([]byte("pqiot sample " + label))
	return h[:n]
}

// note keeps the first error.
func note[T any](c *cell, v T, err error) T {
	if err != nil && c.err == nil {
		c.err = err
	}
	return v
}

// join is probe, authentication, association, 4-way handshake and DHCP.
func (c *cell) join(s *station) {
	h := air.Header{FC: air.FCProbeReq, A1: air.Broadcast, A2: s.mac, A3: air.Broadcast, Seq: s.next()}
	c.emit(slow, s.rssi, c.bss.AppendProbeReq(h.Append(nil)))
	c.fromAP(s, air.FCProbeResp, c.bss.AppendBeacon(nil, c.now, false))
	c.fromSta(s, air.FCAuth, air.AppendAuth(nil, 1))
	c.fromAP(s, air.FCAuth, air.AppendAuth(nil, 2))
	c.fromSta(s, air.FCAssocReq, c.bss.AppendAssocReq(nil))
	c.fromAP(s, air.FCAssocResp, c.bss.AppendAssocResp(nil, s.aid))

	anonce := [32]byte(bytesOf(fmt.Sprint("anonce ", s.mac), 32))
	snonce := [32]byte(bytesOf(fmt.Sprint("snonce ", s.mac), 32))
	pmk, err := air.PSK(c.bss.SSID, sample.Passphrase)
	note(c, pmk, err)
	ptk := air.DerivePTK(pmk, c.bss.BSSID, s.mac, anonce, snonce)
	msgs, err := air.Handshake(ptk, anonce, snonce, c.gtkKey, 1)
	note(c, msgs, err)
	for i, m := range msgs {
		c.eapol(s, i%2 == 0, m)
	}
	s.tk, err = air.NewCCMP(ptk.TK, 0)
	note(c, s.tk, err)
	c.dhcp(s)
}

func (c *cell) dhcp(s *station) {
	xid := uint32(0x50510000) + uint32(s.aid)
	message := func(kind layers.DHCPMsgType) []byte {
		s.ipID++
		p, err := air.DHCP(kind, s.mac, xid, s.ip, c.apIP, s.ipID)
		return note(c, p, err)
	}
	c.wait(40000)
	c.up(s, air.Broadcast, air.EtherIPv4, message(layers.DHCPMsgTypeDiscover), 0)
	c.wait(3000)
	c.down(s, c.bss.BSSID, air.EtherIPv4, message(layers.DHCPMsgTypeOffer))
	c.wait(2000)
	c.up(s, air.Broadcast, air.EtherIPv4, message(layers.DHCPMsgTypeRequest), 0)
	c.wait(2500)
	c.down(s, c.bss.BSSID, air.EtherIPv4, message(layers.DHCPMsgTypeAck))
}

// arp: the request goes to everybody over the access point, the answer back.
func (c *cell) arp(from, to *station) {
	ask, err := air.ARP(from.mac, wire.MAC{}, from.ip, to.ip, false)
	note(c, ask, err)
	c.up(from, air.Broadcast, air.EtherARP, ask, 0)
	c.group(from.mac, air.EtherARP, ask)
	answer, err := air.ARP(to.mac, from.mac, to.ip, from.ip, true)
	c.relay(to, from, air.EtherARP, note(c, answer, err), 0)
}

// exchange is one CoAP request and its answer over the access point.
type exchange struct {
	mid        int32
	token      []byte
	code       codes.Code
	options    message.Options
	payload    []byte
	answer     codes.Code
	answerOpts message.Options
	answerBody []byte
	answerAt   uint64 // µs the gateway takes
}

func (c *cell) coap(from, to *station, m message.Message, lost int) {
	b := make([]byte, 1500)
	n, err := coder.DefaultCoder.Encode(m, b)
	note(c, n, err)
	from.ipID++
	port := uint16(wire.CoAPPort)
	src, dst := netip.AddrPortFrom(from.ip, port), netip.AddrPortFrom(to.ip, port)
	if m.Type == message.Confirmable {
		src = netip.AddrPortFrom(from.ip, 49152)
	} else {
		dst = netip.AddrPortFrom(to.ip, 49152)
	}
	packet, err := air.UDP(src, dst, from.ipID, b[:max(n, 0)])
	c.relay(from, to, air.EtherIPv4, note(c, packet, err), lost)
}

// run is the request, lost times unacknowledged on the air first, and the
// answer.
func (c *cell) run(from, to *station, e exchange, lost int) {
	c.request(from, to, e, lost)
	c.wait(e.answerAt)
	c.coap(to, from, message.Message{Token: e.token, Options: e.answerOpts, Code: e.answer,
		Payload: e.answerBody, MessageID: e.mid, Type: message.Acknowledgement}, 0)
}

func (c *cell) request(from, to *station, e exchange, lost int) {
	c.coap(from, to, message.Message{Token: e.token, Options: e.options, Code: e.code,
		Payload: e.payload, MessageID: e.mid, Type: message.Confirmable}, lost)
}

func option(id message.OptionID, value ...byte) message.Option {
	return message.Option{ID: id, Value: value}
}

func format(n int) message.Option { return option(message.ContentFormat, byte(n>>8), byte(n)) }

// session is GET /pk, the handshake, and messages: the third is repeated on
// the air, the fifth by CoAP because its first answer was late.
func (c *cell) session(v vector, from, to *station) {
	token := func(i int) []byte { return bytesOf(fmt.Sprint("token ", i), 4) }
	key := sha256.Sum256(v.EK)
	c.run(from, to, exchange{mid: 0x7100, token: token(0), code: codes.GET,
		options: message.Options{option(message.URIPath, 'p', 'k')},
		answer:  codes.Content, answerAt: 1500, answerBody: v.EK,
		answerOpts: message.Options{option(message.ETag, key[:wire.ETagSize]...), format(wire.ContentFormatKey),
			option(message.MaxAge, 60), option(wire.OptionEcho, v.Echo...)}}, 0)

	msg := option(message.URIPath, 'm', 's', 'g')
	answerOpts := message.Options{format(wire.ContentFormatRecord)}
	c.wait(6000)
	c.run(from, to, exchange{mid: 0x7101, token: token(1), code: codes.POST,
		options: message.Options{msg, format(wire.ContentFormatHandshake512),
			option(message.URIQuery, []byte("k="+v.KID)...), option(wire.OptionEcho, v.Echo...)},
		payload: append(append([]byte{}, v.CT...), v.Rec0...),
		answer:  codes.Changed, answerAt: 7000, answerOpts: answerOpts, answerBody: v.Resp0}, 0)

	for seq := uint64(1); seq <= 8; seq++ {
		c.wait(400000)
		payload, err := v.request(seq, fmt.Sprintf("T=%d.%dC", 21+seq/4, seq))
		note(c, payload, err)
		answer, err := v.response(seq, seq, "ok")
		note(c, answer, err)
		e := exchange{mid: 0x7101 + int32(seq), token: token(int(seq) + 1), code: codes.POST,
			options: message.Options{msg, format(wire.ContentFormatRecord)}, payload: payload,
			answer: codes.Changed, answerAt: 1200, answerOpts: answerOpts, answerBody: answer}
		lost := 0
		switch seq {
		case 3:
			lost = 2
		case 5:
			c.request(from, to, e, 0)
			c.wait(2400000)
		}
		c.run(from, to, e, lost)
	}
}
