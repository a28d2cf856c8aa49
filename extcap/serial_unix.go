//go:build unix

package extcap

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// gone reports whether an error means that the device behind a port left.
func gone(err error) bool {
	return errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.ENODEV) || errors.Is(err, syscall.EIO)
}

// permissionAdvice says how to get the permission to open a port: by the group
// that the port belongs to.
func permissionAdvice(path string) string {
	group := "dialout"
	if st, err := os.Stat(path); err == nil {
		if sys, ok := st.Sys().(*syscall.Stat_t); ok {
			if g, err := user.LookupGroupId(strconv.Itoa(int(sys.Gid))); err == nil {
				group = g.Name
			}
		}
	}
	if group == "root" {
		return "type: sudo pqiot-extcap install --global (it installs the udev rule), then plug the board in again"
	}
	return fmt.Sprintf("type: sudo usermod -aG %s $USER, then log out and in again", group)
}
