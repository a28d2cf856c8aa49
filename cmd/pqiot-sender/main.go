// Command pqiot-sender sends messages over the post-quantum session.
//
// It drives package peer/sender with what the flags say (config.go) and reports
// on each message (runner.go). Exit status 0 means that every one of them was
// acknowledged under the session's key.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"pqiot/cmd/internal/peercli"
	"pqiot/peer/sender"
	"pqiot/wire"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(peercli.Run(command(), version)) }

type options struct {
	gateway, pin, pinFile, psk, pskFile, suite, keyLog string
	trust, oscore, json                                bool
	messages                                           []string
	count                                              int
	interval, timeout, ackTimeout                      time.Duration
	maxRetransmit                                      int
}

func command() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "pqiot-sender --gateway HOST:PORT (--pin HEX64 | --pin-file FILE [--trust-on-first-use])",
		Short: "Send messages over the post-quantum session",
		Long: `pqiot-sender opens a session with the gateway whose key has the given pin and
sends each --message, or else each line of standard input. It is done (status 0)
when every message was acknowledged under the session's key; status 1 means that
the gateway refused, or that nothing authenticated came back in time.`,
		Example: "  pqiot-sender --gateway 192.0.2.7:5683 --pin 3ae2…daee --message T=21.5C\n  pqiot-sender --gateway 192.0.2.7:5683 --pin-file gateway.pin --trust-on-first-use < readings.txt",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd, &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.gateway, "gateway", "", "`HOST:PORT` of the gateway")
	f.StringVar(&o.pin, "pin", "", "SHA-256 of the gateway's key, `HEX64`")
	f.StringVar(&o.pinFile, "pin-file", "", "`FILE` that holds the pin")
	f.BoolVar(&o.trust, "trust-on-first-use", false, "if the pin file is missing, trust whoever answers and make it")
	f.StringVar(&o.psk, "psk", "", "pre-shared key, `KID:HEX64`; others on this computer can see it")
	f.StringVar(&o.pskFile, "psk-file", "", "`FILE` with one line \"kid hex64\"")
	f.StringVar(&o.suite, "suite", "512", "ML-KEM parameter set: 512, 768 or 1024")
	f.StringArrayVar(&o.messages, "message", nil, "`TEXT` to send; may be repeated")
	f.IntVar(&o.count, "count", 1, "how often to send the messages")
	f.DurationVar(&o.interval, "interval", 0, "pause between two messages")
	f.DurationVar(&o.timeout, "timeout", sender.DefaultTimeout, "bound on one message, its handshake included")
	f.BoolVar(&o.oscore, "oscore", false, "speak OSCORE (RFC 8613) after the handshake")
	f.StringVar(&o.keyLog, "keylog", "", "append the keys of every session to `FILE`")
	f.BoolVar(&o.json, "json", false, "one JSON object for each event")
	def := sender.DefaultTransmission()
	f.DurationVar(&o.ackTimeout, "ack-timeout", def.AckTimeout, "ACK_TIMEOUT of RFC 7252 §4.8")
	f.IntVar(&o.maxRetransmit, "max-retransmit", def.MaxRetransmit, "MAX_RETRANSMIT of RFC 7252 §4.8")
	for _, hidden := range []string{"ack-timeout", "max-retransmit"} {
		f.Lookup(hidden).Hidden = true // for networks that one knows well; tests do
	}
	return cmd
}

func run(cmd *cobra.Command, o *options) error {
	p := &peercli.Printer{Out: cmd.OutOrStdout(), Err: cmd.ErrOrStderr(), Name: cmd.Name(), JSON: o.json}
	cfg, err := o.config()
	if err != nil {
		return err
	}
	if err := o.check(cmd); err != nil {
		return err
	}
	keyLog, err := peercli.OpenKeyLog(p, o.keyLog)
	if err != nil {
		return err
	}
	if keyLog != nil {
		defer keyLog.Close()
		cfg.KeyLog = keyLog
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	link, err := sender.Dial(ctx, withPort(o.gateway))
	if err != nil {
		return fmt.Errorf("--gateway: %w", err)
	}
	defer link.Close()
	r := &runner{printer: p, options: o, ctx: ctx, savePin: cfg.TrustOnFirstUse}
	cfg.Event = r.event
	if r.sender, err = sender.New(cfg, link); err != nil {
		return err
	}
	if len(o.messages) > 0 {
		return r.sendAll()
	}
	return r.sendLines(cmd.InOrStdin())
}

// check judges the options that are not the sender's configuration.
func (o *options) check(cmd *cobra.Command) error {
	if len(o.messages) == 0 && (cmd.Flags().Changed("count") || o.count != 1) {
		return errors.New("--count needs --message: standard input is sent once")
	}
	if o.count < 1 {
		return fmt.Errorf("--count %d: at least 1", o.count)
	}
	if o.interval < 0 {
		return fmt.Errorf("--interval %v: not negative", o.interval)
	}
	for i, text := range o.messages {
		if len(text) > wire.MaxData {
			return fmt.Errorf("--message %d has %d bytes, at most %d fit", i+1, len(text), wire.MaxData)
		}
	}
	return nil
}

// withPort adds CoAP's port where there is none.
func withPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err != nil {
		if joined := net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(wire.CoAPPort)); strings.Contains(err.Error(), "missing port") {
			return joined
		}
	}
	return host
}

// pause waits for the interval; false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
