package extcap

import (
	"errors"
	"fmt"
	"strings"
)

// ErrBusy means that another program has the port.
var ErrBusy = errors.New("port is busy")

// A Process is a program that holds a port.
type Process struct {
	PID  int
	Name string // as the system calls it; may be empty
}

func (p Process) String() string {
	if p.Name == "" {
		return fmt.Sprintf("process %d", p.PID)
	}
	return fmt.Sprintf("%s (process %d)", p.Name, p.PID)
}

// BusyError says who holds a port. errors.Is(err, ErrBusy) holds.
type BusyError struct {
	Port    string
	Holders []Process // empty if the system does not tell
}

func (e BusyError) Error() string {
	if len(e.Holders) == 0 {
		return e.Port + " is busy: another program holds it, perhaps another user's; end that program and start again"
	}
	names := make([]string, len(e.Holders))
	for i, h := range e.Holders {
		names[i] = h.String()
	}
	return e.Port + " is busy: held by " + strings.Join(names, ", ") + "; end that program and start again"
}

// Is makes errors.Is(err, ErrBusy) true.
func (BusyError) Is(target error) bool { return target == ErrBusy }
