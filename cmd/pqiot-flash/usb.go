package main

import "pqiot/extcap"

// usbPorts lists the boards of this computer by their USB ids. No port is
// opened.
func usbPorts() ([]usbPort, error) {
	all, err := extcap.Ports()
	return boards(all), err
}

func boards(all []extcap.Port) (found []usbPort) {
	for _, p := range all {
		if p.Board() {
			found = append(found, usbPort{p.Path, p.ID.String() + " " + p.Product})
		}
	}
	return found
}
