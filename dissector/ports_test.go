package dissector_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"pqiot/wire"
)

var responseIn = regexp.MustCompile(` response_in=\d+`)

func withoutResponseIn(s string) string { return responseIn.ReplaceAllString(s, "") }

// moved is the session of vector A on another port of the gateway.
func moved(t *testing.T, port uint16) []packet {
	t.Helper()
	v := vectorA(t)
	there := netip.AddrPortFrom(gateway.Addr(), port)
	return []packet{
		datagram(t, sender, there, message{con, get, 1, "\x01", []option{path("pk")}, nil}.bytes()),
		datagram(t, there, sender, message{ack, content, 1, "\x01", []option{format(wire.ContentFormatKey)}, v.EK}.bytes()),
		datagram(t, sender, there, request(2, "\x02", wire.ContentFormatHandshake512, v.handshake()).bytes()),
		datagram(t, there, sender, message{ack, unauthorized, 2, "\x02", nil, []byte("echo")}.bytes()),
		datagram(t, sender, there, request(3, "\x03", wire.ContentFormatHandshake512, v.handshake(), echo(string(v.Echo))).bytes()),
		datagram(t, there, sender, response(3, "\x03", v.Resp0).bytes()),
		datagram(t, sender, there, request(4, "\x04", wire.ContentFormatRecord, v.Rec1).bytes()),
	}
}

// protocols is the Protocol column of each frame.
func protocols(t *testing.T, capture string, args ...string) string {
	t.Helper()
	args = append(args, "-T", "fields", "-e", "_ws.lua.error", "-e", "_ws.col.Protocol")
	return strings.Join(strings.Fields(tshark(t, capture, args...)), " ")
}

func TestOtherPorts(t *testing.T) {
	const all, none = "CoAP PQIOT PQIOT CoAP PQIOT PQIOT PQIOT", "UDP UDP UDP UDP UDP UDP UDP"
	capture := ethernet(t, 0, moved(t, 40404)...)
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"by shape", all, nil},
		{"by shape, two passes", all, []string{"-2"}},
		{"off", none, []string{"-o", "pqiot.heuristic:FALSE"}},
		{"port", all, []string{"-o", "pqiot.heuristic:FALSE", "-o", "pqiot.ports:40404"}},
		{"range", all, []string{"-o", "pqiot.heuristic:FALSE", "-o", "pqiot.ports:1000-1010,40400-40410"}},
		{"decode as", all, []string{"-o", "pqiot.heuristic:FALSE", "-d", "udp.port==40404,coap"}},
		{"another port", none, []string{"-o", "pqiot.heuristic:FALSE", "-o", "pqiot.ports:40405"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := protocols(t, capture, c.args...); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// What a flow carried before its first session is the same on every pass.
func TestBeforeTheFirstSession(t *testing.T) {
	there := netip.AddrPortFrom(gateway.Addr(), 40404)
	early := datagram(t, there, sender, message{ack, unauthorized, 9, "\x09", nil, []byte("echo")}.bytes())
	capture := ethernet(t, 0, append([]packet{early}, moved(t, 40404)...)...)
	for _, args := range [][]string{nil, {"-2"}} {
		if got := protocols(t, capture, args...); !strings.HasPrefix(got, "UDP CoAP PQIOT") {
			t.Errorf("%v: got %s", args, got)
		}
	}
}

// What only resembles the session stays with its own dissector.
func TestForeignTraffic(t *testing.T) {
	v := vectorA(t)
	there := netip.MustParseAddrPort("192.168.4.2:40404")
	whole := request(1, "t", wire.ContentFormatRecord, v.Rec1).bytes()
	set := func(at int, x byte) []byte { b := slices.Clone(whole); b[at] = x; return b }
	for name, payload := range map[string][]byte{
		"noise":                   noise(1, 600),
		"one byte":                {0x40},
		"empty":                   nil,
		"version 0":               set(0, 0x01),
		"version 2":               set(0, 0x81),
		"token of 9":              set(0, 0x49),
		"option past the end":     set(5, 0xbd),
		"reserved delta":          set(5, 0xf3),
		"cut in the options":      whole[:9],
		"marker without payload":  whole[:13],
		"no payload":              whole[:12],
		"record of 28":            request(1, "t", wire.ContentFormatRecord, v.Rec1[:28]).bytes(),
		"record, lead 08":         request(1, "t", wire.ContentFormatRecord, append([]byte{8}, v.Rec1[1:]...)).bytes(),
		"record in a GET":         message{con, get, 1, "t", []option{path("pk"), format(wire.ContentFormatRecord)}, v.Rec1}.bytes(),
		"record to another path":  message{con, post, 1, "t", []option{path("log"), format(wire.ContentFormatRecord)}, v.Rec1}.bytes(),
		"key of 801":              message{ack, content, 1, "t", []option{format(wire.ContentFormatKey)}, append(slices.Clone(v.EK), 1)}.bytes(),
		"handshake of 796":        request(1, "t", wire.ContentFormatHandshake512, v.handshake()[:796]).bytes(),
		"CoAP of somebody else":   message{con, post, 1, "t", []option{path("msg"), format(0)}, v.Rec1}.bytes(),
		"CoAP, GET /x":            message{con, get, 1, "t", []option{path("x")}, nil}.bytes(),
		"format above the range":  request(1, "t", 65005, v.Rec1).bytes(),
		"an error out of nowhere": message{ack, unauthorized, 1, "t", nil, []byte("echo")}.bytes(),
	} {
		t.Run(name, func(t *testing.T) {
			if got := protocols(t, ethernet(t, 0, datagram(t, sender, there, payload))); got != "UDP" {
				t.Errorf("got %s", got)
			}
		})
	}
	if got := protocols(t, ethernet(t, 0, datagram(t, sender, there, whole))); got != "PQIOT" {
		t.Errorf("the message that these resemble: got %s", got)
	}
}

// HTTP asks the same table for its media types.
func TestHTTPStaysHTTP(t *testing.T) {
	got := protocols(t, ethernet(t, 0, httpResponse(t, "Unknown Type 65000", "abc")))
	if got != "HTTP" && !strings.HasPrefix(got, "HTTP") {
		t.Errorf("got %s", got)
	}
}

// httpResponse is a TCP segment with a response of this Content-Type.
func httpResponse(t *testing.T, mediaType, body string) packet {
	t.Helper()
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP,
		SrcIP: gateway.Addr().AsSlice(), DstIP: sender.Addr().AsSlice()}
	tcp := &layers.TCP{SrcPort: 80, DstPort: 49152, ACK: true, PSH: true, Window: 1024}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", mediaType, len(body), body)
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		ip, tcp, gopacket.Payload(text))
	if err != nil {
		t.Fatal(err)
	}
	return packet{data: buf.Bytes()}
}
