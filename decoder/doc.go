// Package decoder turns the byte stream of a board, as package wire defines
// it, into records; says what was lost and where; maps the board's time to the
// host's; and sends commands.
//
//	reader.go     bytes → intact records
//	record.go     record → typed body
//	track.go      sequence, restarts, loss
//	stats.go      what was counted
//	clock.go      board time → host time; envelope.go, the line it follows
//	commander.go  commands and their replies
//
// # Resync
//
// A record is reported if both its CRCs are right, and only then. After a bad
// one the search goes on at the byte behind its sync, inside what is held, so
// a damaged or made-up header costs none of the records that it claims to
// cover. One thing follows from the format, which does not escape its sync
// bytes: whoever sends a Wi-Fi frame that contains the bytes of a record gets
// that record reported, if the frame's own record is damaged on the line. Such
// finds are marked Rescued. They are no witnesses of a restart or of the board's
// counters, and should not be trusted with more than a frame's place in a
// capture.
//
// While a record is incomplete its header holds back what follows, at most
// 8 kB, which a full line brings in 41 ms. On a silent line the wait ends after
// Reader.Idle.
//
// # Loss
//
// The board numbers each record that it makes, and each frame that it must
// drop for want of room; its status carries the number of drops since boot. So:
//
//   - Missing: gaps in the sequence, modulo 65536. What a gap hides beyond
//     that is added at the next status, if the number of frames that passed
//     the filter shows that whole turns of the sequence are missing.
//   - BoardDropped: the growth of the board's drop count from status to status.
//     Counts run from boot, so a status that is lost loses nothing, and wrap
//     at 32 bits.
//   - WireLost: what was missing at the last status, less BoardDropped.
//   - Unexplained: what is missing since the last status, and what was missing
//     before the first where the board was running already: its counts then
//     say nothing of the time before.
//   - HeaderCRC, RecordCRC and Skipped say what damage the line did. They
//     count attempts, not records: damaged bytes may look like several headers,
//     or like none.
//
// Records lost just before a restart leave no trace. After one the sequence
// starts at 0, so records before the first that came are missing as well,
// unless the stream was opened anew: then nobody listened.
//
// # Restarts
//
// The board restarted if time runs back beyond what records made side by side
// do, if a sequence comes again with another time, if a sequence runs back and
// time has not gone on for long enough to let it come round, or if the status
// counters run back. A record that was met before, same sequence and same
// time, or that fits in a gap of the last 64, is Late instead: repeated or
// reordered, which says something of the driver but nothing of the board.
// Frames that carry the radio's own time (wire.FrameTSF) are judged by
// their sequence alone.
package decoder
