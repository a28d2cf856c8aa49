package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"pqiot/firmware/lab"
	"pqiot/firmware/lab/air"
	"pqiot/firmware/lab/board"
)

// runOptions is what a run was asked to do.
type runOptions struct {
	scenario   lab.Scenario
	network    air.Network
	seconds    int
	seed       uint64
	out, truth string
	realTime   bool
}

// epoch is when every run in virtual time begins, so that equal runs give
// equal files.
func epoch() time.Time { return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC) }

// run lets the scenario happen and writes the capture and the truth.
func (o *runOptions) run(ctx context.Context, stdout, stderr io.Writer) error {
	out, truth, err := o.open(stdout)
	if err != nil {
		return err
	}
	if o.out == "-" {
		stdout = stderr
	}
	s := &studio{line: newTimeline(), truth: newTruthWriter(truth, o.realTime)}
	result, err := s.record(ctx, o, out)
	err = errors.Join(err, closeAll(out, truth))
	o.report(stdout, s, result)
	if err != nil {
		return err
	}
	return o.verdict(s, result)
}

// open creates the files.
func (o *runOptions) open(stdout io.Writer) (out io.Writer, truth io.Writer, err error) {
	out = stdout
	if o.out != "-" {
		if out, err = os.Create(o.out); err != nil {
			return nil, nil, fmt.Errorf("--out: %w", err)
		}
	}
	if o.truth != "" {
		if truth, err = os.Create(o.truth); err != nil {
			return nil, nil, fmt.Errorf("--truth: %w", err)
		}
	}
	return out, truth, nil
}

func closeAll(ws ...io.Writer) (err error) {
	for _, w := range ws {
		if f, ok := w.(*os.File); ok && f != os.Stdout {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

// report says what came of it.
func (o *runOptions) report(w io.Writer, s *studio, r lab.Result) {
	where := "open air"
	if o.network.Passphrase != "" {
		where = "WPA2 network " + o.network.SSID
	}
	fmt.Fprintf(w, "%s, %s, seed %d: %.1f s\n", o.scenario.Name, where, o.seed, r.Seconds)
	fmt.Fprintf(w, "%d packets captured: %d frames, %d lines of the boards' consoles\n",
		s.truth.written, s.truth.frames, s.truth.written-s.truth.frames)
	fmt.Fprintf(w, "%d messages sent, %d shown by the gateway\n", r.Sent, r.Accepted)
}

// verdict is errNo where the run was not what it should be.
func (o *runOptions) verdict(s *studio, r lab.Result) error {
	if s.lost > 0 {
		return fmt.Errorf("%w: %d frames of the air are not in the capture", errNo, s.lost)
	}
	if r.Accepted < r.Sent && !o.scenario.Attack { // an attack may cost some: the sender refuses a false key
		return fmt.Errorf("%w: %d of %d messages did not arrive", errNo, r.Sent-r.Accepted, r.Sent)
	}
	return nil
}

// studio is the boards at work, and what records them. It is the sink of the
// lab.
type studio struct {
	line  *timeline
	truth *truthWriter
	radio *radio
	ttys  map[string]*console // in real time
	lost  int                 // frames
}

// Frame implements lab.Sink.
func (s *studio) Frame(h air.Heard, t air.Truth) error {
	s.line.put(item{at: h.Time, frame: true, truth: t, sum: s.line.sum(h.Data)})
	return s.radio.frame(h)
}

// Line implements lab.Sink.
func (s *studio) Line(name string, at uint64, text string) error {
	if s.ttys != nil {
		return nil // it goes the way of a real board's
	}
	index := 0
	if name == lab.SenderName {
		index = 1
	}
	s.line.put(item{at: at, console: index, text: text})
	return nil
}

// Raw implements lab.Sink.
func (s *studio) Raw(name string, b []byte) error {
	if c := s.ttys[name]; c != nil {
		c.print(b)
	}
	return nil
}

// record starts everything, lets the scenario happen, and waits until the
// capture is complete.
func (s *studio) record(ctx context.Context, o *runOptions, out io.Writer) (r lab.Result, err error) {
	gateway, sender, err := startBoards(o.seed)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, gateway.Close(), sender.Close()) }()
	if s.radio, err = newRadio(o.realTime); err != nil {
		return r, err
	}
	defer s.radio.close()
	c := lab.Config{Scenario: o.scenario, Seed: o.seed, Seconds: o.seconds, Network: o.network,
		Gateway: gateway, Sender: sender, Sink: s, RealTime: o.realTime}
	if o.realTime {
		return s.recordLive(ctx, c, out)
	}
	return s.recordSwift(ctx, c, out)
}

// recordSwift captures in virtual time: the sniffer's records go through a
// pipe to the extcap, which takes them for a recorded stream.
func (s *studio) recordSwift(ctx context.Context, c lab.Config, out io.Writer) (lab.Result, error) {
	records, uart, err := os.Pipe()
	if err != nil {
		return lab.Result{}, err
	}
	sniffer, err := start(snifferProgram, uart, nil,
		"--radio-socket", s.radio.path(), "--speed", "max", "--uart-rate", "0", "--stdio", "--end", "exit")
	if err != nil {
		records.Close()
		return lab.Result{}, err
	}
	defer sniffer.stop()
	capture, fifo, err := os.Pipe()
	if err != nil {
		records.Close()
		return lab.Result{}, err
	}
	defer capture.Close()
	wireshark, err := start(extcapProgram, nil, []*os.File{records, fifo}, "--capture", "--extcap-interface", "pinecone",
		"--extcap-version=4.0", "--replay", "/dev/fd/3", "--fifo", "/dev/fd/4", "--channel", "0")
	if err != nil {
		return lab.Result{}, err
	}
	defer wireshark.stop()
	if err := s.radio.accept(); err != nil {
		return lab.Result{}, errors.Join(err, sniffer.wait())
	}
	m := newMerger(s.line, s.truth, out, epoch(), false)
	merged := make(chan error, 1)
	go func() {
		err := m.run(capture)
		capture.Close() // nobody waits for a merger that has given up
		merged <- err
	}()
	r, err := lab.Run(ctx, c)
	err = errors.Join(err, s.radio.silence(), sniffer.wait(), wireshark.wait(), <-merged)
	s.lost = m.lost
	return r, err
}

var _ lab.Board = (*board.Process)(nil)
