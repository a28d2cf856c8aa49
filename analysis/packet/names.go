package packet

import (
	"encoding/binary"
	"net"
	"strings"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

const (
	portDHCPServer = 67
	portMDNS       = 5353
	maxName        = 63 // bytes: a DNS label
)

// Hostname is what the sender of the packet calls itself: in a DHCP request (RFC
// 2132 §3.14), or in an mDNS answer with its own address (RFC 6762). Few packets
// are of these kinds, so gopacket's slower layers do.
func (p *Packet) Hostname() (name string, ok bool) {
	if p.Layer != LayerUDP {
		return "", false
	}
	defer func() {
		if recover() != nil { // gopacket on a hostile packet
			name, ok = "", false
		}
	}()
	switch p.UDP.DstPort {
	case portDHCPServer:
		var d layers.DHCPv4
		if d.DecodeFromBytes(p.UDP.Payload, gopacket.NilDecodeFeedback) != nil {
			return "", false
		}
		for _, o := range d.Options {
			if o.Type == layers.DHCPOptHostname {
				return cleanName(string(o.Data))
			}
		}
	case portMDNS:
		var d layers.DNS
		if d.DecodeFromBytes(p.UDP.Payload, gopacket.NilDecodeFeedback) != nil {
			return "", false
		}
		for _, a := range d.Answers {
			if p.isSource(a.IP) {
				return cleanName(strings.TrimSuffix(string(a.Name), ".local"))
			}
		}
	}
	return "", false
}

func (p *Packet) isSource(a net.IP) bool {
	b := a.To16()
	return b != nil && [16]byte(b) == p.IP.Src
}

// cleanName refuses what no host is called, and what would garble a terminal.
func cleanName(s string) (string, bool) {
	s = strings.TrimRight(s, "\x00")
	if s == "" || len(s) > maxName {
		return "", false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7F {
			return "", false
		}
	}
	return s, true
}

// ARPSender is the IPv4 address, as in IP.Src, that an ARP packet claims for its
// sender (RFC 826).
func (p *Packet) ARPSender() (ip [16]byte, ok bool) {
	b := p.Net
	if p.EtherType != EtherARP || len(b) < 28 || binary.BigEndian.Uint32(b) != 0x0001_0800 || b[4] != 6 || b[5] != 4 {
		return ip, false
	}
	ip[10], ip[11] = 0xFF, 0xFF
	copy(ip[12:], b[14:18])
	return ip, true
}
