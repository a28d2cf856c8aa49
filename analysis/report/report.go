// Package report holds what an analysis found, and writes it: text for a
// terminal, JSON for programs, HTML for people.
//
//	report.go   the object; its fields are a promise to programs that read --json
//	json.go, text.go   two ways to write it
//	html.go     the third: one page that loads nothing, from page.html, page.css, page.js
//	figures.go, plots.go, sizes.go, ladder.go   the page's drawings, in SVG
package report

import "time"

// Version of the report object. Later ones add fields and change the meaning
// of none.
const Version = 1

// Report is the object that --json prints.
type Report struct {
	Version  int        `json:"version"`
	Files    []File     `json:"files"`
	Packets  int64      `json:"packets"`
	Bytes    int64      `json:"bytes"`
	First    *time.Time `json:"first"` // of the first packet; null in an empty capture
	Last     *time.Time `json:"last"`
	Devices  []Device   `json:"devices"`
	Sessions []Session  `json:"sessions"`
	Repeats  Repeats    `json:"repeats"`
	Alerts   []Alert    `json:"alerts"`
	Unsealed Unsealed   `json:"unsealed"`
	// HeardTwice counts frames that another sniffer had heard already.
	HeardTwice int64  `json:"heard_twice,omitempty"`
	Limits     Limits `json:"limits"`
	Plots      *Plots `json:"-"` // for the HTML page; nil where not asked for
}

// File is one input.
type File struct {
	Name      string `json:"name"`
	Packets   int64  `json:"packets"`
	Bytes     int64  `json:"bytes"` // read, unpacked
	Truncated bool   `json:"truncated"`
	Damage    string `json:"damage,omitempty"` // what ended the reading, and where
	SHA256    string `json:"sha256,omitempty"` // of the input as it was read, hex
	Clock     *Clock `json:"clock,omitempty"`  // how its clock was aligned; nil: its own stands
}

// Clock says how a capture's clock relates to that of another capture of the
// same air. Times in the report are the reference's.
type Clock struct {
	Reference int     `json:"reference"` // index in Report.Files
	Offset    float64 `json:"offset_s"`  // the reference's time minus this one's, at the first frame in common
	Drift     float64 `json:"drift_s"`   // how much it grew up to the last
	Frames    int     `json:"frames"`    // in common that agree
}

// Device is one MAC address that sent something.
type Device struct {
	MAC     string   `json:"mac"`
	Name    string   `json:"name,omitempty"` // what it calls itself, in DHCP or mDNS
	IPs     []string `json:"ips"`
	Role    string   `json:"role"` // gateway, sender, access_point, station, unknown
	Packets int64    `json:"packets"`
}

// Session is one pqiot session, by its id.
type Session struct {
	SID            string `json:"sid"`   // 14 hex digits
	Suite          string `json:"suite"` // ML-KEM-512 …; empty where the handshake was not heard
	Gateway        string `json:"gateway"`
	Sender         string `json:"sender"`
	FirstFrame     uint64 `json:"first_frame"`
	FirstFile      int    `json:"first_file"`      // index in Report.Files
	HandshakeFrame uint64 `json:"handshake_frame"` // 0 = not heard
	HandshakeFile  int    `json:"handshake_file"`
	Records        int64  `json:"records"`     // of both sides, each counted once
	HighestSeq     uint64 `json:"highest_seq"` // the sender's
}

// Repeats counts every repeated frame once, as the first that fits.
type Repeats struct {
	WiFiRetry          int64 `json:"wifi_retry"` // with the retry bit, the original was heard
	Relay              int64 `json:"relay"`      // the access point's copy of what a station sent
	CoAPRetransmission int64 `json:"coap_retransmission"`
	Replay             int64 `json:"replay"`
}

// Severity of an alert.
type Severity string

// Severities in rising order.
const (
	Info   Severity = "info"
	Low    Severity = "low"
	Medium Severity = "medium"
	High   Severity = "high"
)

// Rank orders severities.
func (s Severity) Rank() int {
	switch s {
	case Low:
		return 1
	case Medium:
		return 2
	case High:
		return 3
	}
	return 0
}

// MaxFrames is how many offending frames an alert lists.
const MaxFrames = 1000

// Alert is one incident: all that one detector has against one source.
type Alert struct {
	Detector     string         `json:"detector"`
	Severity     Severity       `json:"severity"`
	Time         time.Time      `json:"time"`
	File         int            `json:"file"`          // index in Report.Files of Frame
	Frame        uint64         `json:"frame"`         // first offending frame
	Original     uint64         `json:"original"`      // the frame that it repeats, 0 = none
	OriginalFile int            `json:"original_file"` // index in Report.Files of Original
	Count        int64          `json:"count"`         // offending frames
	Frames       []uint64       `json:"frames"`        // the first MaxFrames of them, of those in File
	Source       string         `json:"source"`
	Destination  string         `json:"destination"`
	SID          string         `json:"sid"`
	Summary      string         `json:"summary"`
	Evidence     map[string]any `json:"evidence"`
}

// Unsealed counts protected 802.11 data frames.
type Unsealed struct {
	Protected int64            `json:"protected"`
	Decrypted int64            `json:"decrypted"`
	Reasons   map[string]int64 `json:"reasons,omitempty"` // why the rest stayed closed
	Genuine   int64            `json:"genuine,omitempty"` // session records whose tag is right under a key log
	Forged    int64            `json:"forged,omitempty"`  // and wrong
}

// Limits says what the analysis could not see or had to forget.
type Limits struct {
	Faults    map[string]int64 `json:"faults,omitempty"`  // packets not read to the end, by why
	Evicted   map[string]int64 `json:"evicted,omitempty"` // table entries that gave way, by table
	BadBlocks int64            `json:"bad_blocks,omitempty"`
	Blind     []string         `json:"blind,omitempty"`          // in words
	Unknown   int64            `json:"unknown_blocks,omitempty"` // pcapng blocks of other types
}
