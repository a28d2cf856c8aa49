package detect

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"net/netip"

	"pqiot/analysis/packet"
)

func ipString(ip *packet.IP, a [16]byte) string {
	addr := netip.AddrFrom16(a)
	if ip.Version == 4 {
		addr = addr.Unmap()
	}
	return addr.String()
}

// communityID is the flow hash that other tools print (Community ID 1.0,
// seed 0).
func communityID(f *Frame) string {
	src, dst := netip.AddrFrom16(f.IP.Src), netip.AddrFrom16(f.IP.Dst)
	if f.IP.Version == 4 {
		src, dst = src.Unmap(), dst.Unmap()
	}
	sp, dp := f.UDP.SrcPort, f.UDP.DstPort
	if c := src.Compare(dst); c > 0 || c == 0 && sp > dp {
		src, dst, sp, dp = dst, src, dp, sp
	}
	b := []byte{0, 0}
	b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
	b = append(b, f.IP.Proto, 0)
	b = binary.BigEndian.AppendUint16(b, sp)
	b = binary.BigEndian.AppendUint16(b, dp)
	sum := sha1.Sum(b)
	return "1:" + base64.StdEncoding.EncodeToString(sum[:])
}
