package extcap

import (
	"fmt"
	"strings"
)

// Interfaces that Wireshark lists. Each board found has its own besides,
// "pinecone-ttyUSB0".
const (
	ifacePrefix  = "pinecone"     // the port is an argument
	ifaceSimName = "pinecone-sim" // the simulated board
)

// ifaceKind tells the interfaces apart.
type ifaceKind int

const (
	ifaceNone ifaceKind = iota // none of ours
	ifaceAny                   // the port is an argument
	ifaceTTY                   // one board, by the name of its port
	ifaceSim                   // the simulated board
)

// interfaceKind reads the name of an interface. Port is the path of the port
// where the name holds one.
func interfaceKind(name string) (kind ifaceKind, port string) {
	switch name {
	case ifacePrefix:
		return ifaceAny, ""
	case ifaceSimName:
		return ifaceSim, ""
	}
	tty, ok := strings.CutPrefix(name, ifacePrefix+"-")
	if !ok || tty == "" || strings.ContainsAny(tty, `/\`) {
		return ifaceNone, ""
	}
	return ifaceTTY, portPath(tty)
}

// Simulated reports whether the capture is of the simulated board.
func (c Config) Simulated() bool {
	kind, _ := interfaceKind(c.Interface)
	return kind == ifaceSim
}

// A USBID names a USB product: 1a86:7523.
type USBID struct {
	Vendor, Product uint16
}

// ParseUSBID reads two 16-bit numbers in hexadecimal as sysfs writes them.
func ParseUSBID(vendor, product string) (id USBID, err error) {
	if _, err := fmt.Sscanf(vendor+" "+product, "%x %x", &id.Vendor, &id.Product); err != nil {
		return USBID{}, fmt.Errorf("%s:%s is no USB id", vendor, product)
	}
	return id, nil
}

func (id USBID) String() string { return fmt.Sprintf("%04x:%04x", id.Vendor, id.Product) }

// The USB-UART bridge of a PineCone, a CH340N. It carries no serial number, so
// that equal boards differ in nothing but the USB path.
const (
	ch340Vendor  = 0x1a86
	ch340Product = 0x7523
)

// A Port is a USB serial port of this computer, as the system describes it.
// Finding one opens nothing.
type Port struct {
	Name    string // "ttyUSB0", "COM3"
	Path    string // what is opened: "/dev/ttyUSB0"
	ID      USBID
	USBPath string // where it is plugged in: "1-2.1"; empty if not known
	Product string // what the device calls itself; may be empty
}

// Board reports whether a PineCone may be on the port, by the id of its
// bridge.
func (p Port) Board() bool { return p.ID == USBID{ch340Vendor, ch340Product} }

// describe tells a person which port it is.
func (p Port) describe() string {
	s := p.Name
	if p.USBPath != "" {
		s += " at USB " + p.USBPath
	}
	if p.Board() {
		return s + " (CH340)"
	}
	if p.Product != "" {
		return s + " (" + p.Product + ")"
	}
	return s + " (" + p.ID.String() + ")"
}
