package extcap

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pqiot/wire"
)

// An option is one argument of a capture: the same entry makes Wireshark's
// dialog and reads the command line, so that the two cannot differ.
type option struct {
	call    string // name on the command line, without hyphens
	display string // name in the dialog
	kind    string // type in the extcap grammar
	def     string // value when absent
	tooltip string
	group   string // tab of the dialog

	placeholder string
	validation  string // regular expression; no braces, they end a value
	lo, hi      int    // range of a number, where hi > 0
	files       string // filter of a file dialog
	mustExist   bool   // of a file
	reload      bool   // the dialog can ask for the values anew
	values      []value

	of  func(ifaceKind) bool        // which interfaces have it
	set func(*Config, string) error // reads a value; on error the Config stays
}

// A value is one line of a selector.
type value struct {
	value, display string
}

// Where an option applies.
func everywhere(ifaceKind) bool  { return true }
func onBoards(k ifaceKind) bool  { return k != ifaceSim }
func onGeneric(k ifaceKind) bool { return k == ifaceAny }

// Tabs of the dialog.
const (
	groupBoard = "Board"
	groupRadio = "Radio"
	groupFiles = "Files"
)

// channelList is one channel or a range of them, several with commas between.
const channelList = `^(([1-9]|1[0-4])(-([1-9]|1[0-4]))?(, *([1-9]|1[0-4])(-([1-9]|1[0-4]))?)*)?$`

// options lists the arguments of a capture, in the dialog's order.
func options() []option {
	return append(append(boardOptions(), radioOptions()...), fileOptions()...)
}

func boardOptions() []option {
	return []option{
		{call: "port", display: "Serial port", kind: "selector", def: DefaultPort, group: groupBoard,
			tooltip: "Port that the sniffer board is on. auto takes the only board that is plugged in.",
			reload:  true, of: onGeneric,
			set: func(c *Config, s string) error { c.Port = s; return nil }},
		{call: "baud", display: "Line rate (bit/s)", kind: "unsigned", def: strconv.Itoa(DefaultBaud), group: groupBoard,
			tooltip: "Rate that the board's firmware talks at.",
			lo:      1200, hi: 12_000_000, of: onBoards,
			set: number(1200, 12_000_000, "bit/s", func(c *Config, n int) { c.Baud = n })},
		{call: "console", display: "Consoles of other boards", kind: "string", group: groupBoard,
			tooltip: "Ports of the gateway and the sender: what they print stands in the capture, one line a packet. " +
				"The line rate above holds for them, too.",
			placeholder: "gateway=/dev/ttyUSB1,sender=/dev/ttyUSB2", of: onBoards,
			set: setConsoles},
	}
}

func radioOptions() []option {
	return []option{
		{call: "channel", display: "Channel", kind: "selector", def: strconv.Itoa(DefaultChannel), group: groupRadio,
			tooltip: "2.4 GHz channel to listen on.", values: channels(), of: everywhere,
			set: func(c *Config, s string) error { return setChannel(c, s) }},
		{call: "hop", display: "Hop over channels", kind: "string", group: groupRadio,
			tooltip:     "Channels to visit in turn, such as 1,6,11 or 1-13. Empty: stay on the channel above.",
			placeholder: "1,6,11", validation: channelList, of: everywhere, values: hopPresets(),
			set: func(c *Config, s string) (err error) { return keep(&c.Hop, s, parseHop) }},
		{call: "dwell", display: "Time on each channel (ms)", kind: "unsigned",
			def: strconv.Itoa(int(DefaultDwell.Milliseconds())), group: groupRadio,
			tooltip: "How long to stay on each channel while hopping.", lo: 10, hi: 65535, of: everywhere,
			set: number(10, 65535, "ms", func(c *Config, n int) { c.Dwell = time.Duration(n) * time.Millisecond })},
		{call: "snaplen", display: "Snap length (bytes)", kind: "unsigned", def: "0", group: groupRadio,
			tooltip: "Bytes of each frame that the board sends; 0 for whole frames. Less saves serial line.",
			lo:      0, hi: 65535, of: everywhere,
			set: number(0, 65535, "bytes", func(c *Config, n int) { c.SnapLen = uint16(n) })},
		{call: "filter", display: "Board filter", kind: "string", group: groupRadio,
			tooltip:     "Frames that the board lets through: type mgt|ctl|data, addr aa:bb:cc:dd:ee:ff, not beacon, joined by and, or.",
			placeholder: "type data and not beacon", of: everywhere,
			set: setFilter},
		{call: "no-beacons", display: "Drop beacons on the board", kind: "boolflag", def: "false", group: groupRadio,
			tooltip: "Beacons often fill half the serial line.", of: everywhere,
			set: func(c *Config, s string) error { return keep(&c.NoBeacons, s, parseBool) }},
	}
}

func fileOptions() []option {
	const files = "Recorded serial stream (*.bin);;All files (*)"
	return []option{
		{call: "replay", display: "Replay a recorded stream", kind: "fileselect", group: groupFiles,
			tooltip:   "A file that an earlier capture recorded plays the board; no port is opened.",
			mustExist: true, files: files, of: onGeneric,
			set: func(c *Config, s string) error { c.Replay = s; return nil }},
		{call: "record", display: "Record the serial stream", kind: "fileselect", group: groupFiles,
			tooltip: "Keeps every byte that the board sends, for a later replay.",
			files:   files, of: everywhere,
			set: func(c *Config, s string) error { c.Record = s; return nil }},
		{call: "log-level", display: "Log", kind: "selector", def: strconv.Itoa(DefaultLogLevel), group: groupFiles,
			tooltip: "How much goes into the toolbar's log and the log file.", values: logLevels(), of: everywhere,
			set: func(c *Config, s string) error { return keep(&c.LogLevel, s, parseLogLevel) }},
		{call: "log-file", display: "Log file", kind: "fileselect", group: groupFiles,
			tooltip: "Keeps the log of a capture.", files: "Log (*.log);;All files (*)", of: everywhere,
			set: func(c *Config, s string) error { c.LogFile = s; return nil }},
	}
}

// keep stores what parse reads, and leaves dst alone on an error.
func keep[T any](dst *T, s string, parse func(string) (T, error)) error {
	v, err := parse(s)
	if err == nil {
		*dst = v
	}
	return err
}

// number makes the setter of a whole number within bounds.
func number(lo, hi int, unit string, store func(*Config, int)) func(*Config, string) error {
	return func(c *Config, s string) error {
		n, err := strconv.Atoi(s)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return fmt.Errorf("not a whole number of %s", unit)
		}
		if err != nil || n < lo || n > hi {
			return fmt.Errorf("not %d–%d %s", lo, hi, unit)
		}
		store(c, n)
		return nil
	}
}

func setChannel(c *Config, s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 14 {
		return errors.New("not 1–14, nor 0 for the board's own")
	}
	c.Channel = uint8(n)
	return nil
}

func setFilter(c *Config, s string) error {
	if s == "" {
		c.Filter = ""
		return nil
	}
	if _, err := ParseFilter(s); err != nil {
		return err
	}
	c.Filter = s
	return nil
}

func setConsoles(c *Config, s string) error {
	if s == "" {
		c.Consoles = nil
		return nil
	}
	return keep(&c.Consoles, s, parseConsoles)
}

// parseHop reads "1,6,11" and "1-13". The empty list is no hopping.
func parseHop(s string) ([]uint8, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	var hop []uint8
	for part := range strings.SplitSeq(s, ",") {
		first, last, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			last = first
		}
		lo, err := parseHopChannel(first)
		if err != nil {
			return nil, err
		}
		hi, err := parseHopChannel(last)
		if err != nil {
			return nil, err
		}
		if lo > hi {
			return nil, fmt.Errorf("range %d-%d runs backwards", lo, hi)
		}
		for ch := lo; ch <= hi; ch++ {
			hop = append(hop, ch)
		}
		if len(hop) > wire.HopMaxChannels {
			return nil, fmt.Errorf("more than %d channels", wire.HopMaxChannels)
		}
	}
	return hop, nil
}

func parseHopChannel(s string) (uint8, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 14 {
		return 0, fmt.Errorf("channel %s is not 1–14", s)
	}
	return uint8(n), nil
}

func parseLogLevel(s string) (uint8, error) {
	for _, l := range logLevels() {
		if s == l.value || strings.EqualFold(s, l.display) {
			return l.value[0] - '0', nil
		}
	}
	return 0, errors.New("not 0 error, 1 warning, 2 info or 3 debug")
}

func logLevels() []value {
	return []value{{"0", "error"}, {"1", "warning"}, {"2", "info"}, {"3", "debug"}}
}

func channels() []value {
	vs := []value{{"0", "as the board is set"}}
	for ch := uint8(wire.ChannelMin); ch <= wire.ChannelMax; ch++ {
		vs = append(vs, value{fmt.Sprint(ch), fmt.Sprintf("%d (%d MHz)", ch, channelFreq(ch))})
	}
	return vs
}

// hopPresets is offered where the dialog has a list that can be typed into.
func hopPresets() []value {
	return []value{{"", "stay on one channel"}, {"1,6,11", "1,6,11"}, {"1-11", "1-11"}, {"1-13", "1-13"}}
}
