//go:build !linux && !windows

package extcap

import (
	"path/filepath"
	"strings"
)

func portPath(name string) string { return "/dev/" + name }

// Ports lists the USB serial ports of this computer by the names that the
// drivers give them: the USB ids would take cgo on macOS.
func Ports() ([]Port, error) {
	var ports []Port
	for _, pattern := range []string{"/dev/cu.*usb*", "/dev/cu.wch*", "/dev/cuaU[0-9]*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			p := Port{Name: filepath.Base(path), Path: path}
			if strings.HasPrefix(p.Name, "cu.wch") || strings.HasPrefix(p.Name, "cu.usbserial-1") {
				p.ID = USBID{ch340Vendor, ch340Product} // the vendor's driver, and Apple's where a bridge has no serial number
			}
			ports = append(ports, p)
		}
	}
	return dedupe(ports), nil
}

// dedupe drops ports that matched two patterns.
func dedupe(ports []Port) (kept []Port) {
	seen := make(map[string]bool)
	for _, p := range ports {
		if !seen[p.Path] {
			seen[p.Path] = true
			kept = append(kept, p)
		}
	}
	return kept
}
