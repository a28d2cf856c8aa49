package decoder

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"pqiot/wire"
)

const (
	bufSize     = 64 << 10               // bytes; what is held never exceeds wire.MaxRecord
	defaultIdle = 250 * time.Millisecond // 8 kB last 41 ms at the full rate
	napTime     = time.Millisecond       // between empty reads that return at once
)

// errMore says that what is held makes no record yet.
var errMore = errors.New("more bytes needed")

// Reader takes records out of a byte stream. Next belongs to one goroutine;
// Stats may be called from any.
type Reader struct {
	// Now is the host clock, time.Now by default. Set it before the first Next.
	Now func() time.Time
	// Idle is how long a silent line may hold back an incomplete record, and
	// so what its header might wrongly cover, 250 ms by default. It works only
	// if the stream's reads time out: see Next.
	Idle time.Duration

	src     io.Reader
	buf     []byte
	at, end int       // buf[at:end] is held
	base    int64     // stream offset of buf[0]
	arrived time.Time // of the last byte
	err     error     // of the last read, due once all that is held was scanned
	final   bool      // nothing more comes: what is incomplete is broken

	reach   int64 // a damaged record claimed the stream up to this offset
	foreign int   // headers of another major since the last intact record
	rec     Record
	track   tracker
	carry   uint32 // Lost of records that were not returned
	boot    bool   // Boot of records that were not returned

	mu    sync.Mutex // guards stats
	stats Stats
}

// NewReader returns a Reader of the board's stream r.
func NewReader(r io.Reader) *Reader {
	return &Reader{Now: time.Now, Idle: defaultIdle, src: r, buf: make([]byte, bufSize)}
}

// Resume goes on with another stream from the same board, as after a re-plug.
// Counters go on, offsets too; what was held of the old stream is skipped.
func (r *Reader) Resume(src io.Reader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skip(r.end - r.at)
	r.src, r.err, r.final, r.foreign = src, nil, false, 0
	r.track.resumed, r.track.seen = true, r.arrived
}

// Stats returns the counters, everything that Next has returned included.
func (r *Reader) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Next returns the next intact record, valid until the next call. Its errors
// are those of the stream, io.EOF at its end, and a wire.VersionError, which
// matches wire.ErrVersion. After any error Next may be called again.
//
// A read of the stream that returns no byte and no error, as a serial port's
// does at a time-out, is repeated. One that fails with a Timeout method that
// returns true does not end the stream: Next returns the error, and what is
// held stays held. Either one, Idle after the last byte, makes Next give up
// an incomplete record and look for intact ones inside.
func (r *Reader) Next() (*Record, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		raw, n, err := r.scan()
		if err == nil {
			ok, err := r.accept(raw, n)
			if err != nil {
				return nil, err
			}
			if ok {
				return &r.rec, nil
			}
			continue
		}
		if err == errMore {
			err = r.fill()
		}
		if err != nil {
			return nil, err
		}
	}
}

// scan moves at to the next intact record and returns it with its size, or
// errMore, or a VersionError.
func (r *Reader) scan() (wire.Record, int, error) {
	for {
		held := r.buf[r.at:r.end]
		if len(held) == 0 {
			return wire.Record{}, 0, errMore
		}
		if held[0] != wire.Sync0 {
			i := bytes.IndexByte(held, wire.Sync0)
			if i < 0 {
				i = len(held)
			}
			r.skip(i)
			continue
		}
		raw, n, err := wire.ParseRecord(held)
		switch {
		case err == nil:
			return raw, n, nil
		case err == wire.ErrShort && !r.final:
			return wire.Record{}, 0, errMore
		case errors.Is(err, wire.ErrVersion):
			if err := r.refuse(held, err); err != nil {
				return wire.Record{}, 0, err
			}
		default:
			r.reject(held, err)
		}
	}
}

func (r *Reader) skip(n int) {
	r.at += n
	r.stats.Skipped += int64(n)
}

// reject passes over the sync byte at the start of held and counts why.
func (r *Reader) reject(held []byte, why error) {
	switch {
	case why == wire.ErrHeaderCRC:
		r.stats.HeaderCRC++
	case why == wire.ErrRecordCRC, why == wire.ErrShort && len(held) >= wire.HeaderSize:
		r.stats.RecordCRC++
		size := wire.HeaderSize + int(binary.LittleEndian.Uint16(held[4:])) + wire.TrailerSize
		r.reach = max(r.reach, r.base+int64(r.at+size))
	case why == wire.ErrLength:
		r.stats.Malformed++
	}
	r.skip(1)
}

// refuse judges a good header of another major. It is believed if the record
// CRC holds too, or if it is the second without an intact record between
// them; a header CRC alone is right by accident once in 65536.
func (r *Reader) refuse(held []byte, version error) error {
	if n := int(binary.LittleEndian.Uint16(held[4:])); n <= wire.MaxBody {
		end := wire.HeaderSize + n
		if len(held) >= end+wire.TrailerSize {
			if wire.CRC32(held[:end]) == binary.LittleEndian.Uint32(held[end:]) {
				r.skip(end + wire.TrailerSize)
				return version
			}
		} else if !r.final {
			return errMore
		}
	}
	r.skip(1)
	if r.foreign++; r.foreign > 1 {
		r.foreign = 0
		return version
	}
	return nil
}

// fill reads once, or returns the error of the read before.
func (r *Reader) fill() error {
	if err := r.err; err != nil {
		r.err = nil
		return err
	}
	r.makeRoom()
	start := r.Now()
	r.mu.Unlock()
	n, err := r.src.Read(r.buf[r.end:])
	r.mu.Lock()
	now := r.Now()
	r.end += n
	r.stats.Bytes += int64(n)
	r.err = err
	r.final = err != nil && !isTimeout(err)
	if n > 0 {
		r.arrived = now
		return nil
	}
	if now.Sub(r.arrived) >= r.Idle {
		r.final = true
	}
	if err == nil && now.Sub(start) < napTime {
		r.mu.Unlock()
		time.Sleep(napTime)
		r.mu.Lock()
	}
	return nil
}

// makeRoom moves what is held to the front when the room behind it is short.
func (r *Reader) makeRoom() {
	if r.at < r.end && len(r.buf)-r.end >= 2*wire.MaxRecord {
		return
	}
	r.base += int64(r.at)
	r.end = copy(r.buf, r.buf[r.at:r.end])
	r.at = 0
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// accept takes the intact record at the start of what is held. ok is false if
// it is none to return.
func (r *Reader) accept(raw wire.Record, n int) (ok bool, err error) {
	rec := &r.rec
	rec.Type, rec.Seq, rec.Time = raw.Type, raw.Seq, raw.Time
	rec.Offset, rec.Arrived = r.base+int64(r.at), r.arrived
	rec.Rescued = rec.Offset < r.reach
	r.at += n
	r.foreign = 0
	known, err := rec.parse(raw.Body)
	if raw.Type >= wire.TypeSayHello { // our own command, echoed: numbered by us
		r.stats.Unknown++
		return false, nil
	}
	r.account(rec, known && err == nil)
	switch {
	case errors.Is(err, wire.ErrVersion):
		return false, err
	case err != nil:
		r.stats.Malformed++
		return false, nil
	case !known:
		r.stats.Unknown++
		return false, nil
	}
	r.stats.Records++
	return true, nil
}
