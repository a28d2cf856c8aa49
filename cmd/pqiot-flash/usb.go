package main

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ch340 is the USB id of the CH340N on a PineCone.
const ch340 = "1a86:7523"

// usbPorts lists the boards of this computer. No port is opened.
func usbPorts() ([]usbPort, error) { return boardsUnder("/sys") }

// boardsUnder reads class/tty below another root than /sys, for tests.
func boardsUnder(sys string) (found []usbPort, err error) {
	devices, err := filepath.Glob(filepath.Join(sys, "class/tty/*/device"))
	for _, link := range devices {
		dir, err := filepath.EvalSymlinks(link)
		if err != nil {
			continue // unplugged meanwhile
		}
		for ; len(dir) > len(sys); dir = filepath.Dir(dir) {
			id := sysText(dir, "idVendor") + ":" + sysText(dir, "idProduct")
			if id == ch340 {
				path := "/dev/" + filepath.Base(filepath.Dir(link))
				found = append(found, usbPort{path, strings.TrimSpace(id + " " + sysText(dir, "product"))})
			}
		}
	}
	slices.SortFunc(found, func(a, b usbPort) int { // ttyUSB9 before ttyUSB10
		return cmp.Or(len(a.path)-len(b.path), strings.Compare(a.path, b.path))
	})
	return found, err
}

func sysText(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
