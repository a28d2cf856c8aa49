package dissector_test

import (
	"encoding/binary"
	"strings"
	"testing"
)

// consoleCapture is a pcapng with one interface of link type 252 and a packet
// for each text, as extcap writes them.
func consoleCapture(t testing.TB, texts ...string) string {
	t.Helper()
	le := binary.LittleEndian
	block := func(kind uint32, body []byte) []byte {
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		n := uint32(len(body) + 12)
		b := le.AppendUint32(le.AppendUint32(nil, kind), n)
		return le.AppendUint32(append(b, body...), n)
	}
	section := le.AppendUint32(nil, 0x1A2B3C4D)
	section = le.AppendUint64(le.AppendUint32(section, 1), ^uint64(0))
	file := block(0x0A0D0D0A, section)
	file = append(file, block(1, le.AppendUint32(le.AppendUint32(nil, 252), 0))...)
	for i, text := range texts {
		data := append([]byte("\x00\x0c\x00\x10pqiot_console\x00\x00\x00\x00\x00\x00\x00"), text...)
		body := le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, 0), 0), uint32(1000*i))
		body = le.AppendUint32(le.AppendUint32(body, uint32(len(data))), uint32(len(data)))
		file = append(file, block(6, append(body, data...))...)
	}
	return save(t, "console.pcapng", file)
}

// Console lines show without a preference: the packet names its dissector.
func TestConsole(t *testing.T) {
	capture := consoleCapture(t, "gateway: kem.decaps 6.1 ms", "sender: led green", "sender: ccm.seal 412 us",
		"no board at all", "gateway: ", "", "gateway: a.b 1.2.3 ms", "gateway: a.b 5 m", "sender: hkdf 0.4 ms", "sender: up 5 s, message 2", "sender: grüße \xff")
	got := tshark(t, capture, "-T", "fields", "-E", "separator=|", "-e", "_ws.col.Protocol", "-e", "_ws.col.Info",
		"-e", "pqiot_console.board", "-e", "pqiot_console.text", "-e", "pqiot_console.step", "-e", "pqiot_console.duration")
	golden(t, "console", got)
	if strings.Contains(got, "Lua Error") {
		t.Error("the dissector failed")
	}
}
