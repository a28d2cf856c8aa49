package flash

import (
	"errors"
	"testing"
	"time"
)

func FuzzReply(f *testing.F) {
	for _, s := range []string{"OK", "FL\x03\x01", "PD", "OK\x04\x00\xEF\x40\x15\x80", "OK\x14\x00", "O", "F", "FLFL", "OKOK"} {
		f.Add([]byte(s), -1)
		f.Add([]byte(s), 4)
	}
	f.Fuzz(func(t *testing.T, b []byte, want int) {
		want = max(want%70000, noData)
		r, n, err := ParseReply(b, want)
		var refused BoardError
		switch {
		case n < 0 || n > len(b):
			t.Fatalf("size %d of %d bytes", n, len(b))
		case errors.As(err, &refused):
			if n != 4 || refused.Error() == "" {
				t.Fatalf("refusal of %d bytes", n)
			}
		case err != nil:
			if n != 0 || !errors.Is(err, ErrShort) && !errors.Is(err, ErrGarbled) {
				t.Fatalf("%d bytes, %v", n, err)
			}
		case !r.Pending && want != noData && len(r.Data) != want:
			t.Fatalf("%d bytes of data, want %d", len(r.Data), want)
		}
		_, _ = ParseBootInfo(r.Data)
		if j, err := ParseJEDEC(r.Data); err == nil {
			_, _ = j.Size(), j.Maker()
		}
	})
}

// FuzzExchange feeds a board's whole output to the code that waits for it.
func FuzzExchange(f *testing.F) {
	f.Add([]byte("PDPDOK"), uint8(0))
	f.Add([]byte("OK\x04\x00\xEF\x40\x15\x80OK\x04\x00\xEF\x40\x15\x80"), uint8(1))
	f.Add([]byte("FL\x02\x01FL\x06\x00OK"), uint8(2))
	f.Fuzz(func(t *testing.T, out []byte, step uint8) {
		p := &script{out: out, step: int(step%7) + 1}
		b := &Board{opts: Options{Clock: p}, clock: p, link: link{port: p, clock: p, baud: 2000000}}
		_, _ = b.do(request{id: CmdErase, want: noData, timeout: eraseTimeout})
		_, _ = b.do(request{id: CmdJEDEC, want: jedecSize})
		if limit := 3 * time.Minute; p.now > limit {
			t.Fatalf("took %v", p.now)
		}
	})
}

// script is a port that says the same whatever it is asked.
type script struct {
	out  []byte
	step int
	now  time.Duration
	wait time.Duration
}

func (s *script) Write(p []byte) (int, error) { s.now += time.Microsecond; return len(p), nil }

func (s *script) Read(p []byte) (int, error) {
	n := copy(p, s.out[:min(s.step, len(s.out))])
	s.out = s.out[n:]
	if n == 0 {
		s.now += s.wait
	}
	s.now += time.Microsecond
	return n, nil
}

func (s *script) SetReadTimeout(d time.Duration) error { s.wait = d; return nil }
func (s *script) SetBaud(int) error                    { return nil }
func (s *script) SetLines(bool, bool) error            { return nil }
func (s *script) Now() time.Time                       { return time.Unix(0, 0).Add(s.now) }
func (s *script) Sleep(d time.Duration)                { s.now += d }
