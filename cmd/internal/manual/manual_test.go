package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// program puts a program into a folder that prints a help text, and knows no
// other argument.
func program(t *testing.T, name, help string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	script := "#!/bin/sh\ncase \"$*\" in\n--help) cat <<'END'\n" + help + "END\n;;\n" +
		"'go --help') printf 'go there\\n\\nUsage:\\n  pqiot-thing go [flags]\\n\\nFlags:\\n      --far   as far as it goes\\n';;\n" +
		"'completion '*) case " + name + " in *bad) exit 1;; esac; echo \"# $2 completion for " + name + "\";;\n*) exit 2;;\nesac\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Pages and completions of both forms of help, byte by byte.
func TestGolden(t *testing.T) {
	for name, text := range map[string]string{"pqiot-thing": "cobra", "pqiot-board-thing": "board"} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			path := program(t, name, read(t, "testdata/"+text+".txt"))
			if err := write(path, out, "2026-01-02", "1.2.3", []string{path, "bin/pqiot-other"}); err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{"man/" + name + ".1", "bash/" + name, "zsh/_" + name, "fish/" + name + ".fish"} {
				got := read(t, filepath.Join(out, file))
				golden := filepath.Join("testdata", strings.ReplaceAll(file, "/", "-")+".golden")
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				if want := read(t, golden); got != want {
					t.Errorf("%s differs from %s:\n%s", file, golden, got)
				}
			}
		})
	}
}

// man says nothing about any page, mandoc neither.
func TestLint(t *testing.T) {
	pages, err := filepath.Glob("testdata/man-*.golden")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for tool, args := range map[string][]string{
		"man":    {"--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"},
		"mandoc": {"-Tlint", "-Wwarning"},
	} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Logf("%s is not here", tool)
			continue
		}
		for _, page := range pages {
			c := exec.Command(tool, append(args[:len(args):len(args)], page)...)
			var said strings.Builder
			c.Stderr = &said
			out, err := c.Output()
			if tool == "mandoc" {
				said.Write(out) // it has nothing else to print
			}
			if err != nil || said.Len() > 0 {
				t.Errorf("%s %s: %v\n%s", tool, page, err, said.String())
			}
		}
	}
}

// A program that fails, says nothing, or has no usage makes no page.
func TestRefused(t *testing.T) {
	for name, text := range map[string]string{"silent": "", "no usage": "A thing.\n", "no options": "Usage: x\n\nA thing.\n",
		"no completion": "A thing.\n\nUsage:\n  x [flags]\n"} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			if err := write(program(t, "pqiot-bad", text), out, "", "", nil); err == nil {
				t.Error("no error")
			}
			if left, _ := os.ReadDir(out); len(left) > 0 {
				t.Errorf("wrote %v", left)
			}
		})
	}
	if err := write(filepath.Join(t.TempDir(), "none"), t.TempDir(), "", "", nil); err == nil {
		t.Error("a missing program is no error")
	}
}

func TestSentences(t *testing.T) {
	g := sentences("arg {number=0}{call=--port}{display=Port}{tooltip=Where.}{type=selector}{group=A}\n" +
		"value {arg=0}{value=auto}{display=x}{default=true}\n" +
		"arg {number=1}{call=--no-beacons}{display=None}{tooltip=Of them.}{type=boolflag}{default=false}{group=A}\n" +
		"arg {number=2}{call=--log-file}{display=Log}{tooltip=Kept.}{type=fileselect}{group=B}\n")
	want := []group{
		{Title: "A", Options: []option{{"--port PORT", "Port. Where. (default auto)"}, {"--no-beacons", "None. Of them."}}},
		{Title: "B", Options: []option{{"--log-file LOG-FILE", "Log. Kept."}}},
	}
	if len(g) != len(want) {
		t.Fatalf("%+v", g)
	}
	for i := range want {
		if g[i].Title != want[i].Title || strings.Join(specs(g[i]), "|") != strings.Join(specs(want[i]), "|") {
			t.Errorf("group %d is %+v, want %+v", i, g[i], want[i])
		}
	}
}

func specs(g group) (all []string) {
	for _, o := range g.Options {
		all = append(all, o.Spec+" "+o.Text)
	}
	return all
}
