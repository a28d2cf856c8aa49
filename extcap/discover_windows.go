package extcap

import "go.bug.st/serial/enumerator"

func portPath(name string) string { return name }

// Ports lists the USB serial ports of this computer, from the registry.
func Ports() ([]Port, error) {
	found, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return nil, err
	}
	var ports []Port
	for _, f := range found {
		if id, err := ParseUSBID(f.VID, f.PID); f.IsUSB && err == nil {
			ports = append(ports, Port{Name: f.Name, Path: f.Name, ID: id, Product: f.Product})
		}
	}
	return ports, nil
}
