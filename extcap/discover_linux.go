package extcap

import (
	"path/filepath"
	"slices"
	"strings"
)

func portPath(name string) string { return "/dev/" + name }

// Ports lists the USB serial ports of this computer. Nothing is opened but
// files of /sys.
func Ports() ([]Port, error) { return sysPorts("/sys") }

// sysPorts reads /sys/class/tty under another root, for tests.
func sysPorts(sys string) ([]Port, error) {
	ttys, err := filepath.Glob(filepath.Join(sys, "class/tty/*/device"))
	if err != nil {
		return nil, err
	}
	var ports []Port
	for _, link := range ttys {
		if p, ok := sysPort(sys, link); ok {
			ports = append(ports, p)
		}
	}
	slices.SortFunc(ports, func(a, b Port) int {
		if len(a.Name) != len(b.Name) {
			return len(a.Name) - len(b.Name) // ttyUSB9 before ttyUSB10
		}
		return strings.Compare(a.Name, b.Name)
	})
	return ports, nil
}

// sysPort goes up from a tty's device to the USB device that it is part of.
func sysPort(sys, link string) (Port, bool) {
	dir, err := filepath.EvalSymlinks(link)
	if err != nil {
		return Port{}, false // unplugged meanwhile
	}
	top, err := filepath.EvalSymlinks(sys)
	if err != nil {
		return Port{}, false
	}
	for ; len(dir) > len(top); dir = filepath.Dir(dir) {
		id, err := ParseUSBID(sysText(dir, "idVendor"), sysText(dir, "idProduct"))
		if err != nil {
			continue
		}
		name := filepath.Base(filepath.Dir(link))
		return Port{
			Name: name, Path: portPath(name), ID: id,
			USBPath: filepath.Base(dir), Product: sysText(dir, "product"),
		}, true
	}
	return Port{}, false
}
