package packet

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strings"
	"testing"

	"pqiot/wire"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mac(last byte) wire.MAC { return wire.MAC{2, 0, 0, 0, 0, last} }

// The parts that the packets of these tests are made of.
const (
	coapGet = "4401 7100 01020304 b2 706b"                                   // CON GET /pk
	udp6    = "c000 1633 0013 0000 " + coapGet                               // 49152 → 5683
	ipv4    = "4500 0027 0001 4000 4011 0000 c0a80403 c0a80402 " + udp6      // 192.168.4.3 → .2
	snap    = "aaaa03 000000 0800 " + ipv4                                   //
	to      = "8801 2c00 020000000001 020000000003 020000000002 5000 0000 "  // QoS data, ToDS, SN 1280
	tapHead = "0000 1900 6f080000 1122334455667788 10 02 8509 a000 d6 00 00" // channel 2437
)

func decode(t *testing.T, link Link, data []byte) (Packet, *Decoder) {
	t.Helper()
	d := NewDecoder()
	var p Packet
	d.Decode(&Raw{Data: data, Orig: len(data), Link: link, Frame: 1}, &p)
	return p, d
}

func TestLinkLayersReachCoAP(t *testing.T) {
	eth := "020000000002 020000000003 "
	for _, c := range []struct {
		name string
		link Link
		hex  string
	}{
		{"ethernet", LinkEthernet, eth + "0800" + ipv4},
		{"ethernet, trailing padding", LinkEthernet, eth + "0800" + ipv4 + "00000000"},
		{"VLAN", LinkEthernet, eth + "8100 0005 0800" + ipv4},
		{"two VLANs", LinkEthernet, eth + "88a8 0005 8100 0006 0800" + ipv4},
		{"802.3 with SNAP", LinkEthernet, eth + "002f" + snap},
		{"cooked", LinkCooked, "0000 0001 0006 020000000003 0000 0800" + ipv4},
		{"cooked 2", LinkCooked2, "0800 0000 00000002 0001 00 06 020000000003 0000" + ipv4},
		{"raw", LinkRaw, ipv4},
		{"802.11", LinkDot11, to + snap},
		{"radiotap", LinkRadiotap, "0000 0800 00000000" + to + snap},
		{"Prism", linkPrism, "44000000 90000000" + strings.Repeat("00", 136) + to + snap},
		{"AVS", linkAVS, "80211001 0000002c" + strings.Repeat("00", 36) + to + snap},
		{"AVS as link type 119", linkPrism, "80211001 0000002c" + strings.Repeat("00", 36) + to + snap},
		{"PPI", linkPPI, ppiHead + to + snap},
		{"HT control", LinkDot11, "8881" + to[5:] + "00000000" + snap},
		{"four addresses", LinkDot11, "8803 2c00 020000000001 020000000004 020000000002 5000 020000000003 0000" + snap},
		{"A-MSDU", LinkDot11, strings.Replace(to, "5000 0000", "5000 8000", 1) + "020000000002 020000000003 002f" + snap},
		{"IPv6", LinkIPv6, "60000000 0013 11 40 20010db8000000000000000000000003 20010db8000000000000000000000002" + udp6},
		{"IPv6 with extensions", LinkIPv6, "60000000 0023 00 40 20010db8000000000000000000000003 20010db8000000000000000000000002" +
			"3c00 010400000000 1100 010400000000" + udp6},
		{"IPv6 atomic fragment", LinkIPv6, "60000000 001b 2c 40 20010db8000000000000000000000003 20010db8000000000000000000000002" +
			"11 00 0000 00000001" + udp6},
	} {
		p, _ := decode(t, c.link, unhex(t, c.hex))
		if p.Layer != LayerCoAP || p.Fault != FaultNone {
			t.Errorf("%s: layer %d, fault %q, CoAP %q", c.name, p.Layer, p.Fault, p.CoAP.Problem)
			continue
		}
		if p.CoAP.Code != 1 || p.CoAP.MID != 0x7100 || p.CoAP.TokenLen != 4 || p.CoAP.PathHash != PathKey {
			t.Errorf("%s: CoAP %+v", c.name, p.CoAP)
		}
		hasSA := c.link != LinkRaw && c.link != LinkIPv6
		if hasSA && p.SA != mac(3) {
			t.Errorf("%s: source %s", c.name, p.SA)
		}
	}
}

// ppiHead has one field, 802.11-Common: TSFT, no flags, 1 Mb/s, 2437 MHz, −42 dBm.
const ppiHead = "0000 2000 69000000 0200 1400 1122334455667788 0000 0200 8509 a000 00 00 d6 a0"

func TestPPIFields(t *testing.T) {
	p, _ := decode(t, linkPPI, unhex(t, ppiHead+to+snap))
	r := p.Radio
	if !r.HasTSFT || r.TSFT != 0x8877665544332211 || r.Rate != 2 || r.Freq != 2437 || r.Signal != -42 {
		t.Errorf("%+v, fault %q", r, p.Fault)
	}
}

func TestHostnames(t *testing.T) {
	udp := func(port uint16, payload []byte) *Packet {
		p := &Packet{Layer: LayerUDP}
		p.UDP.DstPort, p.UDP.Payload = port, payload
		p.IP.Src = [16]byte{10: 0xFF, 11: 0xFF, 12: 192, 13: 168, 14: 7, 15: 9}
		return p
	}
	dhcp := make([]byte, 236)
	dhcp[0], dhcp[1], dhcp[2] = 1, 1, 6
	request := func(options string) []byte { return append(bytes.Clone(dhcp), unhex(t, "63825363"+options)...) }
	mdns := func(addr string) []byte {
		return unhex(t, "0000 8400 0000 0001 0000 0000 05 73656e736f 05 6c6f63616c 00 0001 8001 00000078 0004"+addr)
	}
	for _, c := range []struct {
		name string
		p    *Packet
		want string
	}{
		{"DHCP", udp(67, request("350103 0c06 73656e646572 ff")), "sender"},
		{"DHCP without a name", udp(67, request("350103 ff")), ""},
		{"DHCP with an escape sequence", udp(67, request("350103 0c04 1b5b316d ff")), ""},
		{"mDNS of its own address", udp(5353, mdns("c0a80709")), "senso"},
		{"mDNS of another's address", udp(5353, mdns("c0a8070a")), ""},
		{"cut", udp(67, request("350103 0c06 7365")), ""},
	} {
		if got, _ := c.p.Hostname(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzHostname(f *testing.F) {
	f.Add(true, make([]byte, 300))
	f.Add(false, []byte("\x00\x00\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00\x05senso\x05local\x00\x00\x01\x80\x01\x00\x00\x00\x78\x00\x04\xc0\xa8\x07\x09"))
	f.Fuzz(func(t *testing.T, dhcp bool, payload []byte) {
		p := &Packet{Layer: LayerUDP}
		p.UDP.DstPort, p.UDP.Payload = portMDNS, payload
		if dhcp {
			p.UDP.DstPort = portDHCPServer
		}
		name, ok := p.Hostname()
		if ok == (name == "") || len(name) > maxName {
			t.Errorf("%q %v", name, ok)
		}
	})
}

func TestRadiotapFields(t *testing.T) {
	p, _ := decode(t, LinkRadiotap, unhex(t, tapHead+to+snap))
	r := p.Radio
	if !r.HasTSFT || r.TSFT != 0x8877665544332211 || r.Rate != 2 || r.Freq != 2437 || r.Signal != -42 || !r.FCS {
		t.Errorf("%+v, fault %q", r, p.Fault)
	}
	if p.Layer != LayerCoAP {
		t.Errorf("the FCS flag was believed although there is none: layer %d", p.Layer)
	}
	// A second and a third word of present bits stand before the fields.
	p, _ = decode(t, LinkRadiotap, unhex(t, "0000 1500 20000080 00000080 20000000 d6 c4 00 00 00"+to+snap))
	if p.Radio.Signal != -42 || p.Layer != LayerCoAP {
		t.Errorf("extended present words: %+v, layer %d", p.Radio, p.Layer)
	}
}

func TestDot11Addresses(t *testing.T) {
	p, _ := decode(t, LinkDot11, unhex(t, to+snap))
	h := p.Dot11
	if h.RA != mac(1) || h.TA != mac(3) || h.BSSID != mac(1) || p.DA != mac(2) || h.Seq != 5 || h.TID != 0 {
		t.Errorf("ToDS: %+v, DA %s", h, p.DA)
	}
	p, _ = decode(t, LinkDot11, unhex(t, "0842 0000 ffffffffffff 020000000001 020000000003 3200 01020060 03040506 00"))
	h = p.Dot11
	if h.BSSID != mac(1) || p.SA != mac(3) || h.TID != TIDNonQoS || h.Frag != 2 || h.Seq != 3 || h.KeyID != 1 {
		t.Errorf("FromDS, protected: %+v, SA %s", h, p.SA)
	}
	if !h.HasPN || h.PN != 0x0605_0403_0201 {
		t.Errorf("PN %#x", h.PN)
	}
}

// An interface whose frames end in right check sequences has them, whatever
// the radiotap flag says, and then a wrong one is damage.
func TestFCSIsJudgedByTheFrames(t *testing.T) {
	d := NewDecoder()
	var p Packet
	frame := unhex(t, to+snap)
	withFCS := binary.LittleEndian.AppendUint32(append([]byte{}, frame...), crc32.ChecksumIEEE(frame))
	feed := func(iface int, b []byte) {
		d.Decode(&Raw{Data: b, Orig: len(b), Link: LinkDot11, Iface: iface}, &p)
	}
	for range 2 * fcsSamples {
		feed(0, withFCS)
		if p.Layer != LayerCoAP || len(p.Dot11.Body) != len(frame)-26 {
			t.Fatalf("with FCS: layer %d, body %d", p.Layer, len(p.Dot11.Body))
		}
		feed(1, frame)
		if p.Layer != LayerCoAP || len(p.Dot11.Body) != len(frame)-26 {
			t.Fatalf("without FCS: layer %d, body %d", p.Layer, len(p.Dot11.Body))
		}
	}
	withFCS[30] ^= 1
	feed(0, withFCS)
	if p.Fault != FaultFCS || !p.Radio.BadFCS {
		t.Errorf("a damaged frame: fault %q", p.Fault)
	}
	if d.Faults()[FaultFCS] != 1 {
		t.Errorf("counted %d", d.Faults()[FaultFCS])
	}
}

func TestCoAPIsReadStrictly(t *testing.T) {
	for _, c := range []struct {
		hex  string
		want CoAPProblem
	}{
		{coapGet, CoAPSound},
		{"4000 0001", CoAPSound},
		{"40", CoAPShort},
		{"4401 0001 0102", CoAPShort},
		{"8401 0001 01020304", CoAPVersion},
		{"4901 0001 010203040506070809", CoAPTokenLength},
		{"4021 0001", CoAPReservedClass},
		{"40c0 0001", CoAPReservedClass},
		{"40e1 0001", CoAPReservedClass},
		{"4100 0001 01", CoAPEmpty},
		{"4000 0001 ff01", CoAPEmpty},
		{"4001 0001 b3 706b", CoAPOption},
		{"4001 0001 f0", CoAPOption},
		{"4001 0001 bf 00", CoAPOption},
		{"4001 0001 d0", CoAPOption},
		{"4001 0001 e000", CoAPOption},
		{"4001 0001 e0ffff e0ffff", CoAPOption},
		{"4001 0001 b2 706b ff", CoAPNoPayload},
	} {
		var m CoAP
		if m.parse(unhex(t, c.hex)); m.Problem != c.want {
			t.Errorf("%s: %q, want %q", c.hex, m.Problem, c.want)
		}
	}
}

func TestCoAPOptions(t *testing.T) {
	var m CoAP
	// Uri-Path msg, Content-Format 65001, Block1 0/1/64, Echo, Request-Tag.
	m.parse(unhex(t, "4402 0001 01020304 b3 6d7367 12 fde9 d1 02 0a d1 d4 aa d1 1b bb ff 99"))
	if m.Problem != CoAPSound || m.Format != 65001 || m.PathHash != PathMsg || !m.Block1.Present || !m.Block1.More ||
		m.Block1.Size() != 64 || len(m.Echo) != 1 || len(m.Tag) != 1 || len(m.Payload) != 1 {
		t.Errorf("%+v", m)
	}
}

func TestFragmentsArePutTogether(t *testing.T) {
	udp := unhex(t, udp6)
	head := func(off int, more bool, n int) []byte {
		h := unhex(t, "4500 0000 0007 0000 4011 0000 c0a80403 c0a80402")
		binary.BigEndian.PutUint16(h[2:], uint16(20+n))
		f := uint16(off / 8)
		if more {
			f |= 0x2000
		}
		binary.BigEndian.PutUint16(h[6:], f)
		return h
	}
	first := append(head(0, true, 8), udp[:8]...)
	last := append(head(8, false, len(udp)-8), udp[8:]...)
	for _, order := range [][][]byte{{first, last}, {last, first}, {first, first, last}} {
		d := NewDecoder()
		var p Packet
		for i, b := range order {
			d.Decode(&Raw{Data: b, Orig: len(b), Link: LinkRaw}, &p)
			if whole := i == len(order)-1; whole != (p.Layer == LayerCoAP) {
				t.Fatalf("fragment %d of %d: layer %d, fault %q", i, len(order), p.Layer, p.Fault)
			}
		}
	}
	d := NewDecoder()
	var p Packet
	overlap := append(head(0, true, 16), udp[:16]...)
	for _, b := range [][]byte{first, overlap, last} {
		d.Decode(&Raw{Data: b, Orig: len(b), Link: LinkRaw}, &p)
		if p.Layer == LayerCoAP {
			t.Fatal("overlapping fragments were put together")
		}
	}
	for i := range uint16(3 * fragSlots) {
		binary.BigEndian.PutUint16(first[4:], 100+i)
		d.Decode(&Raw{Data: first, Orig: len(first), Link: LinkRaw}, &p)
	}
	if d.Evicted() < fragSlots {
		t.Errorf("%d datagrams gave way, and that many should have been counted", d.Evicted())
	}
}

func TestEveryCutIsNamed(t *testing.T) {
	for link, h := range map[Link]string{
		LinkRadiotap: tapHead + to + snap, LinkEthernet: "020000000002 020000000003 8100 0005 0800" + ipv4,
		LinkCooked: "0000 0001 0006 020000000003 0000 0800" + ipv4,
		LinkIPv6: "60000000 0023 00 40 20010db8000000000000000000000003 20010db8000000000000000000000002" +
			"3c00 010400000000 1100 010400000000" + udp6,
	} {
		whole := unhex(t, h)
		for n := range whole {
			p, _ := decode(t, link, whole[:n:n])
			if p.Layer == LayerCoAP {
				t.Errorf("link %d cut to %d of %d bytes was read to the end", link, n, len(whole))
			}
		}
	}
}
