package decoder

import (
	"bytes"
	"time"

	"pqiot/wire"
)

// Record is one intact record of the board. Only the body that Type names is
// set. Frame.Data, Log.Text and Reply.Value lie in the reader's buffer.
type Record struct {
	Type    wire.Type
	Seq     uint16
	Time    uint64    // µs since the board's boot; see wire.FrameTSF for the exception
	Offset  int64     // of the record's first byte in the stream
	Arrived time.Time // host time of the read that brought its last byte, or, if Rescued, a later one
	Lost    uint32    // records missing between the one before and this one, by the sequence
	Boot    bool      // the board restarted before this record
	Late    bool      // out of place by its sequence: repeated, reordered, or Rescued where it hardly belongs
	Rescued bool      // found within the reach of a damaged record; see the package comment

	Frame  wire.Frame
	Status wire.Status
	Hello  wire.Hello
	Log    wire.Log // Text is always UTF-8
	Reply  wire.Reply
}

// parse reads the body. known is false for a type that boards of this version
// do not send.
func (rec *Record) parse(body []byte) (known bool, err error) {
	switch rec.Type {
	case wire.TypeFrame:
		rec.Frame, err = wire.ParseFrame(body)
	case wire.TypeStatus:
		rec.Status, err = wire.ParseStatus(body)
	case wire.TypeHello:
		rec.Hello, err = wire.ParseHello(body)
	case wire.TypeLog:
		rec.Log, err = wire.ParseLog(body)
		rec.Log.Text = bytes.ToValidUTF8(rec.Log.Text, []byte("\uFFFD"))
	case wire.TypeReply:
		rec.Reply, err = wire.ParseReply(body)
	default:
		return false, nil
	}
	return true, err
}

// hasTime reports whether Time counts from the board's boot.
func (rec *Record) hasTime() bool {
	return rec.Type != wire.TypeFrame || rec.Frame.Flags&wire.FrameTSF == 0
}
