// Command pqiot-gateway receives messages over the post-quantum session.
//
// It puts package peer/gateway on a UDP socket and its events on standard
// output, as lines or JSON. refused.go keeps the events of a flood short.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"pqiot/cmd/internal/peercli"
	"pqiot/peer/gateway"
	"pqiot/peer/keyfile"
	"pqiot/peer/session"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(peercli.Run(command(), version)) }

type options struct {
	listen, key, suite, pskFile, keyLog string
	requirePSK, oscore, json            bool
	slots                               int
}

func command() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "pqiot-gateway --key FILE",
		Short: "Receive messages over the post-quantum session",
		Long: `pqiot-gateway answers CoAP on a UDP port: senders fetch its ML-KEM key, open a
session and send messages. The first line of output is the pin that senders are
provisioned with. Each accepted message is one line on standard output.`,
		Example: "  pqiot-gateway --key gateway.key\n  pqiot-gateway --key gateway.key --psk-file psk.txt --require-psk --json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd, &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", ":5683", "`ADDR:PORT` to listen on, UDP")
	f.StringVar(&o.key, "key", "", "`FILE` of the long-term key; made if missing")
	f.StringVar(&o.suite, "suite", "512", "ML-KEM parameter set: 512, 768 or 1024")
	f.StringVar(&o.pskFile, "psk-file", "", "`FILE` with a line \"kid hex64\" for each pre-shared key")
	f.BoolVar(&o.requirePSK, "require-psk", false, "refuse senders without a pre-shared key")
	f.IntVar(&o.slots, "slots", gateway.DefaultSlots, "sessions at once")
	f.BoolVar(&o.oscore, "oscore", false, "serve OSCORE (RFC 8613) in open sessions")
	f.StringVar(&o.keyLog, "keylog", "", "append the keys of every session to `FILE`")
	f.BoolVar(&o.json, "json", false, "one JSON object for each event")
	return cmd
}

func run(cmd *cobra.Command, o *options) error {
	p := &peercli.Printer{Out: cmd.OutOrStdout(), Err: cmd.ErrOrStderr(), Name: cmd.Name(), JSON: o.json}
	cfg, err := o.config()
	if err != nil {
		return err
	}
	conn, err := listen(o.listen)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := o.loadKey(&cfg, p); err != nil { // last, as it may make a file
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
	log := &eventLog{printer: p, stop: stop}
	cfg.Event = log.event
	g, err := gateway.New(cfg, time.Now())
	if err != nil {
		return err
	}
	if err := announce(p, g, conn.LocalAddr().String(), cfg.Key.Suite()); err != nil {
		return err
	}
	err = errors.Join(g.Serve(ctx, conn, nil), log.err)
	log.flush()
	return err
}

// config judges the options and reads the PSK file.
func (o *options) config() (gateway.Config, error) {
	cfg := gateway.Config{Slots: o.slots, RequirePSK: o.requirePSK, OSCORE: o.oscore}
	_, err := session.ParseSuite(o.suite)
	switch {
	case err != nil:
		return cfg, fmt.Errorf("--suite: %w", err)
	case o.key == "":
		return cfg, errors.New("--key FILE is required; the file is made if it is missing")
	case o.slots < 1:
		return cfg, fmt.Errorf("--slots %d: at least one", o.slots)
	case o.requirePSK && o.pskFile == "":
		return cfg, errors.New("--require-psk needs --psk-file: nobody could open a session")
	}
	if o.pskFile != "" {
		if cfg.PSKs, err = keyfile.LoadPSKs(o.pskFile); err != nil {
			return cfg, fmt.Errorf("--psk-file: %w", err)
		}
		if len(cfg.PSKs) == 0 {
			return cfg, fmt.Errorf("--psk-file: %s has no keys", o.pskFile)
		}
	}
	return cfg, nil
}

func (o *options) loadKey(cfg *gateway.Config, p *peercli.Printer) error {
	suite, err := session.ParseSuite(o.suite)
	if err != nil {
		return err
	}
	var isNew bool
	if cfg.Key, isNew, err = keyfile.LoadOrMake(o.key, suite, rand.Reader); err != nil {
		return fmt.Errorf("--key: %w", err)
	}
	if isNew {
		p.Note("made a new " + suite.String() + " key in " + o.key)
	}
	return nil
}

func listen(address string) (*net.UDPConn, error) {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	conn.SetReadBuffer(1 << 20) // as much as the system gives; the default works too
	return conn, nil
}

// announce writes the pin, first of all, and where the gateway listens.
func announce(p *peercli.Printer, g *gateway.Gateway, address string, suite session.Suite) error {
	pin := fmt.Sprintf("%x", g.Pin())
	if _, err := fmt.Fprintf(p.Out, "pin %s\n", pin); err != nil {
		return err
	}
	return p.Event(time.Now(), "listening", peercli.Fields{"address": address, "pin": pin, "suite": suite.String()},
		"", "listening on "+address+" with "+suite.String())
}

// eventLog turns the gateway's events into output. Refusals come from anybody
// at any rate: of each reason one line a second is written, with their count.
type eventLog struct {
	printer *peercli.Printer
	stop    context.CancelFunc // called when output fails
	err     error
	refused map[string]*refusals
}

type refusals struct {
	at    time.Time
	more  int // since then
	event gateway.Event
}

func (l *eventLog) event(e gateway.Event) {
	now := time.Now()
	sid, from := e.SID.String(), e.From.String()
	f := peercli.Fields{"sid": sid, "from": from}
	switch e.Kind {
	case gateway.SessionOpened:
		who := ""
		if e.KID != "" {
			f["kid"] = e.KID
			who = " with PSK " + peercli.Quote([]byte(e.KID))
		}
		l.print(now, "session", f, "", "session "+sid+" opened by "+from+who)
	case gateway.SessionClosed:
		f["reason"] = e.Reason
		l.print(now, "closed", f, "", "session "+sid+" closed: "+e.Reason)
	case gateway.Message:
		f["seq"] = e.SEQ
		f.Text("text", e.Data)
		how := ""
		if e.OSCORE {
			f["oscore"] = true
			how = "OSCORE "
		}
		l.print(now, "message", f, fmt.Sprintf("%s/%d %s %s%s", sid, e.SEQ, from, how, peercli.Quote(e.Data)), "")
	case gateway.Refused:
		l.refuse(now, e)
	case gateway.KeyLogFailed:
		l.printer.Note("key log: " + e.Reason)
	}
}

func (l *eventLog) print(now time.Time, event string, f peercli.Fields, result, note string) {
	if err := l.printer.Event(now, event, f, result, note); err != nil && l.err == nil {
		l.err = err
		l.stop()
	}
}
