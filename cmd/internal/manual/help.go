package main

import (
	"regexp"
	"strings"
)

// help is a help text, taken apart.
type help struct {
	Usage    []string
	Text     [][]string // paragraphs, in lines; indented lines are kept as they are
	Examples []string
	Commands []command
	Groups   []group
}

// command is a subcommand.
type command struct {
	Name, Short string
	Help        help
}

// group is a list of options under a title; Global are those that a subcommand
// has from its parent.
type group struct {
	Title   string
	Global  bool
	Options []option
}

// option is one line of a list: flags and their argument, and what it does.
type option struct{ Spec, Text string }

var (
	// optionLine begins the description of an option.
	optionLine = regexp.MustCompile(`^\s{2,}-{1,2}[a-zA-Z]`)
	// gap stands between an option or command and its description.
	gap = regexp.MustCompile(`\s{2,}`)
	// pointer is cobra's last line.
	pointer = regexp.MustCompile(`^Use ".* --help" for more information`)
)

// parseHelp takes a help text apart, by blocks between blank lines. It reads
// cobra's form, and that of the boards in C: usage, text, groups of options.
func parseHelp(text string) help {
	var h help
	examples := false // the block before was one
	for _, lines := range blocks(text) {
		first := lines[0]
		indented := strings.HasPrefix(first, "  ")
		switch {
		case examples && indented:
			h.Examples = append(append(h.Examples, ""), lines...)
			continue
		case first == "Examples:":
			h.Examples = lines[1:]
			examples = true
			continue
		case strings.HasPrefix(first, "Usage:"):
			h.usage(lines)
		case strings.HasSuffix(first, " Commands:"):
			h.commands(lines[1:])
		case first == "Aliases:" || pointer.MatchString(first):
		case optionLine.MatchString(first):
			h.Groups = append(h.Groups, group{Options: options(lines)})
		case len(lines) > 1 && optionLine.MatchString(lines[1]) && !indented:
			h.Groups = append(h.Groups, titled(first, lines[1:]))
		default:
			h.Text = append(h.Text, lines)
		}
		examples = false
	}
	return h
}

// blocks splits a text at blank lines.
func blocks(text string) (all [][]string) {
	var block []string
	for line := range strings.Lines(text + "\n\n") {
		line = strings.TrimRight(strings.ReplaceAll(line, "\t", "        "), " \r\n")
		if line != "" {
			block = append(block, line)
		} else if block != nil {
			all = append(all, block)
			block = nil
		}
	}
	return all
}

func (h *help) usage(lines []string) {
	lines[0] = strings.TrimPrefix(lines[0], "Usage:")
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" {
			h.Usage = append(h.Usage, line)
		}
	}
}

// commands reads a list of subcommands. Those that cobra adds to every program
// are left out.
func (h *help) commands(lines []string) {
	for _, line := range lines {
		name, about, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "help" && name != "completion" {
			h.Commands = append(h.Commands, command{Name: name, Short: strings.TrimSpace(about)})
		}
	}
}

func titled(title string, lines []string) group {
	g := group{Title: strings.TrimSuffix(title, ":"), Options: options(lines)}
	switch g.Title {
	case "Flags":
		g.Title = ""
	case "Global Flags":
		g.Global = true
	}
	return g
}

// options reads a list of options; a line that begins none goes on with the
// description before it.
func options(lines []string) (list []option) {
	for _, line := range lines {
		if !optionLine.MatchString(line) && len(list) > 0 {
			last := &list[len(list)-1]
			last.Text = strings.TrimSpace(last.Text + " " + strings.TrimSpace(line))
			continue
		}
		line = strings.TrimSpace(line)
		o := option{Spec: line}
		if at := gap.FindStringIndex(line); at != nil {
			o = option{Spec: line[:at[0]], Text: line[at[1]:]}
		}
		list = append(list, o)
	}
	return list
}
