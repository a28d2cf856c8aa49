package decoder_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"pqiot/decoder"
	"pqiot/wire"
)

// stream is what a board might send: a line of its boot loader, hello, a
// frame, one that was damaged, another frame.
func stream() []byte {
	b := []byte("boot2 1.2\r\n")
	b = wire.AppendRecord(b, wire.Record{Type: wire.TypeHello, Seq: 0, Time: 1500,
		Body: wire.AppendHello(nil, wire.Hello{Major: 1, Role: wire.RoleSniffer, Firmware: "1.0", Board: "PineCone"})})
	for i := range 3 {
		b = wire.AppendRecord(b, wire.Record{Type: wire.TypeFrame, Seq: uint16(1 + i), Time: uint64(2000 + 1000*i),
			Body: wire.AppendFrame(nil, wire.Frame{Freq: 2437, RSSI: -42, Data: []byte{0xd4, 0, 0, 0, 10, 11, 12, 13, 14, 15}})})
		if i == 1 {
			b[len(b)-7] ^= 0x10
		}
	}
	return b
}

func Example() {
	var clock decoder.Clock
	r := decoder.NewReader(bytes.NewReader(stream()))
	r.Now = func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	for {
		rec, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		if rec.Boot {
			clock.Reset()
		}
		clock.Observe(rec.Time, rec.Arrived)
		switch rec.Type {
		case wire.TypeHello:
			fmt.Printf("%s, firmware %s\n", rec.Hello.Board, rec.Hello.Firmware)
		case wire.TypeFrame:
			fmt.Printf("%s: %d bytes, %d dBm, %d lost before\n",
				clock.Host(rec.Time).Format("15:04:05.000"), len(rec.Frame.Data), rec.Frame.RSSI, rec.Lost)
		}
	}
	s := r.Stats()
	fmt.Printf("%d records, %d bytes skipped, %d bad CRC, %d missing\n", s.Records, s.Skipped, s.RecordCRC, s.Missing)
	// Output:
	// PineCone, firmware 1.0
	// 12:00:00.000: 10 bytes, -42 dBm, 0 lost before
	// 12:00:00.002: 10 bytes, -42 dBm, 1 lost before
	// 3 records, 51 bytes skipped, 1 bad CRC, 1 missing
}

func ExampleCommander() {
	commands, port := io.Pipe()
	c := decoder.NewCommander(port)
	go func() { // a board that knows the channels 1 to 13
		buf := make([]byte, wire.MaxRecord)
		channel := byte(1)
		for {
			n, err := commands.Read(buf)
			if err != nil {
				return
			}
			r, _, err := wire.ParseRecord(buf[:n])
			if err != nil {
				continue
			}
			status := wire.ReplyBadValue
			if r.Body[0] <= 13 {
				status, channel = wire.ReplyDone, r.Body[0]
			}
			c.Deliver(wire.Reply{Seq: r.Seq, Type: r.Type, Status: status, Value: []byte{channel}})
		}
	}()
	for _, channel := range []byte{6, 14} {
		reply, err := c.Do(context.Background(), wire.TypeChannel, []byte{channel})
		fmt.Printf("channel %d in force, %v\n", reply.Value[0], err)
	}
	port.Close()
	// Output:
	// channel 6 in force, <nil>
	// channel 6 in force, the board refused the channel command: bad value
}
