package extcap

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// companions looks for the files that the program can use but need not have.
func (d Doctor) companions() []Check {
	simulator := Check{"simulated board", OK, d.Simulator(), ""}
	if simulator.What == "" {
		simulator = Check{simulator.Name, Warn, "pinecone-sim will not start: " + SimulatorName + " is not there",
			"build it (make build), then type: " + d.Executable + " install"}
	}
	dissector := Check{"dissector", Warn, "pqiot.lua is in none of Wireshark's plugin folders: CoAP payloads stay opaque",
		"type: " + d.Executable + " install"}
	for _, dir := range append(d.Plugins(false), d.Plugins(true)...) {
		if path := filepath.Join(dir, DissectorName); exists(path) {
			dissector = Check{dissector.Name, OK, path, ""}
			break
		}
	}
	return []Check{simulator, dissector}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// boards looks at each port that a board may be on.
func (d Doctor) boards() []Check {
	ports, err := d.Ports()
	if err != nil {
		return []Check{{"boards", Fail, fmt.Sprintf("serial ports cannot be listed: %v", err), ""}}
	}
	checks := d.withoutPort(ports)
	for _, p := range ports {
		if p.Board() {
			checks = append(checks, d.board(p))
		}
	}
	if len(checks) == 0 {
		checks = append(checks, Check{"boards", Warn, "no PineCone is plugged in",
			fmt.Sprintf("plug one in; lsusb then lists %04x:%04x. If it does not, try another cable: some carry power only",
				ch340Vendor, ch340Product)})
	}
	return checks
}

// board looks at the permission on one port and at who has it open.
func (d Doctor) board(p Port) Check {
	name := "board on " + p.describe()
	if err := d.Writable(p.Path); err != nil {
		return Check{name, Fail, fmt.Sprintf("%s may not be opened: %v", p.Path, bare(err)), permissionAdvice(p.Path)}
	}
	if held := Holders(p.Path); len(held) > 0 {
		return Check{name, Warn, BusyError{p.Path, held}.Error(), ""}
	}
	return Check{name, OK, p.Path + " is free and may be opened", ""}
}

// withoutPort finds boards on USB that no driver has made a serial port of.
func (d Doctor) withoutPort(ports []Port) (checks []Check) {
	devices, err := filepath.Glob(filepath.Join(d.Sys, "bus/usb/devices/*/idVendor"))
	if err != nil {
		return nil
	}
	for _, file := range devices {
		dir := filepath.Dir(file)
		id, err := ParseUSBID(sysText(dir, "idVendor"), sysText(dir, "idProduct"))
		known := slices.ContainsFunc(ports, func(p Port) bool { return p.USBPath == filepath.Base(dir) })
		if err != nil || known || !(Port{ID: id}).Board() {
			continue
		}
		checks = append(checks, Check{"board at USB " + filepath.Base(dir), Fail, "it has no serial port: no driver holds it, or brltty took it",
			"type: sudo modprobe ch341, then plug the board in again; if brltty is installed: sudo apt remove brltty"})
	}
	return checks
}

// sysText is the content of an attribute of sysfs, empty if there is none.
func sysText(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// udev looks for our rule.
func (d Doctor) udev() Check {
	const name = "udev rule"
	mend := "type: sudo " + d.Executable + " install --global, then plug the board in again"
	for _, dir := range d.ruleDirs() {
		rule, err := os.ReadFile(filepath.Join(dir, UdevRuleName))
		switch {
		case err != nil:
			continue
		case string(rule) != UdevRule():
			return Check{name, Warn, filepath.Join(dir, UdevRuleName) + " is not of this version", mend}
		}
		return Check{name, OK, filepath.Join(dir, UdevRuleName), ""}
	}
	return Check{name, Warn, "not installed: the port's group must be joined instead, and ModemManager may probe the board", mend}
}

func (d Doctor) ruleDirs() []string {
	return []string{d.UdevRules(), d.global("/run/udev/rules.d"), d.global("/usr/lib/udev/rules.d"), d.global("/lib/udev/rules.d")}
}

// modemManager sends AT commands to each new serial port that no rule keeps
// from it.
func (d Doctor) modemManager() Check {
	const name = "ModemManager"
	switch {
	case !d.running("ModemManager"):
		return Check{name, OK, "not running", ""}
	case d.udev().State == OK:
		return Check{name, OK, "running, and the udev rule keeps it from the board", ""}
	}
	return Check{name, Warn, "running: it holds a board for some seconds after it was plugged in, and writes to it", d.udev().Mend}
}

// brltty takes every CH340 for a Braille display, where its rules say so.
func (d Doctor) brltty() Check {
	const name = "brltty"
	id := fmt.Appendf(nil, "%04x/%04x", ch340Vendor, ch340Product)
	short := fmt.Appendf(nil, "%x/%x/", ch340Vendor, ch340Product)
	for _, dir := range d.ruleDirs() {
		files, err := filepath.Glob(filepath.Join(dir, "*brltty*.rules"))
		if err != nil {
			continue
		}
		for _, file := range files {
			if rule, err := os.ReadFile(file); err == nil && claims(rule, id, short) {
				return Check{name, Warn, file + " takes boards with a CH340 for Braille displays; their port then vanishes",
					"if nobody here needs a Braille display: sudo apt remove brltty; else: sudo ln -s /dev/null " +
						filepath.Join("/etc/udev/rules.d", filepath.Base(file))}
			}
		}
	}
	return Check{name, OK, "claims no board", ""}
}

// claims reports whether a rule that is in force names one of the ids.
func claims(rule []byte, ids ...[]byte) bool {
	for line := range bytes.Lines(rule) {
		if line = bytes.TrimSpace(bytes.ToLower(line)); bytes.HasPrefix(line, []byte("#")) {
			continue
		}
		if slices.ContainsFunc(ids, func(id []byte) bool { return bytes.Contains(line, id) }) {
			return true
		}
	}
	return false
}

// running reports whether a program of this name runs. The kernel keeps 15
// bytes of it.
func (d Doctor) running(name string) bool {
	files, err := filepath.Glob(filepath.Join(d.Proc, "[0-9]*/comm"))
	if err != nil {
		return false
	}
	for _, file := range files {
		if sysText(filepath.Dir(file), "comm") == name {
			return true
		}
	}
	return false
}
