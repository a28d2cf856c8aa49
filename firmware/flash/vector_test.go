package flash

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"
)

func fromHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFrameVectors(t *testing.T) {
	count := make([]byte, 16)
	for i := range count {
		count[i] = byte(i)
	}
	for name, v := range map[string]struct {
		cmd     Command
		payload []byte
		want    string
	}{
		"boot info":          {CmdBootInfo, nil, "10 00 00 00"},
		"erase E000 to E10F": {CmdErase, words(0xE000, 0xE10F), "30 d8 08 00 00 e0 00 00 0f e1 00 00"},
		"read 0, 4096":       {CmdRead, words(0, 4096), "32 18 08 00 00 00 00 00 00 10 00 00"},
		"SHA-256 E000, 272":  {CmdSHA256, words(0xE000, 272), "3d f9 08 00 00 e0 00 00 10 01 00 00"},
		"write 10000":        {CmdWrite, append(words(0x10000), count...), "31 8d 14 00 00 00 01 00 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"},
	} {
		if got := AppendFrame(nil, v.cmd, v.payload); !bytes.Equal(got, fromHex(t, v.want)) {
			t.Errorf("%s: % x, want %s", name, got, v.want)
		}
	}
}

// capture is a session with a real board at 115200, in both directions. The
// address must read 24:94:94:47:88:DD.
type capture struct {
	script
	sent    []byte
	answers [][]byte // to the nth Write
}

func (c *capture) Write(p []byte) (int, error) {
	c.sent = append(c.sent, p...)
	if len(c.answers) > 0 {
		c.out, c.answers = append(c.out, c.answers[0]...), c.answers[1:]
	}
	return c.script.Write(p)
}

func TestCaptureVector(t *testing.T) {
	c := &capture{script: script{step: 3}, answers: [][]byte{
		fromHex(t, "4F 4B"),
		fromHex(t, "4F 4B 14 00 01 00 00 00 00 00 00 00 03 00 03 00 DD 88 47 94 94 24 1C 00"),
	}}
	l := link{port: c, clock: c, baud: 115200}
	if err := l.sync(listenTime); err != nil {
		t.Fatal(err)
	}
	data, err := l.exchange(request{id: CmdBootInfo, want: bootInfoSize})
	if err != nil {
		t.Fatal(err)
	}
	info, err := ParseBootInfo(data)
	if err != nil || info.Version != 1 || info.Sign != 0 || info.Encrypt != 0 || info.MAC != [6]byte{0x24, 0x94, 0x94, 0x47, 0x88, 0xDD} {
		t.Errorf("%+v, %v", info, err)
	}
	want := append(bytes.Repeat([]byte{0x55}, 55), 0x10, 0, 0, 0)
	if !bytes.Equal(c.sent, want) {
		t.Errorf("sent % x, want % x", c.sent, want)
	}
}

func TestSyncLength(t *testing.T) {
	for baud, want := range map[int]int{115200: 55, 500000: 300, 2000000: 1200} {
		if got := syncLength(baud); got != want {
			t.Errorf("%d baud: %d bytes, want %d", baud, got, want)
		}
	}
}

// TestErrorVector: FL 03 01 is 0103, a wrong CRC, and not 0301, a wrong rate.
func TestErrorVector(t *testing.T) {
	for reply, want := range map[string]string{
		"46 4C 03 01": "CMD_CRC", "46 4C 01 03": "RATE_LEN", "46 4C 06 00": "FLASH_WRITE", "46 4C 0B 00": "FLASH_DECOMPRESS",
		"46 4C 04 02": "BOOTHEADER_CRC", "46 4C 16 02": "HALFBAKED", "46 4C 1B 02": "ALL_INVALID", "46 4C 10 02": "SEGMENT_HEADER_CRC",
		"46 4C FF FF": "FAIL", "46 4C FC FF": "PLL", "46 4C 04 03": "PASSWORD", "46 4C 00 00": "UNKNOWN", "46 4C 1C 02": "UNKNOWN", "46 4C 34 12": "UNKNOWN",
	} {
		_, _, err := ParseReply(fromHex(t, reply), noData)
		var e BoardError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), " "+want) {
			t.Errorf("%s: %v, want %s", reply, err, want)
		}
	}
}

// TestEraseEnd: the last address is inclusive, or one sector too many is lost.
func TestEraseEnd(t *testing.T) {
	c := &capture{script: script{step: 2}, answers: [][]byte{[]byte("PDPDOK")}}
	b := &Board{clock: c, link: link{port: c, clock: c, active: time.Unix(0, 0)}}
	if err := b.erase(0xE000, SectorSize); err != nil {
		t.Fatal(err)
	}
	if want := fromHex(t, "30 d4 08 00 00 e0 00 00 ff ef 00 00"); !bytes.Equal(c.sent[2:], want[2:]) {
		t.Errorf("% x, want % x", c.sent, want)
	}
}
