package extcap

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Verb is what Wireshark asks of one run of the program.
type Verb int

// The calls of the extcap contract.
const (
	VerbNone         Verb = iota // none of them: a person, or a Wireshark of the future
	VerbInterfaces               // --extcap-interfaces: which ones are there
	VerbDLTs                     // --extcap-dlts: link types of one
	VerbConfig                   // --extcap-config: what can be set on one
	VerbReload                   // --extcap-config --extcap-reload-option: one list anew
	VerbVerifyFilter             // --extcap-capture-filter alone: is it valid
	VerbCapture                  // --capture
	VerbCleanup                  // --extcap-cleanup-postkill: after a capture was killed
)

// ErrUsage means that the command line asks for something that cannot be.
var ErrUsage = errors.New("cannot do this")

// A Call is one command line of Wireshark, read.
type Call struct {
	Verb      Verb
	Interface string  // value of --extcap-interface
	Option    string  // VerbReload: which argument, without hyphens
	Filter    string  // value of --extcap-capture-filter
	Version   Version // of --extcap-version; zero if absent
	Config    Config  // VerbCapture
}

// ParseArgs reads a command line, without the program's name. Unknown options
// are ignored: later Wiresharks add some. What is wrong comes as one error,
// a line each; Config then holds the defaults in the place of bad values, and
// the pipes, so that the error can be told through them. Errors are ErrUsage.
func ParseArgs(args []string) (Call, error) {
	var c Call
	set, err := scan(args, &c)
	if c.Verb != VerbCapture {
		return c, err
	}
	cfg, problems := config(c, set)
	c.Config = cfg
	return c, usage(append([]error{err}, problems...)...)
}

// usage joins what is wrong to one ErrUsage, or to nil.
func usage(problems ...error) error {
	if err := errors.Join(problems...); err != nil {
		return usageError{err}
	}
	return nil
}

// usageError is an ErrUsage whose text is that of what was wrong.
type usageError struct{ error }

func (usageError) Is(target error) bool { return target == ErrUsage }
func (e usageError) Unwrap() error      { return e.error }

// setting is one option as it stood on the command line.
type setting struct {
	value string
	given bool // a value came with it
}

// scan splits a command line into the call and the capture's own options, by
// name without hyphens. The last of several counts; consoles add up.
func scan(args []string, c *Call) (map[string]setting, error) {
	set := make(map[string]setting)
	flags := make(map[string]bool)
	var err error
	for len(args) > 0 {
		name, value, given := strings.Cut(args[0], "=")
		args = args[1:]
		name, long := strings.CutPrefix(name, "--")
		if !long {
			continue // the value of an option that is not known here
		}
		kind := optionKind(name)
		if kind == takesNone {
			flags[name] = true
			continue
		}
		if !given && len(args) > 0 && (kind == takesValue || kind == takesBool && isBool(args[0])) {
			value, given, args = args[0], true, args[1:]
		}
		if kind == takesValue && !given {
			err = errors.Join(err, fmt.Errorf("--%s: a value must follow", name))
			continue
		}
		if before := set[name]; name == "console" && before.value != "" {
			value = before.value + "," + value
		}
		if kind != unknown {
			set[name] = setting{value, given}
		}
	}
	if v, ok := set["extcap-version"]; ok {
		c.Version, _ = ParseVersion(v.value) // an odd one is as good as none
	}
	c.Interface = set["extcap-interface"].value
	c.Filter = set["extcap-capture-filter"].value
	c.Option = strings.TrimLeft(set["extcap-reload-option"].value, "-")
	c.Verb = verb(flags, set)
	return set, usage(err)
}

func verb(flags map[string]bool, set map[string]setting) Verb {
	_, reload := set["extcap-reload-option"]
	_, filter := set["extcap-capture-filter"]
	switch {
	case flags["extcap-interfaces"]:
		return VerbInterfaces
	case flags["extcap-dlts"]:
		return VerbDLTs
	case flags["extcap-config"] && reload:
		return VerbReload
	case flags["extcap-config"]:
		return VerbConfig
	case flags["extcap-cleanup-postkill"]:
		return VerbCleanup
	case flags["capture"]:
		return VerbCapture
	case filter:
		return VerbVerifyFilter
	}
	return VerbNone
}

// arity says what follows an option.
type arity int

const (
	unknown    arity = iota // not one of ours: ignored, and so is what follows
	takesNone               // nothing
	takesValue              // "=value" or the next argument, whatever it looks like
	takesBool               // the same if it is a truth value, else it means true
)

func optionKind(name string) arity {
	switch name {
	case "extcap-interfaces", "extcap-dlts", "extcap-config", "capture", "extcap-cleanup-postkill":
		return takesNone
	case "extcap-interface", "extcap-version", "extcap-reload-option", "extcap-capture-filter",
		"fifo", "extcap-control-in", "extcap-control-out":
		return takesValue
	}
	for _, o := range options() {
		if o.call == name && o.kind == "boolflag" {
			return takesBool
		}
		if o.call == name {
			return takesValue
		}
	}
	return unknown
}

// isBool reports whether s is a truth value as Wireshark or a person writes
// it.
func isBool(s string) bool {
	_, err := parseBool(s)
	return err == nil
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", s)
}

// config makes the Config of a capture, with the defaults wherever a value is
// absent, empty or bad.
func config(c Call, set map[string]setting) (Config, []error) {
	cfg := Config{
		Interface: c.Interface, Application: Application, WiresharkVersion: c.Version,
		FIFO:      set["fifo"].value,
		ControlIn: set["extcap-control-in"].value, ControlOut: set["extcap-control-out"].value,
	}
	var problems []error
	kind, port := interfaceKind(c.Interface)
	if kind == ifaceNone {
		problems = append(problems, noInterface(c.Interface))
	}
	for _, o := range options() {
		_ = o.set(&cfg, o.def) // a test holds that every default is valid
		s, ok := set[o.call]
		if !ok || !o.of(kind) || s.given && s.value == "" {
			continue
		}
		if !s.given {
			s.value = "true"
		}
		if err := o.set(&cfg, s.value); err != nil {
			problems = append(problems, fmt.Errorf("--%s %s: %w", o.call, s.value, err))
		}
	}
	if kind == ifaceTTY {
		cfg.Port = port
	}
	return cfg, append(problems, together(&cfg, c.Filter)...)
}

// together checks what only several values can tell, and joins the two
// filters: the one of the interface's settings and that of the capture.
func together(cfg *Config, captureFilter string) (problems []error) {
	if captureFilter != "" {
		if _, err := ParseFilter(captureFilter); err != nil {
			problems = append(problems, fmt.Errorf("capture filter %s: %w", captureFilter, err))
		} else if cfg.Filter == "" {
			cfg.Filter = captureFilter
		} else if both := "(" + cfg.Filter + ") and (" + captureFilter + ")"; true {
			if _, err := ParseFilter(both); err != nil {
				problems = append(problems, fmt.Errorf("--filter and the capture filter together, %s: %w", both, err))
			}
			cfg.Filter = both
		}
	}
	if cfg.Record != "" && cfg.Record == cfg.Replay {
		problems = append(problems, fmt.Errorf("--record %s: would overwrite what --replay reads", cfg.Record))
		cfg.Record = ""
	}
	if cfg.FIFO == "" {
		problems = append(problems, errors.New("--fifo: where the capture goes must be given, a named pipe or a file"))
	}
	return problems
}

func noInterface(name string) error {
	if name == "" {
		return errors.New("--extcap-interface must name an interface; --extcap-interfaces lists them")
	}
	return fmt.Errorf("--extcap-interface %s: no such interface; --extcap-interfaces lists them", name)
}

// IsCall reports whether a command line is a call of Wireshark, and not of a
// person.
func IsCall(args []string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		return a == "--capture" || strings.HasPrefix(a, "--extcap-")
	})
}
