package analysis_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"pqiot/analysis"
	"pqiot/analysis/unseal"
	"pqiot/firmware/lab/air"
	"pqiot/wire"
)

const (
	benchSSID = "bench"
	benchPass = "a passphrase"
)

// writeCapture writes a busy network: senders that post records through an
// access point to a gateway, each frame acknowledged, one in twenty repeated.
// With wpa the data frames are CCMP-encrypted behind 4-way handshakes.
func writeCapture(tb testing.TB, path string, size int64, wpa bool) {
	tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	buf := bufio.NewWriterSize(f, 1<<20)
	w, err := air.NewWriter(buf, time.Unix(1_700_000_000, 0))
	if err != nil {
		tb.Fatal(err)
	}
	g := &traffic{tb: tb, w: w, wpa: wpa, bssid: wire.MAC{2, 0, 0, 0, 0, 1}}
	g.join()
	for i := 0; g.written < size; i++ {
		g.exchange(i)
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := buf.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := f.Sync(); err != nil { // or the disk is written to while somebody reads
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
}

const benchStations = 50

type traffic struct {
	tb      testing.TB
	w       *air.Writer
	wpa     bool
	bssid   wire.MAC
	now     uint64
	written int64
	packets int64
	keys    [benchStations + 1]*air.CCMP
	seq     [2*benchStations + 2]uint16
	pn      [2*benchStations + 2]uint64
}

func station(i int) wire.MAC { return wire.MAC{2, 0, 0, 1, byte(i >> 8), byte(i)} }
func address(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{192, 168, byte(4 + i>>8), byte(i + 10)})
}

func (g *traffic) emit(data []byte) {
	g.now += 50 + uint64(len(data))/8
	h := air.Heard{Time: g.now, Frame: wire.Frame{Freq: 2437, RSSI: -50, PHY: wire.PHYOFDM, Rate: 108, Data: data}}
	if err := g.w.Write(h); err != nil {
		g.tb.Fatal(err)
	}
	g.packets++
	g.written += int64(len(data)) + 60
}

func (g *traffic) join() {
	b := air.BSS{BSSID: g.bssid, SSID: benchSSID, Channel: 6, WPA2: g.wpa}
	h := air.Header{FC: air.FCBeacon, A1: air.Broadcast, A2: g.bssid, A3: g.bssid}
	g.emit(b.AppendBeacon(h.Append(nil), 0, true))
	if !g.wpa {
		return
	}
	pmk, err := air.PSK(benchSSID, benchPass)
	if err != nil {
		g.tb.Fatal(err)
	}
	for i := range g.keys {
		anonce, snonce := [32]byte{1, byte(i)}, [32]byte{2, byte(i)}
		ptk := air.DerivePTK(pmk, g.bssid, station(i), anonce, snonce)
		msgs, err := air.Handshake(ptk, anonce, snonce, make([]byte, 16), 1)
		if err != nil {
			g.tb.Fatal(err)
		}
		for k, m := range msgs {
			h := air.Header{FC: air.FCQoSData, Flags: air.ToDS, A1: g.bssid, A2: station(i), A3: g.bssid, Seq: uint16(k)}
			if k%2 == 0 {
				h = air.Header{FC: air.FCQoSData, Flags: air.FromDS, A1: station(i), A2: g.bssid, A3: g.bssid, Seq: uint16(k)}
			}
			g.emit(air.AppendLLC(h.Append(nil), air.EtherEAPOL, m))
		}
		if g.keys[i], err = air.NewCCMP(ptk.TK, 0); err != nil {
			g.tb.Fatal(err)
		}
	}
}

// data sends one packet over the air from or to a station.
func (g *traffic) data(sta, peer int, up bool, packet []byte, retry bool) {
	side := 2 * sta
	h := air.Header{FC: air.FCQoSData, Flags: air.ToDS, A1: g.bssid, A2: station(sta), A3: station(peer)}
	if !up {
		side++
		h = air.Header{FC: air.FCQoSData, Flags: air.FromDS, A1: station(sta), A2: g.bssid, A3: station(peer)}
	}
	g.seq[side]++
	g.pn[side]++
	h.Seq = g.seq[side] & 0xFFF
	body := air.AppendLLC(nil, air.EtherIPv4, packet)
	for try := range 2 {
		var frame []byte
		if g.wpa {
			frame = g.keys[sta].Append(nil, h, g.pn[side], body)
		} else {
			frame = append(h.Append(nil), body...)
		}
		g.emit(frame)
		if try == 0 && !retry {
			break
		}
		h.Flags |= air.Retry
	}
	g.emit(air.AppendAck(nil, h.A2))
}

// exchange is one record posted and answered, each way over the access point.
func (g *traffic) exchange(i int) {
	sta := 1 + i%benchStations
	turn := uint64(i / benchStations)
	body := make([]byte, wire.RecordOverhead+300)
	body[0], body[1] = wire.NonceLead, byte(sta)
	binary.BigEndian.PutUint64(body[5:], turn)
	request := append([]byte{0x44, 2, byte(turn >> 8), byte(turn), 1, 2, 3, 4, 0xB3, 'm', 's', 'g', 0x12, 0xFD, 0xEC, 0xFF}, body...)
	answer := append([]byte{0x64, 0x44, byte(turn >> 8), byte(turn), 1, 2, 3, 4, 0xC2, 0xFD, 0xEC, 0xFF}, body[:wire.RecordOverhead+2]...)
	from, to := netip.AddrPortFrom(address(sta), 40000), netip.AddrPortFrom(address(0), wire.CoAPPort)
	up, err := air.UDP(from, to, uint16(i), request)
	if err != nil {
		g.tb.Fatal(err)
	}
	down, err := air.UDP(to, from, uint16(i), answer)
	if err != nil {
		g.tb.Fatal(err)
	}
	g.data(sta, 0, true, up, i%20 == 0)
	g.data(0, sta, false, up, false)
	g.data(0, sta, true, down, false)
	g.data(sta, 0, false, down, i%20 == 7)
}

// benchSize is the size of the captures, bytes: PQIOT_BENCH_MB, else 64 MB.
func benchSize() int64 {
	if mb, err := strconv.Atoi(os.Getenv("PQIOT_BENCH_MB")); err == nil && mb > 0 {
		return int64(mb) << 20
	}
	return 64 << 20
}

// BenchmarkAnalyze measures a run over a whole capture, on one core and on
// all.
func BenchmarkAnalyze(b *testing.B) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(200 << 20)) // as the command has it
	for _, wpa := range []bool{false, true} {
		path := filepath.Join(b.TempDir(), "capture.pcapng")
		writeCapture(b, path, benchSize(), wpa)
		for _, cores := range []int{1, runtime.NumCPU()} {
			name := fmt.Sprintf("open/cores=%d", cores)
			var opt analysis.Options
			if wpa {
				name = fmt.Sprintf("decrypting/cores=%d", cores)
				n, err := unseal.ParsePassphrase(benchSSID + ":" + benchPass)
				if err != nil {
					b.Fatal(err)
				}
				opt.Networks = []unseal.Network{n}
			}
			b.Run(name, func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
				benchAnalyze(b, path, opt, wpa)
			})
		}
	}
}

func benchAnalyze(b *testing.B, path string, opt analysis.Options, wpa bool) {
	var packets int64
	b.ReportAllocs()
	for b.Loop() {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		r, err := analysis.Run(context.Background(), opt, analysis.Input{Name: path, R: f})
		f.Close()
		if err != nil {
			b.Fatal(err)
		}
		if len(r.Alerts) > 0 || r.Repeats.Relay == 0 || wpa && r.Unsealed.Decrypted != r.Unsealed.Protected {
			b.Fatalf("alerts %v, repeats %+v, unsealed %+v", r.Alerts, r.Repeats, r.Unsealed)
		}
		packets += r.Packets
	}
	b.ReportMetric(float64(packets)/b.Elapsed().Seconds(), "packets/s")
	b.ReportMetric(peakMB(b), "MB-peak")
}

// peakMB is the most memory that this process ever had, MB.
func peakMB(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.Fields(kb)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(n) / 1024
		}
	}
	b.Fatal("no VmHWM in /proc/self/status")
	return 0
}

// BenchmarkPeers runs other tools over the same capture.
func BenchmarkPeers(b *testing.B) {
	path := filepath.Join(b.TempDir(), "capture.pcapng")
	writeCapture(b, path, benchSize(), false)
	for _, args := range [][]string{
		{"capinfos", "-c", path},
		{"tcpdump", "-r", path, "-w", "/dev/null"},
		{"tshark", "-q", "-r", path, "-z", "io,stat,0"},
	} {
		b.Run(args[0], func(b *testing.B) {
			for b.Loop() {
				if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, out)
				}
			}
		})
	}
}
