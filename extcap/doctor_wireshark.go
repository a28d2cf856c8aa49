package extcap

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// toolTimeout bounds each program that doctor starts.
const toolTimeout = 20 * time.Second

// run starts a program and gives what it wrote.
func (d Doctor) run(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	out, err := d.Run(ctx, name, args...)
	return string(out), err
}

// wireshark looks at the programs, at their folders, and at whether they list
// our interfaces.
func (d Doctor) wireshark(ctx context.Context) []Check {
	var checks []Check
	for _, name := range []string{"wireshark", "tshark"} {
		if path, err := d.LookPath(name); err == nil {
			checks = append(checks, d.version(ctx, name, path))
		}
	}
	if len(checks) == 0 {
		checks = append(checks, Check{"Wireshark", Fail, "neither wireshark nor tshark is in PATH",
			"install it, on Debian and Ubuntu: sudo apt install wireshark"})
	}
	if c, found := d.dumpcap(); found {
		checks = append(checks, c)
	}
	checks = append(checks, d.installed(ctx))
	if tshark, err := d.LookPath("tshark"); err == nil {
		checks = append(checks, d.listed(ctx, tshark))
	}
	return checks
}

// version asks one of the programs for its version.
func (d Doctor) version(ctx context.Context, name, path string) Check {
	out, err := d.run(ctx, path, "--version")
	m := regexp.MustCompile(`(?m)^\S+ (?:\(Wireshark\) )?(\d+\.\d+\.\d+)`).FindStringSubmatch(out)
	switch {
	case err != nil:
		return Check{name, Fail, fmt.Sprintf("%s does not start: %v", path, err), "install Wireshark anew"}
	case m == nil:
		return Check{name, Warn, path + ", of an unknown version", ""}
	}
	v, err := ParseVersion(m[1])
	if err != nil || !v.AtLeast(3, 0) {
		return Check{name, Warn, fmt.Sprintf("%s at %s", m[1], path), "this version is not tested; 4.0 or later is"}
	}
	return Check{name, OK, fmt.Sprintf("%s at %s", m[1], path), ""}
}

// dumpcap looks at the program that does Wireshark's capturing, which some
// systems let none but a group start.
func (d Doctor) dumpcap() (Check, bool) {
	path, err := d.LookPath("dumpcap")
	if err != nil {
		path = d.global("/usr/bin/dumpcap") // a file that may not be run is not found in PATH
	}
	if _, err := os.Stat(path); err != nil {
		return Check{}, false
	}
	if err := d.Runnable(path); err != nil {
		return Check{"dumpcap", Fail, fmt.Sprintf("%s may not be started: %v", path, err),
			"type: sudo usermod -aG wireshark $USER, then log out and in again"}, true
	}
	return Check{"dumpcap", OK, path + " may be started", ""}, true
}

// installed compares what Wireshark would start with the running program.
func (d Doctor) installed(ctx context.Context) Check {
	const name = "installation"
	self, err := os.ReadFile(d.Executable)
	if err != nil {
		return Check{name, Fail, fmt.Sprintf("this program cannot read itself: %v", err), ""}
	}
	var same, other []string
	for _, dir := range d.searched(ctx) {
		path := filepath.Join(dir, d.exe("pqiot-extcap"))
		content, err := os.ReadFile(path)
		switch {
		case err != nil:
			continue
		case d.Runnable(path) != nil || !bytes.Equal(content, self):
			other = append(other, path)
		default:
			same = append(same, path)
		}
	}
	switch {
	case len(other) > 0:
		return Check{name, Warn, "another build, or one that may not be started, lies in " + strings.Join(other, ", "),
			"type: " + d.Executable + " install"}
	case len(same) > 0:
		return Check{name, OK, "this build lies in " + strings.Join(same, ", "), ""}
	}
	return Check{name, Fail, "not in any folder that Wireshark looks into", "type: " + d.Executable + " install"}
}

// searched lists the folders that Wireshark looks into: what tshark says,
// beside those that are known.
func (d Doctor) searched(ctx context.Context) []string {
	dirs := append(d.Extcap(false), d.Extcap(true)...)
	if tshark, err := d.LookPath("tshark"); err == nil {
		if out, err := d.run(ctx, tshark, "-G", "folders"); err == nil {
			dirs = append(dirs, extcapFolders(out)...)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// extcapFolders reads the extcap folders from tshark's list: "Extcap path:"
// up to 4.0, "Personal Extcap path:" and "Global Extcap path:" later.
func extcapFolders(list string) (dirs []string) {
	for line := range strings.Lines(list) {
		name, dir, ok := strings.Cut(line, ":")
		if dir = strings.TrimSpace(dir); ok && dir != "" && strings.Contains(strings.ToLower(name), "extcap path") {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// listed asks tshark itself for its interfaces.
func (d Doctor) listed(ctx context.Context, tshark string) Check {
	const name = "interface list"
	out, err := d.run(ctx, tshark, "-D")
	var ours []string
	for line := range strings.Lines(out) {
		if w := strings.Fields(line); len(w) > 1 && (w[1] == ifacePrefix || strings.HasPrefix(w[1], ifacePrefix+"-")) {
			ours = append(ours, w[1])
		}
	}
	switch {
	case len(ours) > 0:
		return Check{name, OK, "tshark lists " + strings.Join(ours, ", "), ""}
	case err != nil:
		return Check{name, Fail, fmt.Sprintf("tshark -D ends with: %v: %s", err, firstLine(out)), "see the lines above"}
	}
	return Check{name, Fail, "tshark does not list pinecone", "type: " + d.Executable + " install, then start Wireshark again"}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
