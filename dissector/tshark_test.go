package dissector_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pqiot/dissector"
)

var update = flag.Bool("update", false, "write the golden files anew")

// tshark runs the real tshark with the dissector over a capture and returns
// its output. Anything on stderr, where Lua errors go, is a failure. The
// variable PQIOT_TSHARK names another tshark: the goldens hold for every
// version, and a newer one can be installed beside the system's.
func tshark(t testing.TB, capture string, args ...string) string {
	t.Helper()
	script := save(t, dissector.Name, []byte(dissector.Script()))
	var stdout, stderr bytes.Buffer
	cmd := command(script, append([]string{"-r", capture}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("tshark %q: %v: %s", args, err, stderr.String())
	}
	mustBeQuiet(t, stderr.String())
	return stdout.String()
}

// command is a tshark that uses the folder of the script, and no other, for
// its settings.
func command(script string, args ...string) *exec.Cmd {
	args = append([]string{"-X", "lua_script:" + script, "-o", "nameres.network_name:FALSE"}, args...)
	cmd := exec.Command(cmp.Or(os.Getenv("PQIOT_TSHARK"), "tshark"), args...)
	cmd.Env = append(os.Environ(), "WIRESHARK_CONFIG_DIR="+filepath.Dir(script), "LC_ALL=C.UTF-8")
	return cmd
}

func mustBeQuiet(t testing.TB, stderr string) {
	t.Helper()
	for line := range strings.Lines(stderr) {
		if line = strings.TrimSpace(line); line != "" && !harmless(line) {
			t.Fatalf("tshark says: %s", line)
		}
	}
}

func harmless(line string) bool {
	return strings.HasPrefix(line, "Running as user") || strings.Contains(line, "file appears to have been cut short")
}

// experts are the names after pqiot.expert.
var experts = strings.Fields(`malformed code oversize modulus sid session retransmission resent ciphertext
	nonce reuse backwards reordered limit tag unpaired keylog`)

// shown are the fields that goldens hold, without "pqiot.".
var shown = strings.Fields(`kind suite key.pin sid sid.ok seq data.length tag.status text plaintext
	response_in response_to time handshake_in repeat_of repeat_kind`)

// fields runs tshark and gives one line per frame with a PQIOT layer: the
// frame number, each field that is present, and the names of the experts.
func fields(t testing.TB, capture string, args ...string) string {
	t.Helper()
	args = append(args, "-Y", "pqiot || _ws.lua.error", "-T", "fields", "-E", "separator=\x1f", "-e", "frame.number", "-e", "_ws.lua.error")
	for _, f := range shown {
		args = append(args, "-e", "pqiot."+f)
	}
	for _, e := range experts {
		args = append(args, "-e", "pqiot.expert."+e)
	}
	var out strings.Builder
	for line := range strings.Lines(tshark(t, capture, args...)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\x1f")
		if cells[1] != "" {
			t.Fatalf("Lua error in frame %s", cells[0])
		}
		fmt.Fprint(&out, cells[0])
		for i, f := range shown {
			if v := cells[2+i]; v != "" {
				fmt.Fprintf(&out, " %s=%s", f, plain(f, v))
			}
		}
		for i, e := range experts {
			if cells[2+len(shown)+i] != "" {
				fmt.Fprintf(&out, " !%s", e)
			}
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// plain evens out how versions print: booleans are 1 or True.
func plain(field, value string) string {
	if field == "sid.ok" {
		return map[string]string{"0": "no", "1": "yes", "False": "no", "True": "yes"}[value]
	}
	return value
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%swant\n%s", file, got, want)
	}
}

// withKeys is the preference that names a key log of these lines.
func withKeys(t testing.TB, lines ...string) []string {
	t.Helper()
	return []string{"-o", "pqiot.keylog:" + save(t, "keys.log", []byte(strings.Join(lines, "")))}
}
