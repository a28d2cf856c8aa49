package extcap

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// usbTTY makes a serial port in a copy of sysfs, as the kernel lays it out.
func usbTTY(t *testing.T, sys, usbDir, iface, tty string, attrs map[string]string) {
	t.Helper()
	dev := filepath.Join(sys, "devices/pci0000:00/usb1", usbDir)
	leaf := filepath.Join(dev, iface, tty, "tty", tty)
	mkdirs(t, leaf, filepath.Join(sys, "class/tty"))
	for name, text := range attrs {
		writeFile(t, filepath.Join(dev, name), text+"\n")
	}
	symlink(t, filepath.Join(dev, iface, tty), filepath.Join(leaf, "device"))
	symlink(t, leaf, filepath.Join(sys, "class/tty", tty))
}

func symlink(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}

func TestSysPorts(t *testing.T) {
	sys := t.TempDir()
	ch340 := map[string]string{"idVendor": "1a86", "idProduct": "7523", "product": "USB Serial"}
	usbTTY(t, sys, "1-2/1-2.2", "1-2.2:1.0", "ttyUSB10", ch340)
	usbTTY(t, sys, "1-2/1-2.1", "1-2.1:1.0", "ttyUSB2", ch340)
	usbTTY(t, sys, "3-1", "3-1:1.0", "ttyACM0", map[string]string{"idVendor": "2341", "idProduct": "0043"})
	usbTTY(t, sys, "4-1", "4-1:1.0", "ttyUSB3", map[string]string{"idVendor": "zz", "idProduct": ""})
	mkdirs(t, filepath.Join(sys, "devices/platform/serial8250/tty/ttyS0"), filepath.Join(sys, "devices/virtual/tty/tty0"))
	symlink(t, filepath.Join(sys, "devices/platform/serial8250"), filepath.Join(sys, "devices/platform/serial8250/tty/ttyS0/device"))
	symlink(t, filepath.Join(sys, "devices/platform/serial8250/tty/ttyS0"), filepath.Join(sys, "class/tty/ttyS0"))
	symlink(t, filepath.Join(sys, "devices/virtual/tty/tty0"), filepath.Join(sys, "class/tty/tty0"))
	symlink(t, "nowhere", filepath.Join(sys, "class/tty/ttyUSB9"))

	got, err := sysPorts(sys)
	want := []Port{
		{Name: "ttyACM0", Path: "/dev/ttyACM0", ID: USBID{0x2341, 0x43}, USBPath: "3-1"},
		{Name: "ttyUSB2", Path: "/dev/ttyUSB2", ID: USBID{0x1a86, 0x7523}, USBPath: "1-2.1", Product: "USB Serial"},
		{Name: "ttyUSB10", Path: "/dev/ttyUSB10", ID: USBID{0x1a86, 0x7523}, USBPath: "1-2.2", Product: "USB Serial"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for i, board := range []bool{false, true, true} {
		if got[i].Board() != board {
			t.Errorf("%s: board = %v", got[i].Name, !board)
		}
	}
	if got, err := sysPorts(filepath.Join(sys, "absent")); err != nil || got != nil {
		t.Errorf("without sysfs: %v, %v", got, err)
	}
}

func TestVersionOfMaps(t *testing.T) {
	const line = "7f55d1e00000-7f55d2e00000 r--p 00000000 08:01 131 /usr/lib/x86_64-linux-gnu/libwireshark.so.%s\n"
	for lib, want := range map[string]Version{
		"16.0.17": {4, 0}, "17.0.2": {4, 2}, "18.0.18": {4, 4}, "19": {4, 6}, "23.0.1": {4, 6}, "12": {}, "x": {},
	} {
		maps := "7f0000000000-7f0000001000 r-xp 0 0:0 1 /usr/bin/tshark\n" + line[:len(line)-3] + lib + "\n"
		if got := versionOfMaps([]byte(maps)); got != want {
			t.Errorf("library %s: %v, want %v", lib, got, want)
		}
	}
	if got := versionOfMaps(nil); got != (Version{}) {
		t.Errorf("no maps: %v", got)
	}
}
