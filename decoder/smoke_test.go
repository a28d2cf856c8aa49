package decoder

import (
	"bytes"
	"io"
	"pqiot/wire"
	"testing"
)

func TestSmoke(t *testing.T) {
	var s []byte
	for i := range 10 {
		s = append(s, "boot \xC5 text"...)
		s = wire.AppendRecord(s, wire.Record{Type: wire.TypeFrame, Seq: uint16(i), Time: uint64(i) * 1000, Body: wire.AppendFrame(nil, wire.Frame{Data: []byte("hello")})})
	}
	r := NewReader(bytes.NewReader(s))
	for i := range 10 {
		rec, err := r.Next()
		if err != nil || rec.Seq != uint16(i) || string(rec.Frame.Data) != "hello" {
			t.Fatal(rec, err)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Fatal(err)
	}
	t.Logf("%+v", r.Stats())
}
