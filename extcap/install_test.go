package extcap

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// aComputer has the built programs in bin, a home folder and a root folder.
func aComputer(t *testing.T) (Installer, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "src/bin/pqiot-extcap"), "the program")
	writeFile(t, filepath.Join(dir, "src/bin/pqiot-board-sniffer"), "the board")
	var out bytes.Buffer
	return Installer{
		Folders: Folders{
			GOOS: "linux", GOARCH: "amd64", Root: filepath.Join(dir, "root"), Home: filepath.Join(dir, "home"),
			Getenv: func(string) string { return "" },
		},
		Executable: filepath.Join(dir, "src/bin/pqiot-extcap"), Dissector: "the dissector", Out: &out,
	}, &out
}

// tree lists the files below a folder, with x where they can be run.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	filepath.Walk(dir, func(path string, st os.FileInfo, err error) error {
		if err == nil && !st.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			b.WriteString(rel)
			if st.Mode().Perm()&0o111 != 0 {
				b.WriteString(" x")
			}
			b.WriteString("\n")
		}
		return nil
	})
	return b.String()
}

func TestInstallPersonal(t *testing.T) {
	i, out := aComputer(t)
	if err := i.Install(false); err != nil {
		t.Fatal(err)
	}
	want := `.config/wireshark/extcap/pqiot-extcap x
.local/lib/pqiot/pqiot-board-sniffer x
.local/lib/wireshark/extcap/pqiot-extcap x
.local/lib/wireshark/plugins/pqiot.lua
`
	if got := tree(t, i.Home); got != want {
		t.Errorf("installed:\n%s", got)
	}
	if n := strings.Count(out.String(), "installed  "+i.Home); n != 4 {
		t.Errorf("it said:\n%s", out)
	}
	out.Reset()
	if err := i.Install(false); err != nil || strings.Count(out.String(), "up to date ") != 4 {
		t.Errorf("a second time: %v\n%s", err, out)
	}
	if got := tree(t, i.Root); got != "" {
		t.Errorf("a personal installation touched %s", got)
	}
	out.Reset()
	if err := i.Uninstall(false); err != nil || strings.Count(out.String(), "removed    ") != 5 || tree(t, i.Home) != "" {
		t.Errorf("uninstall: %v\n%s\nleft: %s", err, out, tree(t, i.Home))
	}
	out.Reset()
	if err := i.Uninstall(false); err != nil || out.String() != "nothing was installed\n" {
		t.Errorf("a second time: %v\n%s", err, out)
	}
}

func TestInstallGlobal(t *testing.T) {
	i, _ := aComputer(t)
	if err := i.Install(true); err != nil {
		t.Fatal(err)
	}
	want := `etc/udev/rules.d/70-pqiot.rules
usr/lib/x86_64-linux-gnu/wireshark/extcap/pqiot-extcap x
usr/lib/x86_64-linux-gnu/wireshark/plugins/pqiot.lua
usr/local/lib/pqiot/pqiot-board-sniffer x
`
	if got := tree(t, i.Root); got != want {
		t.Errorf("installed:\n%s", got)
	}
	if err := i.Uninstall(true); err != nil || tree(t, i.Root) != "" {
		t.Errorf("uninstall: %v, left %s", err, tree(t, i.Root))
	}
}

func TestInstallReplacesWhatIsOld(t *testing.T) {
	i, out := aComputer(t)
	old := filepath.Join(i.Home, ".config/wireshark/extcap/pqiot-extcap")
	writeFile(t, old, "an older program")
	os.Remove(filepath.Join(filepath.Dir(i.Executable), "pqiot-board-sniffer"))
	if err := i.Install(false); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(old); err != nil || string(b) != "the program" {
		t.Errorf("%q, %v", b, err)
	}
	if !strings.Contains(out.String(), "left out   pqiot-board-sniffer") {
		t.Errorf("it said:\n%s", out)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(old), ".pqiot-*")); left != nil {
		t.Errorf("left over: %v", left)
	}
}

// TestInstallGoesOnAfterAnError: a folder that cannot be made must not keep
// the other files out.
func TestInstallGoesOnAfterAnError(t *testing.T) {
	i, _ := aComputer(t)
	writeFile(t, filepath.Join(i.Home, ".config"), "a file where a folder should be")
	err := i.Install(false)
	if err == nil || !strings.Contains(err.Error(), ".config") {
		t.Errorf("%v", err)
	}
	if got := tree(t, filepath.Join(i.Home, ".local")); strings.Count(got, "\n") != 3 {
		t.Errorf("installed:\n%s", got)
	}
}

func TestFolders(t *testing.T) {
	root := t.TempDir()
	mkdirs(t, filepath.Join(root, "usr/lib64/wireshark"), filepath.Join(root, "usr/libexec/wireshark"))
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	for _, c := range []struct {
		name   string
		f      Folders
		global bool
		want   string
	}{
		{"plain", Folders{GOOS: "linux", Home: "/h", Getenv: env()}, false, "/h/.config/wireshark/extcap /h/.local/lib/wireshark/extcap"},
		{"XDG", Folders{GOOS: "linux", Home: "/h", Getenv: env("XDG_CONFIG_HOME", "/c")}, false,
			"/c/wireshark/extcap /h/.local/lib/wireshark/extcap"},
		{"Wireshark's own variable", Folders{GOOS: "darwin", Home: "/h", Getenv: env("WIRESHARK_CONFIG_DIR", "/w", "XDG_CONFIG_HOME", "/c")}, false,
			"/w/extcap /h/.local/lib/wireshark/extcap"},
		{"Fedora", Folders{GOOS: "linux", GOARCH: "amd64", Root: root, Getenv: env()}, true,
			root + "/usr/lib64/wireshark/extcap " + root + "/usr/libexec/wireshark/extcap"},
		{"Debian on arm64", Folders{GOOS: "linux", GOARCH: "arm64", Getenv: env(), Root: "/nowhere"}, true,
			"/nowhere/usr/lib/aarch64-linux-gnu/wireshark/extcap"},
		{"macOS", Folders{GOOS: "darwin", Getenv: env()}, true, "/Applications/Wireshark.app/Contents/MacOS/extcap"},
		{"Windows", Folders{GOOS: "windows", Getenv: env("APPDATA", "/a")}, false, "/a/Wireshark/extcap"},
		{"Windows, all users", Folders{GOOS: "windows", Getenv: env("ProgramFiles", "/p")}, true, "/p/Wireshark/extcap"},
	} {
		if got := strings.Join(c.f.Extcap(c.global), " "); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

func TestSimulatorIsFound(t *testing.T) {
	i, _ := aComputer(t)
	beside := filepath.Join(filepath.Dir(i.Executable), "pqiot-board-sniffer")
	if got := i.Simulator(); got != beside {
		t.Errorf("beside the program: %q", got)
	}
	os.Remove(beside)
	if got := i.Simulator(); got != "" {
		t.Errorf("nowhere: %q", got)
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "pqiot-board-sniffer"), "x")
	i.Getenv = func(name string) string { return map[string]string{"PATH": "relative:" + dir}[name] }
	if got := i.Simulator(); got != filepath.Join(dir, "pqiot-board-sniffer") {
		t.Errorf("in PATH: %q", got)
	}
}

func TestUdevRuleSortsBeforeItsReaders(t *testing.T) {
	if UdevRuleName >= "73-seat-late.rules" || UdevRuleName >= "77-mm-usb-device-blacklist.rules" {
		t.Errorf("%s comes too late", UdevRuleName)
	}
	for _, want := range []string{`ATTRS{idVendor}=="1a86"`, `ATTRS{idProduct}=="7523"`, `TAG+="uaccess"`, `ENV{ID_MM_DEVICE_IGNORE}="1"`} {
		if !strings.Contains(UdevRule(), want) {
			t.Errorf("%s is missing", want)
		}
	}
}
