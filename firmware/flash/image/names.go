package image

import (
	"fmt"
	"strings"
)

// noneOr names mode v: 0 none, 1 the first name, and so on.
func noneOr(v uint8, names ...string) string {
	if v == 0 {
		return "none"
	}
	return pick(int(v)-1, names)
}

func pick(i int, names []string) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("unknown (%d)", i)
}

func crystal(v uint8) string {
	return pick(int(v), []string{"none", "24 MHz", "32 MHz", "38.4 MHz", "40 MHz", "26 MHz", "internal 32 MHz"})
}

func pll(v uint8) string {
	return pick(int(v), []string{"internal 32 MHz", "crystal", "PLL 48 MHz", "PLL 120 MHz", "PLL 160 MHz", "PLL 192 MHz"})
}

func flagNames(f Flags) string {
	var names []string
	for _, n := range []struct {
		bit  Flags
		name string
	}{
		{FlagNoSegment, "no_segment"}, {FlagCache, "cache"}, {FlagNotLoad, "notload"}, {FlagAESLock, "aeslock"},
		{FlagCRCIgnore, "crc_ignore"}, {FlagHashIgnore, "hash_ignore"}, {FlagHaltAP, "halt_ap"},
	} {
		if f&n.bit != 0 {
			names = append(names, n.name)
		}
	}
	if w := f.CacheWayDisable(); w != 0 {
		names = append(names, fmt.Sprintf("cache_way_dis=%d", w))
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// permissions of a load range, as readelf shows them.
func permissions(f uint32) string {
	s := []byte("---")
	for i, c := range []byte("rwx") {
		if f&(4>>i) != 0 {
			s[i] = c
		}
	}
	return string(s)
}
