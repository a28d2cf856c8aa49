package extcap

import "fmt"

// UdevRuleName is the file of the rule. It must sort before 73-seat-late.rules,
// which acts on the uaccess tag, and before ModemManager's 77.
const UdevRuleName = "70-pqiot.rules"

// UdevRule lets whoever sits at the computer open the board's port, without
// a group to join, and keeps ModemManager from probing it.
func UdevRule() string {
	return fmt.Sprintf(`# PineCone boards (USB-UART bridge CH340N), written by pqiot-extcap install --global.
SUBSYSTEM=="usb", ATTR{idVendor}=="%04x", ATTR{idProduct}=="%04x", ENV{ID_MM_DEVICE_IGNORE}="1"
SUBSYSTEM=="tty", ATTRS{idVendor}=="%04x", ATTRS{idProduct}=="%04x", TAG+="uaccess", ENV{ID_MM_PORT_IGNORE}="1", ENV{ID_MM_DEVICE_IGNORE}="1"
`, ch340Vendor, ch340Product, ch340Vendor, ch340Product)
}
