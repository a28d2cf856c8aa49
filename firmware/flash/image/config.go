package image

import (
	"bufio"
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// ConfigName is the file with which the SDK describes a build's images.
const ConfigName = "flash_prog_cfg.ini"

// chipName is what $(CHIPNAME) stands for.
const chipName = "bl602"

// How the SDK wants the flash erased. The flasher erases what it must write
// and nothing else, so EraseChip is told to the user and not obeyed.
const (
	EraseNone    = 0
	EraseSection = 1
	EraseChip    = 2
)

// Config is a flash_prog_cfg.ini.
type Config struct {
	Erase    int
	SkipMode string
	Files    []ConfigFile
}

// ConfigFile is one section: a file and where it goes.
type ConfigFile struct {
	Name        string // the section's, also the partition's for ByPartition
	Pattern     string // path below the ini's folder; may hold *, ? and [
	Address     uint32
	ByPartition bool // address=@partition
	line        int
}

// ParseConfig reads an ini file. Errors wrap ErrFormat and name the line.
func ParseConfig(b []byte) (Config, error) {
	c := Config{Erase: EraseSection}
	section, line := "", 0
	for sc := bufio.NewScanner(bytes.NewReader(b)); ; {
		line++
		if !sc.Scan() {
			if err := sc.Err(); err != nil {
				return c, fmt.Errorf("line %d: %w: %w", line, ErrFormat, err)
			}
			break
		}
		text := strings.TrimSpace(strings.TrimPrefix(sc.Text(), "\ufeff"))
		switch {
		case text == "" || text[0] == '#' || text[0] == ';':
			continue
		case text[0] == '[':
			name, ok := strings.CutSuffix(text[1:], "]")
			if section = strings.TrimSpace(name); !ok || section == "" {
				return c, fmt.Errorf("line %d: %w: %q is no section", line, ErrFormat, text)
			}
			if !strings.EqualFold(section, "cfg") {
				c.Files = append(c.Files, ConfigFile{Name: section, line: line})
			}
		default:
			if err := c.set(section, text); err != nil {
				return c, fmt.Errorf("line %d: %w: %w", line, ErrFormat, err)
			}
		}
	}
	return c, c.complete()
}

// set takes one key=value line.
func (c *Config) set(section, text string) error {
	key, value, ok := strings.Cut(text, "=")
	key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
	if !ok {
		return fmt.Errorf("%q is no key=value", text)
	}
	if section == "" {
		return fmt.Errorf("%q stands before the first section", text)
	}
	if strings.EqualFold(section, "cfg") {
		return c.setGlobal(key, value)
	}
	return c.Files[len(c.Files)-1].set(key, value)
}

func (c *Config) setGlobal(key, value string) (err error) {
	switch key {
	case "erase":
		c.Erase, err = strconv.Atoi(value)
		if err != nil || c.Erase < EraseNone || c.Erase > EraseChip {
			return fmt.Errorf("erase=%s: 0 (none), 1 (section) and 2 (chip) are known", value)
		}
	case "skip_mode":
		c.SkipMode = value
	}
	return nil // the rest is for the vendor's tool
}

func (f *ConfigFile) set(key, value string) error {
	switch key {
	case "filedir":
		f.Pattern = strings.ReplaceAll(value, "$(CHIPNAME)", chipName)
	case "address":
		if f.ByPartition = strings.EqualFold(value, "@partition"); f.ByPartition {
			return nil
		}
		n, err := ParseNumber(value)
		if err != nil {
			return fmt.Errorf("address=%s: neither a number nor @partition", value)
		}
		f.Address = n
	}
	return nil
}

func (c *Config) complete() error {
	for _, f := range c.Files {
		if f.Pattern == "" {
			return fmt.Errorf("line %d: %w: section [%s] has no filedir", f.line, ErrFormat, f.Name)
		}
	}
	if len(c.Files) == 0 {
		return fmt.Errorf("%w: no section names a file", ErrFormat)
	}
	return nil
}

// Find gives the one file that the pattern matches below dir.
func (f ConfigFile) Find(dir string) (string, error) {
	pattern := filepath.Join(dir, filepath.FromSlash(f.Pattern))
	found, err := filepath.Glob(pattern)
	if err != nil {
		return "", fmt.Errorf("[%s] filedir=%s: %w: %w", f.Name, f.Pattern, ErrFormat, err)
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("[%s]: no file matches %s: build the project first", f.Name, pattern)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("[%s]: %d files match %s (%s): remove the stale ones", f.Name, len(found), pattern, strings.Join(found, ", "))
}

// ParseNumber reads an address or a length: decimal, or hexadecimal after 0x.
func ParseNumber(s string) (uint32, error) {
	digits, base := s, 10
	if len(s) > 2 && (s[:2] == "0x" || s[:2] == "0X") {
		digits, base = s[2:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is no number from 0 to 0xffffffff (decimal, or 0x… for hexadecimal)", s)
	}
	return uint32(n), nil
}
