package extcap

import (
	"os"
	"path/filepath"
)

// Folders knows where a computer keeps what Wireshark loads.
type Folders struct {
	GOOS   string              // as runtime.GOOS
	GOARCH string              // as runtime.GOARCH
	Root   string              // stands before global paths; empty but in tests
	Home   string              // the user's home folder
	Getenv func(string) string // os.Getenv
}

// Extcap lists the folders in which Wireshark looks for capture interfaces,
// for this user or for all: it moved between versions, so the personal ones
// are several.
func (f Folders) Extcap(global bool) []string {
	switch {
	case f.GOOS == "windows":
		return []string{filepath.Join(f.windowsBase(global), "extcap")}
	case global && f.GOOS == "darwin":
		return []string{f.global("/Applications/Wireshark.app/Contents/MacOS/extcap")}
	case global:
		return f.linuxBases("extcap", "/usr/libexec/wireshark")
	}
	return []string{
		filepath.Join(f.config(), "extcap"),                     // up to 4.0
		filepath.Join(f.Home, ".local/lib/wireshark", "extcap"), // from 4.2
	}
}

// Plugins lists the folders in which Wireshark looks for Lua dissectors.
func (f Folders) Plugins(global bool) []string {
	switch {
	case f.GOOS == "windows":
		return []string{filepath.Join(f.windowsBase(global), "plugins")}
	case global && f.GOOS == "darwin":
		return []string{f.global("/Applications/Wireshark.app/Contents/PlugIns/wireshark")}
	case global:
		return f.linuxBases("plugins")
	}
	return []string{filepath.Join(f.Home, ".local/lib/wireshark/plugins")}
}

// Support is the folder of programs that are no capture interfaces: Wireshark
// would run anything in its own folders as one.
func (f Folders) Support(global bool) string {
	switch {
	case f.GOOS == "windows" && global:
		return filepath.Join(f.Getenv("ProgramFiles"), "pqiot")
	case f.GOOS == "windows":
		return filepath.Join(f.Getenv("LOCALAPPDATA"), "pqiot")
	case global:
		return f.global("/usr/local/lib/pqiot")
	}
	return filepath.Join(f.Home, ".local/lib/pqiot")
}

// UdevRules is the folder of udev rules that an administrator adds; empty
// where there is no udev.
func (f Folders) UdevRules() string {
	if f.GOOS != "linux" {
		return ""
	}
	return f.global("/etc/udev/rules.d")
}

// config is Wireshark's folder of personal settings.
func (f Folders) config() string {
	if dir := f.Getenv("WIRESHARK_CONFIG_DIR"); dir != "" {
		return dir
	}
	if dir := f.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "wireshark")
	}
	return filepath.Join(f.Home, ".config/wireshark")
}

func (f Folders) windowsBase(global bool) string {
	if global {
		return filepath.Join(f.Getenv("ProgramFiles"), "Wireshark")
	}
	return filepath.Join(f.Getenv("APPDATA"), "Wireshark")
}

func (f Folders) global(path string) string { return filepath.Join(f.Root, path) }

// linuxBases lists the folder sub of each Wireshark that is installed, and
// Debian's if there is none.
func (f Folders) linuxBases(sub string, more ...string) (dirs []string) {
	debian := "/usr/lib/" + f.triplet() + "/wireshark"
	for _, base := range append([]string{debian, "/usr/lib64/wireshark", "/usr/lib/wireshark", "/usr/local/lib/wireshark"}, more...) {
		if st, err := os.Stat(f.global(base)); err == nil && st.IsDir() {
			dirs = append(dirs, filepath.Join(f.global(base), sub))
		}
	}
	if dirs == nil {
		dirs = []string{filepath.Join(f.global(debian), sub)}
	}
	return dirs
}

// triplet is Debian's name of the architecture.
func (f Folders) triplet() string {
	switch f.GOARCH {
	case "amd64":
		return "x86_64-linux-gnu"
	case "386":
		return "i386-linux-gnu"
	case "arm64":
		return "aarch64-linux-gnu"
	case "arm":
		return "arm-linux-gnueabihf"
	case "riscv64":
		return "riscv64-linux-gnu"
	}
	return f.GOARCH + "-linux-gnu"
}
