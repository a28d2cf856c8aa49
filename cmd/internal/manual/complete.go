package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

// completions adds the completion files of a program: those that it writes
// itself, as every program with cobra does, or else a plain list of options.
func completions(path string, p page, files map[string][]byte) error {
	for shell, name := range map[string]string{"bash": p.Name, "zsh": "_" + p.Name, "fish": p.Name + ".fish"} {
		text := ""
		if p.cobra() {
			var err error
			if text, err = run(path, "completion", shell); err != nil {
				return err
			}
		} else if text = listed(shell, p); text == "" {
			return fmt.Errorf("%s: no options in its help to complete", p.Name)
		}
		files[filepath.Join(shell, name)] = []byte(text)
	}
	return nil
}

// cobra reports whether the help is of that library, which ends the usage so.
func (p page) cobra() bool {
	for _, line := range p.Usage {
		if strings.HasSuffix(line, " [flags]") {
			return true
		}
	}
	return false
}

// flagOf is one option for a shell.
type flagOf struct {
	name  string // with its dashes
	value string // name of the argument; empty if there is none
	about string
}

// flags lists the options of a page one by one.
func (p page) flags() (list []flagOf) {
	for _, g := range p.Groups {
		for _, o := range g.Options {
			var names []string
			value := ""
			for word := range strings.FieldsSeq(strings.ReplaceAll(o.Spec, ",", " ")) {
				if strings.HasPrefix(word, "-") {
					names = append(names, word)
				} else {
					value = word
				}
			}
			for _, name := range names {
				list = append(list, flagOf{name, value, o.Text})
			}
		}
	}
	return list
}

// listed writes completions from the options in the help.
func listed(shell string, p page) string {
	flags := p.flags()
	if len(flags) == 0 {
		return ""
	}
	switch shell {
	case "bash":
		return bash(p.Name, flags)
	case "zsh":
		return zsh(p.Name, flags)
	}
	return fish(p.Name, flags)
}

func bash(name string, flags []flagOf) string {
	words := make([]string, len(flags))
	for i, f := range flags {
		words[i] = f.name
	}
	function := "_" + strings.ReplaceAll(name, "-", "_")
	return fmt.Sprintf(`# bash completion for %s
%s() {
	COMPREPLY=()
	if [[ ${COMP_WORDS[COMP_CWORD]} == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "%s" -- "${COMP_WORDS[COMP_CWORD]}")
	fi
}
complete -o default -F %s %s
`, name, function, strings.Join(words, " "), function, name)
}

func zsh(name string, flags []flagOf) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %s\n# zsh completion for %s\n_arguments \\\n", name, name)
	safe := strings.NewReplacer("'", "", "[", "(", "]", ")", ":", " ", `\`, "")
	for _, f := range flags {
		value := ""
		if f.value != "" {
			value = ":" + safe.Replace(f.value) + ":_files"
		}
		fmt.Fprintf(&b, "  '%s[%s]%s' \\\n", f.name, safe.Replace(f.about), value)
	}
	b.WriteString("  '*:file:_files'\n")
	return b.String()
}

func fish(name string, flags []flagOf) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# fish completion for %s\n", name)
	safe := strings.NewReplacer("'", "", `\`, "")
	for _, f := range flags {
		kind, argument := "-s", ""
		if strings.HasPrefix(f.name, "--") {
			kind = "-l"
		}
		if f.value != "" {
			argument = " -r"
		}
		fmt.Fprintf(&b, "complete -c %s %s %s%s -d '%s'\n", name, kind, strings.TrimLeft(f.name, "-"), argument, safe.Replace(f.about))
	}
	return b.String()
}
