package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pqiot/firmware/lab/air"
)

// scenario plays a scenario into a file.
func scenario(t *testing.T, path, name string) {
	t.Helper()
	for _, s := range air.Scenarios() {
		if s.Name != name {
			continue
		}
		w, err := s.Play(1, false)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		out, err := air.NewWriter(&b, time.Unix(1_750_000_000, 0))
		if err != nil {
			t.Fatal(err)
		}
		heard, _ := w.Capture()
		for _, h := range heard {
			if err := out.Write(h); err != nil {
				t.Fatal(err)
			}
		}
		if err := out.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no scenario %q", name)
}

func command(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// names in a folder, without what was there before.
func names(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestHTML(t *testing.T) {
	dir := t.TempDir()
	capture, page := filepath.Join(dir, "a&b<i>.pcapng"), filepath.Join(dir, "page.html")
	scenario(t, capture, "replay-burst")
	for range 2 { // the second time over the first page
		code, _, stderr := command("--html", page, "--quiet", capture)
		if code != exitAlerts || stderr != "" {
			t.Fatalf("exit %d: %s", code, stderr)
		}
	}
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`class="k-replay"`, "replay.datagram", "frame.number in {", "a&amp;b&lt;i&gt;.pcapng", "POST · handshake", " replayed</b>", `class="k-key"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if got := names(t, dir); got != "a&b<i>.pcapng page.html" {
		t.Errorf("the folder has %s", got)
	}
}

func TestHTMLRefused(t *testing.T) {
	dir := t.TempDir()
	capture, broken := filepath.Join(dir, "a.pcapng"), filepath.Join(dir, "b.pcapng")
	scenario(t, capture, "replay-burst")
	if err := os.WriteFile(broken, []byte("no capture"), 0o644); err != nil {
		t.Fatal(err)
	}
	was, err := os.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ page, input, says string }{
		"the capture itself": {capture, capture, "it is the capture to be read"},
		"a folder":           {dir, capture, "not a regular file"},
		"no such folder":     {filepath.Join(dir, "none", "x.html"), capture, "no such file"},
		"no capture":         {filepath.Join(dir, "x.html"), broken, "b.pcapng"},
	} {
		code, _, stderr := command("--html", c.page, "--quiet", c.input)
		if code != exitUnusable || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: exit %d, %s", name, code, stderr)
		}
	}
	if now, err := os.ReadFile(capture); err != nil || !bytes.Equal(now, was) {
		t.Errorf("the capture changed: %v", err)
	}
	if got := names(t, dir); got != "a.pcapng b.pcapng" {
		t.Errorf("the folder has %s", got)
	}
}
