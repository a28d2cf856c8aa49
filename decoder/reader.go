package decoder

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"pqiot/wire"
)

const (
	bufSize     = 64 << 10               // bytes; what is held never exceeds wire.MaxRecord
	defaultIdle = 250 * time.Millisecond // 8 kB last 41 ms at the full rate
	napTime     = time.Millisecond       // between empty reads that return at once,
	napAfter    = 2                      // from the third in a row
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
	at, end int           // buf[at:end] is held
	base    int64         // stream offset of buf[0]
	err     error         // of the last read, due once all that is held was scanned
	final   bool          // nothing more comes: what is incomplete is broken
	looked  time.Time     // end of the last read
	quiet   time.Duration // of the line, since the last byte
	empty   int           // reads in a row that gave nothing

	reach   int64 // a damaged record claimed the stream up to this offset
	foreign error // of a header of another major since the last intact record
	rec     Record
	track   tracker

	owing    bool // of records that were not returned:
	owedLost uint32
	owedBoot bool

	stats   Stats         // of Next alone, without frames
	changed bool          // stats since they were shown
	frames  atomic.Uint64 // that Next returned; alone, as a lock for each would cost too much
	mu      sync.Mutex    // guards shown
	shown   Stats
}

// NewReader returns a Reader of the board's stream r.
func NewReader(r io.Reader) *Reader {
	return &Reader{Now: time.Now, Idle: defaultIdle, src: r, buf: make([]byte, bufSize)}
}

// Resume goes on with another stream from the same board, as after a re-plug.
// Counters go on, offsets too; what was held of the old stream is skipped. It
// belongs to the goroutine of Next.
func (r *Reader) Resume(src io.Reader) {
	r.skip(r.end - r.at)
	r.show()
	r.src, r.err, r.final, r.foreign = src, nil, false, nil
	r.track.resumed, r.track.seen = true, r.rec.Arrived
}

// Stats returns the counters, everything that Next has returned included.
func (r *Reader) Stats() Stats {
	r.mu.Lock()
	s := r.shown
	r.mu.Unlock()
	n := r.frames.Load()
	s.Records += n
	s.Frames = n
	return s
}

func (r *Reader) show() {
	if r.changed {
		r.mu.Lock()
		r.shown = r.stats
		r.mu.Unlock()
		r.changed = false
	}
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
	for {
		ok, err := false, error(nil)
		if body, missing := r.scan(); missing == nil {
			ok, err = r.accept(body)
		} else if err = missing; err == errMore {
			r.show()
			err = r.fill()
		}
		if ok || err != nil {
			r.show()
			if err != nil {
				return nil, err
			}
			return &r.rec, nil
		}
	}
}

// scan moves at to the next intact record, whose head it puts into rec, and
// returns its body; or errMore, or a VersionError.
func (r *Reader) scan() ([]byte, error) {
	for {
		held := r.buf[r.at:r.end]
		if len(held) == 0 {
			return nil, errMore
		}
		if held[0] != wire.Sync0 {
			i := bytes.IndexByte(held, wire.Sync0)
			if i < 0 {
				i = len(held)
			}
			r.skip(i)
			continue
		}
		h, err := wire.ParseHeader(held)
		if err == nil {
			end := wire.HeaderSize + h.Len
			if err = whole(held, end); err == nil {
				r.rec.Type, r.rec.Seq, r.rec.Time = h.Type, h.Seq, h.Time
				return held[wire.HeaderSize:end:end], nil
			}
		}
		switch {
		case err == wire.ErrShort && !r.final:
			return nil, errMore
		case errors.Is(err, wire.ErrVersion):
			if err := r.refuse(held, err); err != nil {
				return nil, err
			}
		default:
			r.reject(held, err)
		}
	}
}

// whole checks the record CRC behind b[:end]: nil, wire.ErrShort or
// wire.ErrRecordCRC.
func whole(b []byte, end int) error {
	if len(b) < end+wire.TrailerSize {
		return wire.ErrShort
	}
	if wire.CRC32(b[:end]) != binary.LittleEndian.Uint32(b[end:]) {
		return wire.ErrRecordCRC
	}
	return nil
}

func (r *Reader) skip(n int) {
	r.at += n
	r.stats.Skipped += int64(n)
	r.changed = true
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
// CRC holds too, or if no intact record follows it before another such header
// or the end; a header CRC alone is right by accident once in 65536.
func (r *Reader) refuse(held []byte, version error) error {
	if n := int(binary.LittleEndian.Uint16(held[4:])); n <= wire.MaxBody {
		end := wire.HeaderSize + n
		switch whole(held, end) {
		case nil:
			r.skip(end + wire.TrailerSize)
			return version
		case wire.ErrShort:
			if !r.final {
				return errMore
			}
		}
	}
	r.skip(1)
	before := r.foreign
	r.foreign = version
	if before == nil {
		return nil
	}
	r.foreign = nil
	return version
}

// fill reads once, or returns the error of the read before.
func (r *Reader) fill() error {
	if err := r.foreign; err != nil && r.err != nil && r.final {
		r.foreign = nil
		return err
	}
	if err := r.err; err != nil {
		r.err = nil
		return err
	}
	r.makeRoom()
	start := r.Now()
	n, err := r.src.Read(r.buf[r.end:])
	now := r.Now()
	r.end += n
	r.stats.Bytes += int64(n)
	r.changed = true
	r.err = err
	r.final = err != nil && !isTimeout(err)
	if n > 0 {
		r.rec.Arrived, r.looked, r.empty, r.quiet = now, now, 0, 0
		return nil
	}
	// One long wait may be that of a computer that stood still, with bytes in
	// its buffers: it takes several to make a silence of the line.
	if r.quiet += min(now.Sub(r.looked), r.Idle/8); r.quiet >= r.Idle {
		r.final = true
	}
	r.looked = now
	if r.empty++; r.empty > napAfter && err == nil && now.Sub(start) < napTime {
		time.Sleep(napTime)
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
func (r *Reader) accept(body []byte) (ok bool, err error) {
	rec := &r.rec
	rec.Offset = r.base + int64(r.at)
	rec.Rescued = rec.Offset < r.reach
	r.at += wire.HeaderSize + len(body) + wire.TrailerSize
	r.foreign = nil
	known, err := rec.parse(body)
	if rec.Type >= wire.TypeSayHello { // our own command, echoed: numbered by us
		r.stats.Unknown++
		r.changed = true
		return false, nil
	}
	ok = known && err == nil
	if r.account(rec, ok); ok {
		return true, nil
	}
	switch {
	case errors.Is(err, wire.ErrVersion):
		return false, err
	case err != nil:
		r.stats.Malformed++
	default:
		r.stats.Unknown++
	}
	r.changed = true
	return false, nil
}
