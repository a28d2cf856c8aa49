package peercli_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/*.txtar. Besides testscript's own commands:
//
//	status N program args…   the program must exit with N
//	gateway args…            start a gateway; sets $ADDR and $PIN
//	halt                     interrupt it; its output is in gw.out and gw.err
//
// The output of status is in the files out and err.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Values[backgroundKey{}] = new(*background)
			e.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "gateway": scriptGateway, "halt": scriptStop,
		},
	})
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N program args…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	cmd := exec.Command(filepath.Join(bin, args[1]), args[2:]...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs("out"), out.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("err"), errs.Bytes(), 0o600))
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("status %d, %d expected\n%s%s", got, want, out.Bytes(), errs.Bytes())
	}
	if want == 2 && strings.Count(errs.String(), "\n") != 1 {
		ts.Fatalf("one clear line expected:\n%s", errs.Bytes())
	}
}

// background is a gateway that a script has started.
type background struct {
	cmd            *exec.Cmd
	stdout, stderr output
}

func scriptGateway(ts *testscript.TestScript, neg bool, args []string) {
	address := freePort(ts)
	b := &background{cmd: exec.Command(filepath.Join(bin, "pqiot-gateway"), append([]string{"--listen", address}, args...)...)}
	b.cmd.Dir, b.cmd.Stdout, b.cmd.Stderr = ts.MkAbs("."), &b.stdout, &b.stderr
	ts.Check(b.cmd.Start())
	ts.Defer(func() { b.cmd.Process.Kill(); b.cmd.Wait() })
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		first, _, whole := strings.Cut(b.stdout.String(), "\n")
		if pin, ok := strings.CutPrefix(first, "pin "); whole && ok {
			ts.Setenv("PIN", pin)
			break
		}
		if time.Now().After(until) {
			ts.Fatalf("the gateway does not say its pin: %s%s", b.stdout.String(), b.stderr.String())
		}
	}
	ts.Setenv("ADDR", address)
	*ts.Value(backgroundKey{}).(**background) = b
}

type backgroundKey struct{}

// freePort returns an address that nobody listens on at the moment.
func freePort(ts *testscript.TestScript) string {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	ts.Check(err)
	defer conn.Close()
	return conn.LocalAddr().String()
}

func scriptStop(ts *testscript.TestScript, neg bool, args []string) {
	b := *ts.Value(backgroundKey{}).(**background)
	ts.Check(b.cmd.Process.Signal(os.Interrupt))
	if err := b.cmd.Wait(); err != nil {
		ts.Fatalf("the gateway: %v\n%s", err, b.stderr.String())
	}
	ts.Check(os.WriteFile(ts.MkAbs("gw.out"), []byte(b.stdout.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("gw.err"), []byte(b.stderr.String()), 0o600))
}
