package extcap

import (
	"fmt"

	"pqiot/wire"
)

// Controls of the toolbar. The numbers stand in the messages on the control
// pipes.
const (
	ctlChannel   = 0 // selector: 1–14, or channelHops
	ctlHop       = 1 // string: channels to hop over
	ctlNoBeacons = 2 // boolean
	ctlSnapLen   = 3 // string: bytes
	ctlFilter    = 4 // string: ParseFilter's language
	ctlStatus    = 5 // string: written by us each second
	ctlStatusNow = 6 // button
	ctlLog       = 7 // button, logger
	ctlHelp      = 8 // button, handled by Wireshark
	ctlRestore   = 9 // button, handled by Wireshark
	channelHops  = 0 // the selector's value while the board hops
)

// ToolbarSentences describes the toolbar's controls for the listing of
// --extcap-interfaces. Every Wireshark with toolbars (2.4 and later) reads
// them.
func ToolbarSentences(Version) []string {
	s := []string{
		control(ctlChannel, "selector", "Channel", "Wi-Fi channel that the board listens on"),
		control(ctlHop, "string", "Hop", "Channels to hop over, such as 1,6,11 or 1-13; empty to stay on one") +
			`{placeholder=1,6,11}{validation=^[0-9, -]*$}`,
		control(ctlNoBeacons, "boolean", "No beacons", "The board leaves beacons out") + "{default=false}",
		control(ctlSnapLen, "string", "Snap length", "Bytes kept of each frame; 0 keeps whole frames") +
			"{default=0}{validation=^ *[0-9]+ *$}",
		control(ctlFilter, "string", "Filter", "Capture filter in force on the board: "+filterHelp) +
			"{placeholder=type mgt and not beacon}",
		control(ctlStatus, "string", "Status", "Frames a second, frames lost, load of the serial line"),
		control(ctlStatusNow, "button", "Ask board", "Ask the board for its counters now; they go to the log"),
		control(ctlLog, "button", "Log", "What the board and the capture say") + "{role=logger}",
		control(ctlHelp, "button", "Help", "Open the help page") + "{role=help}",
		control(ctlRestore, "button", "Restore", "Back to the defaults") + "{role=restore}",
		fmt.Sprintf("value {control=%d}{value=%d}{display=hopping}", ctlChannel, channelHops),
	}
	for ch := uint8(wire.ChannelMin); ch <= wire.ChannelMax; ch++ {
		v := fmt.Sprintf("value {control=%d}{value=%d}{display=%d (%d MHz)}", ctlChannel, ch, ch, channelFreq(ch))
		if ch == DefaultChannel {
			v += "{default=true}"
		}
		s = append(s, v)
	}
	return s
}

func control(number int, kind, display, tooltip string) string {
	return fmt.Sprintf("control {number=%d}{type=%s}{display=%s}{tooltip=%s}", number, kind, display, tooltip)
}

// channelFreq is the centre of a 2.4 GHz channel in MHz (IEEE 802.11-2020
// §15.4.4.3).
func channelFreq(ch uint8) uint16 {
	if ch == 14 {
		return 2484
	}
	return 2407 + 5*uint16(ch)
}
