package main

import (
	"regexp"
	"strings"
)

// field is one {name=value} of an extcap sentence.
var field = regexp.MustCompile(`\{(\w+)=([^}]*)\}`)

// captureOptions asks an extcap what can be set on its first interface, as
// Wireshark does.
func captureOptions(path string) ([]group, error) {
	list, err := run(path, "--extcap-interfaces", "--extcap-version=4.0")
	if err != nil {
		return nil, err
	}
	name := ""
	for line := range strings.Lines(list) {
		if strings.HasPrefix(line, "interface ") && name == "" {
			name = fields(line)["value"]
		}
	}
	text, err := run(path, "--extcap-config", "--extcap-interface", name)
	if err != nil {
		return nil, err
	}
	return sentences(text), nil
}

// sentences groups the arguments as Wireshark's dialog does.
func sentences(text string) (groups []group) {
	defaults := defaultValues(text)
	for line := range strings.Lines(text) {
		f := fields(line)
		if !strings.HasPrefix(line, "arg ") {
			continue
		}
		if len(groups) == 0 || groups[len(groups)-1].Title != f["group"] {
			groups = append(groups, group{Title: f["group"]})
		}
		o := option{Spec: f["call"], Text: f["display"] + ". " + f["tooltip"]}
		if f["type"] != "boolflag" {
			o.Spec += " " + strings.ToUpper(strings.TrimLeft(f["call"], "-"))
		}
		value := f["default"]
		if value == "" {
			value = defaults[f["number"]]
		}
		if value != "" && f["type"] != "boolflag" {
			o.Text += " (default " + value + ")"
		}
		g := &groups[len(groups)-1]
		g.Options = append(g.Options, o)
	}
	return groups
}

// defaultValues finds the default of each selector, by the argument's number.
func defaultValues(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		if f := fields(line); strings.HasPrefix(line, "value ") && f["default"] == "true" {
			values[f["arg"]] = f["value"]
		}
	}
	return values
}

func fields(line string) map[string]string {
	all := map[string]string{}
	for _, m := range field.FindAllStringSubmatch(line, -1) {
		all[m[1]] = m[2]
	}
	return all
}
