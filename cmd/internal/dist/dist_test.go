package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Each version sorts after the one before it, by Debian's own judgement.
func TestDebVersion(t *testing.T) {
	versions := []struct{ git, deb string }{
		{"4ba599a", "0~20260102.0304.4ba599a"},
		{"4ba599a-dirty", "0~20260102.0304.4ba599a+dirty"},
		{"v0.1.0-rc1", "0.1.0~rc1"},
		{"v0.1.0-rc1-2-gabc1234", "0.1.0~rc1+2.gabc1234"},
		{"v0.1.0", "0.1.0"},
		{"v0.1.0-9-gabc1234", "0.1.0+9.gabc1234"},
		{"v0.1.0-10-gabc1234", "0.1.0+10.gabc1234"},
		{"v0.1.0-10-gabc1234-dirty", "0.1.0+10.gabc1234+dirty"},
		{"v0.10.0", "0.10.0"},
	}
	for i, v := range versions {
		got := debVersion(v.git, at)
		if got != v.deb {
			t.Errorf("%s: %s, want %s", v.git, got, v.deb)
		}
		if i == 0 {
			continue
		}
		if _, err := exec.LookPath("dpkg"); err != nil {
			t.Log("dpkg is not here")
		} else if err := exec.Command("dpkg", "--compare-versions", versions[i-1].deb, "lt", got).Run(); err != nil {
			t.Errorf("%s is not before %s: %v", versions[i-1].deb, got, err)
		}
	}
}

func tree() []entry {
	return []entry{
		{name: "bin/a", mode: 0o755, data: []byte("program")},
		{name: "bin/b", link: "a"},
		file("share/c", bytes.Repeat([]byte("text "), 1000)),
	}
}

// pack writes an archive twice and requires the same bytes.
func pack(t *testing.T, write func(*os.File, string, []entry, time.Time) error, files []entry) []byte {
	t.Helper()
	var all [2][]byte
	for i := range all {
		f, err := os.Create(filepath.Join(t.TempDir(), "x"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := write(f, "top", files, at); err != nil {
			t.Fatal(err)
		}
		if all[i], err = os.ReadFile(f.Name()); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(all[0], all[1]) {
		t.Error("two runs differ")
	}
	return all[0]
}

func TestTarGz(t *testing.T) {
	z, err := gzip.NewReader(bytes.NewReader(pack(t, writeTarGz, tree())))
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(z)
	for _, want := range tree() {
		h, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(data, want.data) || h.Name != "top/"+want.name || h.Linkname != want.link || !h.ModTime.Equal(at) || h.Uid != 0 {
			t.Errorf("%+v %v", h, err)
		}
		if want.link == "" && h.FileInfo().Mode().Perm() != want.mode {
			t.Errorf("%s has mode %v", h.Name, h.FileInfo().Mode())
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("more than the tree: %v", err)
	}
}

func TestZip(t *testing.T) {
	files := []entry{tree()[0], tree()[2]}
	b := pack(t, writeZip, files)
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil || len(r.File) != len(files) {
		t.Fatal(err, r)
	}
	for i, f := range r.File {
		o, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(o)
		if err != nil || !bytes.Equal(data, files[i].data) || f.Name != "top/"+files[i].name || !f.Modified.Equal(at) || f.Mode().Perm() != files[i].mode {
			t.Errorf("%+v %v", f.FileHeader, err)
		}
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if writeZip(f, "top", tree(), at) == nil {
		t.Error("a link in a zip is no error")
	}
}

func TestRefused(t *testing.T) {
	if _, err := finish([]entry{file("a", nil), file("b", nil), file("a", nil)}); err == nil {
		t.Error("a file that is there twice is no error")
	}
	r := release{manual: t.TempDir()}
	for _, name := range []string{"pqiot-a.1", "pqiot-other.1"} {
		if err := os.MkdirAll(filepath.Join(r.manual, "man"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(r.manual, "man", name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := r.manualFiles("man", "m", map[string]bool{"pqiot-a": true})
	if err != nil || len(files) != 1 || files[0].name != "m/pqiot-a.1" {
		t.Errorf("%v %v", files, err)
	}
	if _, err := r.manualFiles("man", "m", map[string]bool{"pqiot-a": true, "pqiot-b": true}); err == nil {
		t.Error("a program without a page is no error")
	}
	if err := r.make(); err == nil {
		t.Error("no version is no error")
	}
	if err := notice(&bytes.Buffer{}, "x", t.TempDir()); err == nil {
		t.Error("a module without a licence is no error")
	}
}

// The newest version counts as numbers, not as text; a static program needs
// none.
func TestLibc(t *testing.T) {
	if numbers("2.34")[1] != 34 {
		t.Error("numbers")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/bin/cat"); runtime.GOOS != "linux" || err != nil {
		t.Skip("no /bin/cat here")
	}
	v, err := libcNeeded([]binary{{"cat", "/bin/cat"}, {"self", self}})
	if err != nil || !strings.HasPrefix(v, "2.") || numbers(v)[1] < 4 {
		t.Errorf("cat needs glibc %q, %v", v, err)
	}
	if _, err := libcNeeded([]binary{{"bash", "/bin/bash"}}); err == nil {
		t.Errorf("a program that needs another library: %v", err)
	}
	if _, err := libcNeeded([]binary{{"x", "dist_test.go"}}); err == nil {
		t.Error("a text is no error")
	}
}
