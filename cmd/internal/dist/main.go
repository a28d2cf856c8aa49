// Command dist makes what a release consists of: an archive for each platform,
// Debian packages, and their SHA256SUMS. From the same commit and toolchain it
// makes the same bytes. "make dist" calls it, after the man pages and
// completions (package manual) and the simulated boards were made.
//
//	platform.go   what is built for whom
//	tree.go       which files go where
//	archive.go    tar.gz and zip
//	deb.go        the Debian package, by dpkg-deb; debian/ has its texts
//	notices.go    the licences of what is linked in
package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// release is what all products of one run share.
type release struct {
	version    string    // as git describe gives it
	time       time.Time // of every file
	maintainer string    // of the Debian packages
	manual     string    // folder with man pages and completions
	boards     string    // folder with the simulated boards of this machine; may be empty
	work       string    // folder for binaries and staging
	out        string    // folder of the products
	only       string    // platforms, commas between; empty: all
	licence    string    // of what the boards have linked in; may be empty
	notices    []byte
}

func main() {
	var r release
	var epoch int64
	flag.StringVar(&r.version, "version", "", "`VERSION`, as git describe gives it")
	flag.Int64Var(&epoch, "epoch", 0, "time of every file, `SECONDS` since 1970")
	flag.StringVar(&r.maintainer, "maintainer", "", "`NAME <ADDRESS>` of the Debian packages' maintainer")
	flag.StringVar(&r.manual, "manual", "build/manual", "`DIR` with man pages and completions")
	flag.StringVar(&r.boards, "boards", "build/dist/boards", "`DIR` with the simulated boards of this machine")
	flag.StringVar(&r.only, "only", "", "`PLATFORMS` to make, such as linux-amd64,windows-amd64; all if empty")
	flag.StringVar(&r.licence, "licence", "", "`FILE` with the licence of what the boards have linked in")
	flag.StringVar(&r.work, "work", "build/dist", "`DIR` for work")
	flag.StringVar(&r.out, "o", "dist", "`DIR` for the products")
	flag.Parse()
	r.time = time.Unix(epoch, 0).UTC()
	if err := r.make(); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(2)
	}
}

// make builds everything for every platform and says each product.
func (r *release) make() error {
	if r.version == "" || r.maintainer == "" || r.time.Unix() <= 0 {
		return errors.New("-version, -maintainer and -epoch are needed")
	}
	if err := errors.Join(os.RemoveAll(r.out), os.MkdirAll(r.out, 0o755)); err != nil {
		return err
	}
	var err error
	if r.notices, err = notices(); err != nil {
		return err
	}
	if r.licence != "" {
		text, err := os.ReadFile(r.licence)
		if err != nil {
			return err
		}
		r.notices = fmt.Appendf(r.notices, "\n==== linked into the simulated boards: %s\n\n%s", r.licence, text)
	}
	made := 0
	for _, p := range platforms() {
		if r.only != "" && !slices.Contains(strings.Split(r.only, ","), p.name()) {
			continue
		}
		if err := r.platform(p); err != nil {
			return fmt.Errorf("%s: %w", p.name(), err)
		}
		made++
	}
	if made == 0 {
		return fmt.Errorf("-only %s: no such platform", r.only)
	}
	return r.sums()
}

func (r *release) platform(p platform) error {
	bins, err := r.build(p)
	if err != nil {
		return err
	}
	files, err := r.archiveTree(p, bins)
	if err != nil {
		return err
	}
	name := "pqiot-" + r.version + "-" + p.name()
	write, suffix := writeTarGz, ".tar.gz"
	if p.goos == "windows" {
		write, suffix = writeZip, ".zip"
	}
	if err := r.create(name+suffix, func(f *os.File) error { return write(f, name, files, r.time) }); err != nil {
		return err
	}
	if p.deb == "" {
		return nil
	}
	return r.debPackage(p, bins)
}

// create writes one product and says so.
func (r *release) create(name string, write func(*os.File) error) error {
	f, err := os.Create(filepath.Join(r.out, name))
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	return r.say(name)
}

func (r *release) say(name string) error {
	st, err := os.Stat(filepath.Join(r.out, name))
	if err != nil {
		return err
	}
	fmt.Printf("%s  %.1f MB\n", filepath.Join(r.out, name), float64(st.Size())/1e6)
	return nil
}

// sums writes SHA256SUMS of all products, in sha256sum's form.
func (r *release) sums() error {
	list, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var lines []string
	for _, e := range list {
		b, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(b), e.Name()))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	return r.create("SHA256SUMS", func(f *os.File) error {
		_, err := f.WriteString(strings.Join(lines, ""))
		return err
	})
}
