package extcap

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
)

// Caller tells which Wireshark started this program. Only the call that lists
// interfaces says so, and the grammar of the others depends on it too. The
// dissection library that the caller has mapped gives it away: its number
// rises by one with each release. A static or unknown caller gives the zero
// Version, and so the oldest grammar.
func Caller() Version {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", os.Getppid()))
	if err != nil {
		return Version{}
	}
	return versionOfMaps(maps)
}

func versionOfMaps(maps []byte) Version {
	m := regexp.MustCompile(`/libwireshark\.so\.(\d+)`).FindSubmatch(maps)
	if m == nil {
		return Version{}
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return Version{}
	}
	switch {
	case n >= 19:
		return Version{4, 6}
	case n == 18:
		return Version{4, 4}
	case n == 17:
		return Version{4, 2}
	case n == 16:
		return Version{4, 0}
	}
	return Version{}
}
