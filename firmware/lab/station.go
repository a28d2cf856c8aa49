package lab

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"pqiot/firmware/lab/air"
	"pqiot/firmware/lab/board"
)

// Board is a gateway's or sender's firmware, see package board.
type Board interface {
	Step(now uint64, in []board.Message) (out []board.Message, next uint64, err error)
}

const (
	rejoin     = 5_000_000 // µs between attempts to join a network
	maxPartial = 1024      // bytes of a line that a board has not ended yet
	maxBusy    = 1_000_000 // µs of one step
)

// station is a board and the station that is its radio.
type station struct {
	lab   *Lab
	name  string
	board Board
	peer  *air.Peer
	port  uint16 // its socket's
	wants *air.Network
	line  []byte          // printed, and not yet ended
	turn  int             // counts steps: what an older one was about to do is void
	busy  bool            // with what the last step began
	inbox []board.Message // that wait for it
	joins int             // likewise
	said  func(line string)
}

func (l *Lab) addStation(name string, b Board, last byte, port uint16) *station {
	s := &station{lab: l, name: name, board: b, peer: l.world.AddPeer(last), port: port}
	s.peer.Receive = func(src, dst netip.AddrPort, payload []byte) {
		if dst.Port() == s.port { // nobody listens on others
			s.step(board.Datagram(board.Arrived, src, payload))
		}
	}
	return s
}

// enter types a line on the console.
func (s *station) enter(format string, args ...any) {
	s.step(board.Message{Kind: board.Typed, Body: fmt.Appendf(nil, format+"\n", args...)})
}

// cutPower lets the board boot anew.
func (s *station) cutPower() {
	s.peer.Leave()
	s.wants = nil
	s.joins++
	s.turn++ // whatever it was about to do
	s.busy, s.inbox = false, nil
	s.step(board.Message{Kind: board.PowerCut})
}

// step lets the board do what is due, after what has happened. While it is
// busy, what happens has to wait.
func (s *station) step(in ...board.Message) {
	l := s.lab
	s.inbox = append(s.inbox, in...)
	now := l.world.Now()
	if l.err != nil || s.busy {
		return
	}
	s.turn++
	turn := s.turn
	in, s.inbox = s.inbox, nil
	out, next, err := s.board.Step(now, in)
	worked, err := s.worked(out, err)
	if err != nil {
		l.fail(err)
		return
	}
	if s.busy = worked > 0; !s.busy {
		s.tellAll(out)
	} else {
		s.later(now+worked, turn, func() {
			s.busy = false
			s.tellAll(out)
			if len(s.inbox) > 0 {
				s.step()
			}
		})
	}
	if next != board.Never {
		s.later(max(next, now+worked+1), turn, func() { s.step() })
	}
}

// later lets do happen at a time, µs since the start, unless the board has
// taken another step by then.
func (s *station) later(at uint64, turn int, do func()) {
	now := s.lab.world.Now()
	s.lab.world.After(max(at, now+1)-now, func() {
		if turn == s.turn {
			do()
		}
	})
}

// worked says how long a step kept the board busy, µs.
func (s *station) worked(out []board.Message, err error) (us uint64, _ error) {
	for _, m := range out {
		if m.Kind == board.Busy && err == nil {
			us, err = board.ParseTime(m.Body)
		}
	}
	if err == nil && us > maxBusy {
		err = fmt.Errorf("%s board: %w: busy for %d µs, at most %d expected", s.name, board.ErrLink, us, maxBusy)
	}
	return us, err
}

// tellAll does what a step led to. What the board says comes before what the
// air takes time for.
func (s *station) tellAll(out []board.Message) {
	for _, leaving := range []bool{false, true} {
		for _, m := range out {
			if leaving == (m.Kind == board.Leaves) {
				s.lab.fail(s.take(m))
			}
		}
	}
}

// take does what the board tells.
func (s *station) take(m board.Message) error {
	switch m.Kind {
	case board.Leaves:
		dst, payload, err := board.ParseDatagram(m.Body)
		if err != nil {
			return fmt.Errorf("%s board: %w", s.name, err)
		}
		s.peer.Send(s.port, dst, payload)
	case board.Printed:
		s.lab.raw(s, m.Body)
		s.print(m.Body)
	case board.LED:
		if len(m.Body) != 1 {
			return fmt.Errorf("%s board: %w: LED of %d bytes, 1 expected", s.name, board.ErrLink, len(m.Body))
		}
		s.tell("led " + colours(m.Body[0]))
	case board.Screen:
		s.tell("screen " + strings.Join(screenLines(m.Body), " | "))
	case board.Join:
		ssid, passphrase, err := board.ParseJoin(m.Body)
		if err != nil {
			return fmt.Errorf("%s board: %w", s.name, err)
		}
		s.wants = &air.Network{SSID: ssid, Passphrase: passphrase}
		s.joins++
		s.join(s.joins)
	case board.Busy: // known by now
	default:
		return fmt.Errorf("%s board: %w: message %q is not known", s.name, board.ErrLink, m.Kind)
	}
	return nil
}

// join tries to join, outside of the step that asks for it, and again until it
// works. A newer request takes the place of this one.
func (s *station) join(request int) {
	s.lab.world.After(1000, func() {
		if request != s.joins {
			return
		}
		address, ok := s.peer.Join(*s.wants)
		if ok {
			s.step(board.AddressMessage(address))
			return
		}
		s.lab.world.After(rejoin, func() { s.join(request) })
	})
}

// print cuts what the board prints into lines.
func (s *station) print(b []byte) {
	s.line = append(s.line, b...)
	for {
		end := bytes.IndexByte(s.line, '\n')
		if end < 0 && len(s.line) < maxPartial {
			return
		}
		if end < 0 {
			end = len(s.line) - 1
		}
		text := plain(s.line[:end+1])
		s.line = append(s.line[:0], s.line[end+1:]...)
		if text != "" {
			s.tell(text)
		}
	}
}

// tell puts a line on the time line.
func (s *station) tell(line string) {
	s.lab.line(s, line)
	if s.said != nil {
		s.said(line)
	}
}

// plain is a line as it stands on a terminal in the end: what was printed over
// is gone, escape sequences too.
func plain(b []byte) string {
	text := strings.TrimRight(string(b), "\r\n")
	if i := strings.LastIndexByte(text, '\r'); i >= 0 {
		text = text[i+1:]
	}
	for {
		i := strings.Index(text, "\x1b[")
		if i < 0 {
			return strings.TrimSpace(text)
		}
		end := strings.IndexFunc(text[i+2:], func(r rune) bool { return r >= '@' && r <= '~' })
		if end < 0 {
			return strings.TrimSpace(text[:i])
		}
		text = text[:i] + text[i+2+end+1:]
	}
}

// screenLines are the lines of a screen that are not empty.
func screenLines(b []byte) (lines []string) {
	for line := range strings.SplitSeq(string(b), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// colours names what PQ_LED_… of pq_port.h adds up to.
func colours(b byte) string {
	var names []string
	for i, name := range []string{"red", "green", "blue"} {
		if b&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "off"
	}
	return strings.Join(names, "+")
}

// typed hands over what somebody typed, in pieces that the link takes.
func (s *station) typed(text []byte) {
	for len(text) > 0 {
		n := min(len(text), board.MaxBody)
		s.step(board.Message{Kind: board.Typed, Body: text[:n]})
		text = text[n:]
	}
}
