package main

import (
	"path/filepath"
	"strings"
)

// autoPort chooses among the boards that were found.
const autoPort = "auto"

// usbPort is a serial port that may be a board's.
type usbPort struct {
	path  string
	about string // USB ids and product
}

// onePort is the port of --port.
func (a *app) onePort() (string, error) {
	if a.opt.port != autoPort {
		return a.opt.port, nil
	}
	found, err := a.ports()
	if err != nil {
		return "", badUse("ports cannot be listed: %w; name one with --port", err)
	}
	switch len(found) {
	case 0:
		return "", badUse("no board found: plug it in, or name its port with --port")
	case 1:
		a.say("board found at %s (%s)", found[0].path, found[0].about)
		return found[0].path, nil
	}
	return "", badUse("%d boards found: name one with --port: %s", len(found), listPorts(found))
}

func listPorts(ports []usbPort) string {
	var s []string
	for _, p := range ports {
		s = append(s, p.path+" ("+p.about+")")
	}
	return strings.Join(s, ", ")
}

// assign gives every job its port: the named one, or the next of the boards
// that were found. No port is used twice, whatever its names are.
func (a *app) assign(jobs []job, ports [len(roles)]string) error {
	taken := make(map[string]string) // by identity: role
	for i := range jobs {
		jobs[i].port = ports[i]
		if ports[i] == autoPort {
			continue
		}
		id := identity(ports[i])
		if other, twice := taken[id]; twice {
			return badUse("%s and %s have the same port, %s: every board has its own", other, jobs[i].role, ports[i])
		}
		taken[id] = jobs[i].role
	}
	var free []usbPort
	for i := range jobs {
		if jobs[i].port != autoPort {
			continue
		}
		if free == nil {
			var err error
			if free, err = a.freePorts(taken); err != nil {
				return err
			}
		}
		if len(free) == 0 {
			return badUse("no board is left for the %s: plug in one for each role, or name its port with --%s", jobs[i].role, jobs[i].role)
		}
		jobs[i].port, free = free[0].path, free[1:]
	}
	return nil
}

// freePorts are the boards found whose ports are not taken.
func (a *app) freePorts(taken map[string]string) ([]usbPort, error) {
	found, err := a.ports()
	if err != nil {
		return nil, badUse("ports cannot be listed: %w; name them with --gateway, --sender and --sniffer", err)
	}
	free := make([]usbPort, 0, len(found))
	for _, p := range found {
		if _, used := taken[identity(p.path)]; !used {
			free = append(free, p)
		}
	}
	return free, nil
}

// identity tells whether two paths lead to the same port.
func identity(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = filepath.Clean(path)
	}
	if abs, err := filepath.Abs(real); err == nil {
		real = abs
	}
	return real
}
