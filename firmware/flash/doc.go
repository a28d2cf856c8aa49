// Package flash puts firmware into a BL602 through its serial port, and proves
// that it is there. It needs a Port and a Clock and does no other I/O; package
// sim has a board to try it on.
//
//	b, err := flash.Open(port, flash.Options{Loader: loader, ROMBaud: 500000, Baud: 2000000, …})
//	plan, err := flash.NewPlan(files, b.Flash().Size())
//	stats, err := b.Write(plan) // nil: every byte was verified
//	err = b.Restart()
//
// # Two stages
//
// The chip's boot ROM listens when GPIO8 is high at reset. It can load a
// program into RAM and run it, and knows nothing of flash. So it is given the
// vendor's eflash_loader, which does. Both speak in frames, 8N1, the host
// always first:
//
//	id (1)  checksum (1)  length (2, little-endian)  payload
//
// The checksum is the sum modulo 256 of length and payload. The ROM ignores
// it; the loader refuses a frame whose checksum is wrong, and checks none if
// it is 0. The id is guarded by nothing. Replies have four forms and no
// checksum at all:
//
//	4F 4B                      OK
//	4F 4B  length (2)  data    OK, with data; only the command tells which of the two
//	46 4C  error (2)           FL: refused
//	50 44                      PD: wait, newer loaders only
//
// # Handshake
//
// Either stage measures the host's rate from a burst of 0x55, about 5 ms long,
// and answers OK. The ROM follows up to 500,000 Bd, the loader 2,000,000. The
// host changes its rate between the stages and tells nobody. What the board
// does not need of the burst it reads as the start of a frame of 0x5555 bytes
// and answers with error 0102, so the line is drained after each handshake,
// and once there was trouble the board is led to the start of a frame byte by
// byte (link.align).
//
// After silence a stage forgets that it was spoken to: the ROM after 2 s, the
// loader if no whole frame came within two windows of 2 s. That is how lost
// bytes heal: be silent for longer than that, shake hands, and say it again.
// The other side of it is that polling without a pause would keep a confused
// board confused, so findROM polls in turns with silences between them.
//
// # Boot ROM
//
// boot_info (10), then the loader's file in pieces: its boot header (11, 176
// bytes), for each segment its header (17, 16 bytes, echoed) and its data (18,
// at most 4092 bytes at a time), then check_image (19) and run_image (1A).
// These change the ROM's state and cannot be repeated: when a reply is lost
// all starts again at 11. When that of 1A is lost, the loader may run or not;
// shaking hands with it tells.
//
// # Loader
//
// erase (30) takes the first and the LAST address; the address after the last
// would cost one more sector. write (31) is answered before the flash is
// programmed; a failure comes later as an unasked FL 0006 and is repeated to
// every program_check (3A) until the next erase or handshake. So a write
// counts only when program_check is OK and the SHA-256 (3D) that the board
// computes is that of the file. Reads (32), the JEDEC id (36) and boot_info
// have no checksum: reads are compared with a SHA-256, ids asked until two
// answers agree. All of these commands can be repeated.
//
// Older loaders know no 10 and send no PD. Unknown commands get no reply.
//
// # Time-outs
//
// A reply may take 2 s, an erase 15 s (64 KiB at the most are erased by one
// command), a chip erase 60 s as long as PD comes. A command is tried four
// times, and a loader shaken hands with three times, before the board counts
// as silent: one that dies in the middle of a session is given up within half
// a minute.
//
// # Writing
//
// NOR flash is erased by sectors of 4096 bytes and programmed from ones to
// zeros. Per block of 64 KiB, and in the blocks that differ per sector, the
// SHA-256 says what is to be done: nothing if equal; program if blank; else
// keep what no file covers, erase, program. Chunks of 0xFF are not sent.
//
// The partitions PSM, KEY and DATA are the user's. A file or erase that starts
// in one of them means it; one that runs over into it is refused by Guard.
package flash
