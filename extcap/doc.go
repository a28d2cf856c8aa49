// Package extcap makes a PineCone sniffer a capture interface of Wireshark.
//
// Wireshark runs a program of its extcap folder several times: to list
// interfaces, to ask what can be set on one, to check a capture filter, and
// at last to capture into a FIFO. [ParseArgs] reads those calls, the sentence
// writers answer them, and [Capture] does the work: serial records in, pcapng
// out, with the toolbar on two more pipes.
//
// Where to find what:
//
//	config.go      what a capture was asked to do, and the seam to the board
//	args.go        command line → verb and Config
//	options.go     the arguments of a capture: one table for dialog and parser
//	grammar.go     the sentences that describe interfaces and arguments
//	program.go     verb → answer and exit status
//	interfaces.go  names of interfaces, ports
//	discover*.go   boards, found without opening a port
//	serial*.go     opens the right port and says what is wrong with it
//	lock*.go       keeps a port to one program, and names who has it
//	replay.go      a recorded stream that plays the board
//	parent*.go     notices that Wireshark is gone
//	caller*.go     which Wireshark it is
//	capture*.go    the engine, with control*.go, toolbar*.go, pcapng.go,
//	               radiotap.go, filter*.go, loss.go and statistics.go
//	console.go     consoles of other boards, their lines as packets
//	install.go     into the right folders (folders.go, udev.go), and out again
//	doctor*.go     what is wrong with this computer, and how to mend it
//
// What opens a serial port is injected (see [Opener]), so that the package
// runs on a recorded stream or a pipe as well as on a board.
package extcap
