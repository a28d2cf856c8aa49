package extcap

import (
	"errors"
	"syscall"
)

// gone reports whether an error means that the device behind a port left.
func gone(err error) bool {
	const errorBadCommand = syscall.Errno(22) // ERROR_BAD_COMMAND: the device is not there any more
	return errors.Is(err, errorBadCommand)
}

// permissionAdvice says how to get the permission to open a port.
func permissionAdvice(string) string {
	return "another program may have it: close that, and start again"
}
