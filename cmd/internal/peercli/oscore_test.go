package peercli_test

import (
	"encoding/hex"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"pqiot/peer/badnet"
	"pqiot/wire"
)

// capture writes datagrams as a pcap file of Ethernet frames, as a watcher of
// the wire would.
type capture struct {
	t testing.TB
	w *pcapgo.Writer
	n int
}

func newCapture(t testing.TB, path string) *capture {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	c := &capture{t: t, w: pcapgo.NewWriter(f)}
	if err := c.w.WriteFileHeader(65536, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *capture) add(up bool, sender *net.UDPAddr, datagram []byte) {
	ends := [2]net.IP{{192, 0, 2, 1}, {192, 0, 2, 2}}
	ports := [2]layers.UDPPort{layers.UDPPort(sender.Port), wire.CoAPPort}
	from, to := 0, 1
	if !up {
		from, to = 1, 0
	}
	eth := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(from)}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(to)}, EthernetType: layers.EthernetTypeIPv4}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: ends[from], DstIP: ends[to]}
	udp := &layers.UDP{SrcPort: ports[from], DstPort: ports[to]}
	udp.SetNetworkLayerForChecksum(ip)
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, eth, ip, udp, gopacket.Payload(datagram)); err != nil {
		c.t.Error(err)
		return
	}
	c.n++
	info := gopacket.CaptureInfo{Timestamp: time.Unix(1_700_000_000, int64(c.n)*1_000_000), CaptureLength: len(buf.Bytes()), Length: len(buf.Bytes())}
	if err := c.w.WritePacket(info, buf.Bytes()); err != nil {
		c.t.Error(err)
	}
}

// oscoreContext returns the Wireshark entry that a key log offers.
func oscoreContext(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if entry, ok := strings.CutPrefix(strings.TrimSpace(line), "# oscore_contexts: "); ok {
			return entry
		}
	}
	t.Fatalf("no oscore_contexts in the key log:\n%s", b)
	return ""
}

// TestWiresharkOSCORE: Wireshark's own dissector decrypts what the two
// commands said, given the context of their key log.
func TestWiresharkOSCORE(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Fatal("no tshark here")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "oscore.pcap")
	c := newCapture(t, file)
	g := startGateway(t, dir, "127.0.0.1:0", "--oscore")
	p := badnet.Start(t, g.address, badnet.Config{Record: c.add})
	texts := []string{"handshake", "T=21.5C", "temperature and humidity, 55 %"}
	r := sender(t, dir, strings.Join(texts, "\n"), "--gateway", p.Address(), "--pin", g.pin, "--oscore", "--keylog", "keys")
	if r.status != 0 {
		t.Fatal(r.stderr)
	}
	g.stop(t)
	if m := g.messages(); len(m) != 3 || m[0].OSCORE || !m[1].OSCORE || m[1].Seq != 0 || m[2].Text != texts[2] {
		t.Fatalf("the gateway has %+v", m)
	}
	show := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(tshark, append([]string{"-r", file, "-Y", "oscore", "-T", "fields",
			"-e", "coap.code", "-e", "oscore.code", "-e", "oscore.opt.uri_path", "-e", "data.data", "-e", "_ws.expert.message"}, args...)...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("tshark: %v", err)
		}
		return string(out)
	}
	if out := show(); strings.Contains(out, hex.EncodeToString([]byte(texts[1]))) {
		t.Error("readable without the context")
	}
	out := show("-o", "uat:oscore_contexts:"+oscoreContext(t, filepath.Join(dir, "keys")))
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	want := []string{"2\t2\tmsg\t" + texts[1], "68\t68\t\tok", "2\t2\tmsg\t" + texts[2], "68\t68\t\tok"}
	if len(lines) != len(want) {
		t.Fatalf("tshark shows\n%s", out)
	}
	for i, line := range lines {
		f := strings.Split(line, "\t") // data.data: what was encrypted, then what was inside
		_, inside, _ := strings.Cut(f[3], ",")
		data, err := hex.DecodeString(inside)
		if got := strings.Join(f[:3], "\t") + "\t" + string(data); err != nil || got != want[i] || strings.Contains(f[4], "ailed") {
			t.Errorf("message %d: tshark shows %q", i, line)
		}
	}
}
