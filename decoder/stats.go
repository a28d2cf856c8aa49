package decoder

// Stats is what became of the bytes so far. Bytes that are neither Skipped
// nor still held belong to intact records.
type Stats struct {
	Bytes   int64 // read
	Skipped int64 // bytes outside intact records: boot text, noise, damaged records

	Records uint64 // records that Next returned
	Frames  uint64 // of them, frames
	Rescued uint64 // of them, found within the reach of a damaged record
	Late    uint64 // of them, repeated or out of order

	HeaderCRC uint64 // sync bytes followed by a header with a bad CRC
	RecordCRC uint64 // good headers whose record was damaged or cut short
	Unknown   uint64 // intact records of an unknown type, not returned
	Malformed uint64 // intact CRCs around a body or length that breaks its layout, not returned

	Missing      uint64 // records that the board numbered and that never came, by the sequence
	BoardDropped uint64 // of them, dropped by the board for want of room, as of its last status
	WireLost     uint64 // of them, lost on the way, as of the last status
	Reboots      uint64 // restarts of the board noticed
}

// Unexplained is how many missing records no status record has accounted for
// yet.
func (s Stats) Unexplained() uint64 {
	if told := s.BoardDropped + s.WireLost; told < s.Missing {
		return s.Missing - told
	}
	return 0
}
