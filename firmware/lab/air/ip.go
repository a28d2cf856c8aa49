package air

import (
	"net"
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"pqiot/wire"
)

// EtherTypes of what an LLC/SNAP header announces.
const (
	EtherIPv4  = 0x0800
	EtherARP   = 0x0806
	EtherEAPOL = 0x888E
)

// AppendLLC appends LLC/SNAP (IEEE 802.2, RFC 1042) and the payload.
func AppendLLC(dst []byte, etherType uint16, payload []byte) []byte {
	dst = append(dst, 0xAA, 0xAA, 3, 0, 0, 0, byte(etherType>>8), byte(etherType))
	return append(dst, payload...)
}

// serialize lets gopacket write the layers, with lengths and checksums.
func serialize(ls ...gopacket.SerializableLayer) ([]byte, error) {
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...)
	return buf.Bytes(), err
}

// UDP makes an IPv4 packet with a UDP datagram.
func UDP(src, dst netip.AddrPort, id uint16, payload []byte) ([]byte, error) {
	ip := &layers.IPv4{Version: 4, TTL: 64, Id: id, Protocol: layers.IPProtocolUDP,
		SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
	udp := &layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, err
	}
	return serialize(ip, udp, gopacket.Payload(payload))
}

// ARP makes a request for target, or with reply the answer to it.
func ARP(srcMAC, dstMAC wire.MAC, src, target netip.Addr, reply bool) ([]byte, error) {
	op := uint16(layers.ARPRequest)
	if reply {
		op = layers.ARPReply
	}
	return serialize(&layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4,
		HwAddressSize: 6, ProtAddressSize: 4, Operation: op,
		SourceHwAddress: srcMAC[:], SourceProtAddress: src.AsSlice(),
		DstHwAddress: dstMAC[:], DstProtAddress: target.AsSlice()})
}

// DHCP makes a DHCP message (RFC 2131) as an IPv4 packet. server offers yours
// to the station mac; kind is one of gopacket's layers.DHCPMsgType….
func DHCP(kind layers.DHCPMsgType, mac wire.MAC, xid uint32, yours, server netip.Addr, id uint16) ([]byte, error) {
	fromServer := kind == layers.DHCPMsgTypeOffer || kind == layers.DHCPMsgTypeAck
	d := &layers.DHCPv4{Operation: layers.DHCPOpRequest, HardwareType: layers.LinkTypeEthernet,
		HardwareLen: 6, Xid: xid, ClientHWAddr: net.HardwareAddr(mac[:]),
		Options: layers.DHCPOptions{layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{byte(kind)})}}
	src, dst := netip.AddrPortFrom(netip.IPv4Unspecified(), 68), netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), 67)
	option := func(o layers.DHCPOpt, b []byte) { d.Options = append(d.Options, layers.NewDHCPOption(o, b)) }
	if fromServer {
		d.Operation = layers.DHCPOpReply
		d.YourClientIP = yours.AsSlice()
		src, dst = netip.AddrPortFrom(server, 67), netip.AddrPortFrom(yours, 68)
		option(layers.DHCPOptServerID, server.AsSlice())
		option(layers.DHCPOptLeaseTime, []byte{0, 0, 0x0E, 0x10})
		option(layers.DHCPOptSubnetMask, []byte{255, 255, 255, 0})
		option(layers.DHCPOptRouter, server.AsSlice())
	} else if kind == layers.DHCPMsgTypeRequest {
		option(layers.DHCPOptRequestIP, yours.AsSlice())
		option(layers.DHCPOptServerID, server.AsSlice())
	}
	option(layers.DHCPOptEnd, nil)
	body, err := serialize(d)
	if err != nil {
		return nil, err
	}
	return UDP(src, dst, id, body)
}
