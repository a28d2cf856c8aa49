// Command manual writes man pages and shell completions of programs from what
// the programs say of themselves, so that neither can grow stale:
//
//	OUT/man/NAME.1                        from --help, of each subcommand too
//	OUT/{bash/NAME,zsh/_NAME,fish/NAME.fish}   from "completion", where there is one
//
// A new program needs nothing here: whatever prints a help text in cobra's form,
// or in that of the boards in C, is understood. What a help text does not hold
// (files, examples) may stand in extra/NAME.man and is appended.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// callTimeout bounds one call of a program; help takes milliseconds.
const callTimeout = 30 * time.Second

func main() {
	out := flag.String("o", "build/manual", "write below `DIR`")
	date := flag.String("date", "", "`DATE` of the pages, YYYY-MM-DD")
	version := flag.String("version", "unknown", "`VERSION` in the pages")
	flag.Parse()
	if flag.NArg() == 0 {
		fail(errors.New("name the programs"))
	}
	for _, path := range flag.Args() {
		if err := write(path, *out, *date, *version, flag.Args()); err != nil {
			fail(fmt.Errorf("%s: %w", path, err))
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "manual:", err)
	os.Exit(2)
}

// write makes all files of one program.
func write(path, out, date, version string, all []string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	h, err := ask(abs, filepath.Base(path))
	if err != nil {
		return err
	}
	p := page{Help: h, Name: filepath.Base(path), Date: date, Version: version, Extra: extra(filepath.Base(path))}
	for _, other := range all {
		if name := filepath.Base(other); name != p.Name {
			p.SeeAlso = append(p.SeeAlso, name)
		}
	}
	if p.Short, err = short(p.Name, h); err != nil {
		return err
	}
	if strings.HasSuffix(p.Name, "-extcap") {
		if p.Capture, err = captureOptions(abs); err != nil {
			return err
		}
	}
	files := map[string][]byte{filepath.Join("man", p.Name+".1"): p.roff()}
	if err := completions(abs, p, files); err != nil {
		return err
	}
	for name, content := range files {
		name = filepath.Join(out, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// run calls a program and gives its stdout; any other end than success, and
// silence, is an error.
func run(path string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	var errs bytes.Buffer
	c := exec.CommandContext(ctx, path, args...)
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	if len(bytes.TrimSpace(out)) == 0 {
		return "", fmt.Errorf("%s printed nothing", strings.Join(args, " "))
	}
	return string(out), nil
}

// ask reads the help of a program, and of each of its subcommands.
func ask(path, name string, sub ...string) (help, error) {
	text, err := run(path, append(sub[:len(sub):len(sub)], "--help")...)
	if err != nil {
		return help{}, err
	}
	h := parseHelp(text)
	if len(h.Usage) == 0 {
		return h, fmt.Errorf("%s --help has no Usage", strings.Join(append([]string{name}, sub...), " "))
	}
	for i, c := range h.Commands {
		more, err := ask(path, name, append(sub[:len(sub):len(sub)], c.Name)...)
		if err != nil {
			return h, err
		}
		h.Commands[i].Help = more
	}
	return h, nil
}

// short gives the line for whatis(1): that of a Go program stands in its package
// comment, that of a C program is the first sentence of its help.
func short(name string, h help) (string, error) {
	text := ""
	if dir := filepath.Join("cmd", name); exists(dir) {
		out, err := run("go", "list", "-f", "{{.Doc}}", "./"+dir)
		if err != nil {
			return "", err
		}
		text = strings.TrimPrefix(strings.TrimSpace(out), "Command "+name+" ")
		text = strings.TrimPrefix(text, "is ")
	} else if len(h.Text) > 0 {
		text = strings.Join(h.Text[0], " ")
	}
	text, _, _ = strings.Cut(text, ". ")
	text, _, _ = strings.Cut(text, ": ")
	text = strings.TrimSuffix(text, ".")
	if text == "" {
		return "", errors.New("has no line that says what it is")
	}
	return text, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
