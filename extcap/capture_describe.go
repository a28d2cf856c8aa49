package extcap

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"pqiot/wire"
)

// section describes this computer for the section header.
func (e *engine) section() section {
	app := e.cfg.Application
	if app == "" {
		app = Application
	}
	return section{hardware: runtime.GOARCH, os: osName(), application: app}
}

// osName names the operating system, with the kernel's release on Linux.
func osName() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if runtime.GOOS != "linux" || err != nil {
		return runtime.GOOS
	}
	return "Linux " + strings.TrimSpace(string(release))
}

// iface describes the interface. Its snap length is the longest packet that
// can come: the board's can be changed while the capture runs.
func (e *engine) iface(filter string, mac []byte, hardware string) iface {
	name := e.cfg.Interface
	if name == "" {
		name = "pinecone"
	}
	return iface{snapLen: maxRadiotap + wire.MaxFrame, name: name, description: "PineCone 802.11 sniffer",
		filter: filter, os: osName(), hardware: hardware, mac: mac}
}

// fallbackIface describes the interface of a board that did not say who it is.
func (e *engine) fallbackIface() iface { return e.iface(e.cfg.Filter, nil, "") }

// boardIface describes the interface of a board that said hello.
func (s *session) boardIface(h wire.Hello) iface {
	s.mu.Lock()
	filter := FormatFilter(s.state.want.filter)
	s.mu.Unlock()
	i := s.iface(filter, h.MAC[:], fmt.Sprintf("%s, firmware %s", boardName(h), h.Firmware))
	i.description += " on " + s.board.Name()
	return i
}
