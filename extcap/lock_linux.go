package extcap

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// LockPort takes a serial port for this process, or says in a BusyError who
// has it. The lock is an flock on the device, which holds against root too,
// unlike TIOCEXCL, and ends with the process. Programs that do not lock are
// found by the files they have open. Closing the result gives the port back.
func LockPort(path string) (io.Closer, error) {
	if p, held := uucpHolder("/run/lock", path); held {
		return nil, BusyError{path, []Process{p}}
	}
	lock, err := openLock(path)
	switch {
	case err == unix.EBUSY:
		return nil, BusyError{path, Holders(path)}
	case err != nil:
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	if err := unix.Flock(int(lock), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holders := lockHolders(lock)
		lock.Close()
		if err != unix.EWOULDBLOCK {
			return nil, &os.PathError{Op: "lock", Path: path, Err: err}
		}
		return nil, BusyError{path, holders}
	}
	if holders := Holders(path); len(holders) > 0 && !pseudoTerminal(path) {
		lock.Close()
		return nil, BusyError{path, holders}
	}
	return lock, nil
}

// portLock is the descriptor that holds the lock. It is no os.File: those
// wake the Go runtime for every byte that comes on the port, which cost more
// than the capture.
type portLock int

func openLock(path string) (portLock, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return portLock(fd), err
		}
	}
}

func (l portLock) Close() error { return unix.Close(int(l)) }

// pseudoTerminal reports whether a port is a simulated one, whose other side
// may well hold this side open.
func pseudoTerminal(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	return err == nil && strings.HasPrefix(real, "/dev/pts/")
}

// uucpHolder reads the lock file that terminal programs write,
// LCK..ttyUSB0 with a process id in it. One of a dead process counts nothing.
func uucpHolder(dir, port string) (Process, bool) {
	b, err := os.ReadFile(filepath.Join(dir, "LCK.."+filepath.Base(port)))
	if err != nil {
		return Process{}, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 0 || pid == os.Getpid() || unix.Kill(pid, 0) == unix.ESRCH {
		return Process{}, false
	}
	return Process{pid, processName(pid)}, true
}

// lockHolders looks up in /proc/locks who has the flock on an open file.
func lockHolders(lock portLock) (holders []Process) {
	var st unix.Stat_t
	if unix.Fstat(int(lock), &st) != nil {
		return nil
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil
	}
	id := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	for line := range bytes.Lines(locks) {
		// 1: FLOCK ADVISORY WRITE 4711 00:05:123 0 EOF
		w := strings.Fields(string(line))
		if len(w) < 6 || w[1] != "FLOCK" || w[5] != id {
			continue
		}
		if pid, err := strconv.Atoi(w[4]); err == nil && pid > 0 {
			holders = append(holders, Process{pid, processName(pid)})
		}
	}
	return holders
}

// Holders lists the other processes that have a port open, as far as this
// user may see: all of them for root.
func Holders(path string) (holders []Process) {
	var want unix.Stat_t
	if unix.Stat(path, &want) != nil {
		return nil
	}
	fds, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return nil
	}
	for _, fd := range fds {
		pid, err := strconv.Atoi(strings.Split(fd, "/")[2])
		if err != nil || pid == os.Getpid() || slices.ContainsFunc(holders, func(p Process) bool { return p.PID == pid }) {
			continue
		}
		var st unix.Stat_t
		if target, err := os.Readlink(fd); err != nil || !strings.HasPrefix(target, "/dev/") {
			continue
		}
		if unix.Stat(fd, &st) == nil && st.Rdev == want.Rdev && st.Mode&unix.S_IFMT == want.Mode&unix.S_IFMT &&
			want.Mode&unix.S_IFMT == unix.S_IFCHR {
			holders = append(holders, Process{pid, processName(pid)})
		}
	}
	return holders
}

// processName is the program's name, of at most 15 bytes.
func processName(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
