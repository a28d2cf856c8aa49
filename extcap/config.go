package extcap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Application is what the section header names as the writing program. It
// belongs to the format of the file, not to a build.
const Application = "pqiot-extcap 1.0"

// Values in force when an argument is absent. The grammar declares the same
// ones: Wireshark leaves out whatever equals the declared default.
const (
	DefaultPort     = "auto"
	DefaultBaud     = 2_000_000              // the CH340N's ceiling
	DefaultChannel  = 6                      // 2437 MHz
	DefaultDwell    = 250 * time.Millisecond // per channel while hopping
	DefaultLogLevel = 2                      // wire's info
)

// Config is everything a capture was asked to do.
type Config struct {
	Interface string // value of --extcap-interface

	Port    string        // path of the serial port, or "auto"
	Baud    int           // line rate, bit/s
	Channel uint8         // 1–14; 0 leaves the board's own
	Hop     []uint8       // channels to hop over; empty: stay
	Dwell   time.Duration // time on each hopped channel
	SnapLen uint16        // bytes kept of each frame; 0: all

	Filter    string // capture filter, see ParseFilter; empty: everything
	NoBeacons bool   // beacons are dropped on the board

	Consoles []Console // whose lines stand beside the frames

	Replay string // a recorded serial stream that plays the board
	Record string // file that keeps the raw serial stream

	LogLevel uint8  // 0 error, 1 warning, 2 info, 3 debug
	LogFile  string // file that keeps the log

	FIFO       string // where the pcapng goes: a named pipe or a plain file
	ControlIn  string // toolbar messages from Wireshark; empty: none
	ControlOut string // toolbar messages to Wireshark; empty: none

	WiresharkVersion Version // of --extcap-version; zero when unknown
	Application      string  // goes into the section header
}

// An Opener opens the board. Capture calls it again after the board was
// unplugged, as long as it answers ErrGone. Its errors say what is wrong and
// how to mend it.
type Opener interface {
	Open(ctx context.Context) (Board, error)
}

// OpenerFunc lets a function be an Opener.
type OpenerFunc func(ctx context.Context) (Board, error)

// Open calls f.
func (f OpenerFunc) Open(ctx context.Context) (Board, error) { return f(ctx) }

// A Board is an open line to a board. Read may return (0, nil): nothing came
// within the time-out. Close makes a blocked Read return.
type Board interface {
	io.ReadWriteCloser
	// Name is what a person calls it: the path of the port or file.
	Name() string
	// SetBaud changes the line rate, in bit/s.
	SetBaud(int) error
}

// Recorded is implemented by a Board that plays back a file. It takes no
// commands, its clock stands in no relation to now, and its end is the end of
// the capture instead of a board that was unplugged.
type Recorded interface {
	Recorded() bool
}

// ErrGone means that the board is not there, or not there yet. After a board
// was unplugged Capture keeps trying as long as Open answers this.
var ErrGone = errors.New("board not there")

// A Version is that of the Wireshark that calls, as far as it tells: 4.0.
type Version struct {
	Major, Minor int
}

// ParseVersion reads "4.4", and takes "4.4.2" and "4.4.0rc1" too.
func ParseVersion(s string) (Version, error) {
	major, rest, _ := strings.Cut(s, ".")
	minor, _, _ := strings.Cut(rest, ".")
	minor = strings.TrimRight(minor, "abcdefghijklmnopqrstuvwxyz-+~")
	if minor == "" {
		minor = "0"
	}
	ma, err1 := strconv.ParseUint(major, 10, 16)
	mi, err2 := strconv.ParseUint(minor, 10, 16)
	if err1 != nil || err2 != nil {
		return Version{}, fmt.Errorf("%q is no version such as 4.4", s)
	}
	return Version{int(ma), int(mi)}, nil
}

// AtLeast reports whether v is major.minor or later. The zero Version, an
// unknown Wireshark, is older than any.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// String writes "4.4", and "unknown" for the zero Version.
func (v Version) String() string {
	if v == (Version{}) {
		return "unknown"
	}
	return fmt.Sprintf("%d.%d", v.Major, v.Minor)
}
