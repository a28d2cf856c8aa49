package main

import (
	"cmp"
	"embed"
	"fmt"
	"strings"
)

//go:embed extra
var extras embed.FS

// extra is what the page of a program has beyond its help; empty for most.
func extra(name string) string {
	text, err := extras.ReadFile("extra/" + name + ".man")
	if err != nil {
		return ""
	}
	return string(text)
}

// page is a manual page.
type page struct {
	Help
	Name, Short, Date, Version string
	Capture                    []group // options of a capture, of an extcap
	Extra                      string  // more sections, in man(7)
	SeeAlso                    []string
}

// Help is embedded under a name that can be exported.
type Help = help

// roff writes the page in the macros of man(7).
func (p page) roff() []byte {
	var w writer
	w.line(`.TH %s 1 "%s" %s "pqiot manual"`, quote(strings.ToUpper(p.Name)), p.Date, quote(p.Name+" "+p.Version))
	w.line(".SH NAME")
	w.fill(escape(p.Name) + ` \- ` + escape(p.Short))
	w.line(".SH SYNOPSIS")
	w.usage(p.Usage)
	w.line(".SH DESCRIPTION")
	w.paragraphs(p.Text)
	w.groups(".SH OPTIONS", p.Groups)
	w.groups(".SH CAPTURE OPTIONS", p.Capture)
	if len(p.Commands) > 0 {
		w.line(".SH COMMANDS")
		w.commands(p.Commands)
	}
	if len(p.Examples) > 0 {
		w.line(".SH EXAMPLES")
		w.example(p.Examples)
	}
	if !p.saysExitStatus() {
		w.line(".SH EXIT STATUS")
		w.line("0 when all is done and nothing wrong was found;\n1 when it is done and the answer is no;\n2 for wrong usage or unusable input.")
	}
	w.text(p.Extra)
	w.line(".SH SEE ALSO")
	w.seeAlso(append(p.SeeAlso, "wireshark", "tshark"))
	return []byte(w.String())
}

// saysExitStatus reports whether the description has it already.
func (p page) saysExitStatus() bool {
	for _, lines := range p.Text {
		if strings.Contains(strings.Join(lines, " "), "Exit status") {
			return true
		}
	}
	return false
}

type writer struct{ strings.Builder }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// width is how long a line of the source may be.
const width = 78

// fill writes a text in lines of at most width; roff joins them again.
func (w *writer) fill(text string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			w.line("%s", line)
			line = ""
		}
		switch {
		case line != "":
			line += " " + word
		case strings.HasPrefix(word, "."):
			line = `\&` + word // no request
		default:
			line = word
		}
	}
	w.line("%s", line)
}

// paragraph begins one, but for the first of a section, where a heading did.
func (w *writer) paragraph() {
	s := strings.TrimSuffix(w.String(), "\n")
	if !strings.HasPrefix(s[strings.LastIndexByte(s, '\n')+1:], ".S") {
		w.line(".PP")
	}
}

// text appends lines that are roff already.
func (w *writer) text(s string) {
	if s = strings.TrimSpace(s); s != "" {
		w.line("%s", s)
	}
}

func (w *writer) usage(lines []string) {
	for i, line := range lines {
		if i > 0 {
			w.line(".br")
		}
		name, rest, _ := strings.Cut(line, " ")
		w.fill(`\fB` + escape(name) + `\fR ` + escape(rest))
	}
}

// paragraphs writes text; indented lines keep their shape.
func (w *writer) paragraphs(all [][]string) {
	for _, lines := range all {
		n := 0
		for n < len(lines) && !strings.HasPrefix(lines[n], "  ") {
			n++
		}
		if n > 0 {
			w.paragraph()
			w.fill(escape(strings.Join(lines[:n], " ")))
		}
		if n < len(lines) {
			w.example(lines[n:])
		}
	}
}

func (w *writer) example(lines []string) {
	w.paragraph()
	w.line(".nf\n.RS 4")
	for _, line := range lines {
		line = escape(strings.TrimPrefix(line, "  "))
		if line == "" {
			line = ".sp"
		}
		w.line("%s", line)
	}
	w.line(".RE\n.fi")
}

// groups writes lists of options under a heading.
func (w *writer) groups(heading string, groups []group) {
	if len(groups) == 0 {
		return
	}
	w.line("%s", heading)
	for _, g := range groups {
		if g.Title != "" {
			w.line(".SS %s", quote(g.Title))
		}
		w.options(g.Options)
	}
}

func (w *writer) options(list []option) {
	for _, o := range list {
		w.line(".TP\n%s", spec(o.Spec))
		w.fill(cmp.Or(escape(o.Text), `\&`))
	}
}

// commands writes a section on each subcommand, with the options that are its
// own.
func (w *writer) commands(list []command) {
	for _, c := range list {
		w.line(".SS %s", quote(c.Name))
		w.usage(c.Help.Usage)
		w.paragraph()
		w.fill(escape(upper(strings.TrimSuffix(c.Short, "."))) + ".")
		if text := c.Help.Text; len(text) != 1 || strings.Join(text[0], " ") != c.Short {
			w.paragraphs(text)
		}
		for _, g := range c.Help.Groups {
			if !g.Global {
				w.options(own(g.Options))
			}
		}
		if len(c.Help.Examples) > 0 {
			w.example(c.Help.Examples)
		}
		w.commands(prefixed(c))
	}
}

// prefixed names the subcommands of a subcommand in full.
func prefixed(c command) []command {
	list := append([]command(nil), c.Help.Commands...)
	for i := range list {
		list[i].Name = c.Name + " " + list[i].Name
	}
	return list
}

// own leaves out --help.
func own(list []option) (rest []option) {
	for _, o := range list {
		if !strings.Contains(o.Spec, "--help") {
			rest = append(rest, o)
		}
	}
	return rest
}

func (w *writer) seeAlso(names []string) {
	for i, name := range names {
		comma := ","
		if i == len(names)-1 {
			comma = ""
		}
		w.line(".BR %s (1)%s", escape(name), comma)
	}
}

// spec sets flags in bold and their arguments in italics.
func spec(s string) string {
	words := strings.Fields(s)
	for i, word := range words {
		bare := strings.TrimSuffix(word, ",")
		font := `\fI`
		if strings.HasPrefix(bare, "-") {
			font = `\fB`
		}
		words[i] = font + escape(bare) + `\fR` + word[len(bare):]
	}
	return strings.Join(words, " ")
}

// escape makes a text safe for roff: nothing in it is a request or an escape,
// and hyphens can be pasted into a shell.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}

// quote is escape for one argument of a macro.
func quote(s string) string { return `"` + strings.ReplaceAll(escape(s), `"`, `\(dq`) + `"` }

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
