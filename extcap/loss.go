package extcap

import (
	"fmt"
	"strings"

	"pqiot/decoder"
)

// losses tells what was lost from one record to the next, in words for a
// packet comment. At a gap it says what the line shows: damage, or nothing,
// which speaks for the board. How much the board dropped itself is known only
// at its next status, and said then.
type losses struct {
	before decoder.Stats // at the last gap or status
}

// gap describes lost records at a record with lost > 0.
func (l *losses) gap(lost uint32, s decoder.Stats) string {
	text := fmt.Sprintf("%s lost before this frame", plural(uint64(lost), "record"))
	bad := s.HeaderCRC + s.RecordCRC - l.before.HeaderCRC - l.before.RecordCRC
	skipped := s.Skipped - l.before.Skipped
	switch {
	case bad > 0:
		text += fmt.Sprintf(": damaged on the serial line (%s failed, %s skipped)",
			plural(bad, "CRC"), plural(uint64(skipped), "byte"))
	case skipped > 0:
		text += fmt.Sprintf(": damaged on the serial line (%s skipped)", plural(uint64(skipped), "byte"))
	default:
		text += ": the line shows no damage"
	}
	l.keepLine(s)
	return text
}

// settled describes what a status record says of the losses since the one
// before, or is empty if there were none.
func (l *losses) settled(s decoder.Stats) string {
	board, line := s.BoardDropped-l.before.BoardDropped, int64(s.WireLost-l.before.WireLost)
	l.before.BoardDropped, l.before.WireLost = s.BoardDropped, s.WireLost
	l.keepLine(s)
	var parts []string
	if board > 0 {
		parts = append(parts, fmt.Sprintf("%s dropped by the board, its ring was full", plural(board, "frame")))
	}
	if line > 0 {
		parts = append(parts, fmt.Sprintf("%s lost on the serial line", plural(uint64(line), "record")))
	}
	if len(parts) == 0 {
		return ""
	}
	return "up to the board's last status: " + strings.Join(parts, ", ")
}

// keepLine makes the damage told so far no news at the next gap.
func (l *losses) keepLine(s decoder.Stats) {
	l.before.HeaderCRC, l.before.RecordCRC, l.before.Skipped = s.HeaderCRC, s.RecordCRC, s.Skipped
}

func plural(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
