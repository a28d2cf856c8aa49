// Package packet reads captures and lays each packet out flat: capture file →
// link layer (radiotap, 802.11, Ethernet, Linux cooked, raw IP) → IP → UDP →
// CoAP. Every access is bounds-checked, nothing is allocated per packet, and
// what cannot be read is counted and named, never skipped in silence.
//
//	src, err := packet.Open(reader)          // pcap or pcapng, gzip or not
//	for src.Next(&raw) == nil {              // Raw: bytes, time, link type
//		dec.Decode(&raw, &p)                 // Packet: one flat struct
//	}
//
// Slices in a Packet alias the Raw that it was decoded from.
package packet
