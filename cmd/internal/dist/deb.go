package main

import (
	"crypto/md5"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

//go:embed debian/copyright
var copyright []byte

//go:embed debian/description
var description string

// debPackage stages the files and has dpkg-deb pack them.
func (r *release) debPackage(p platform, bins []binary) error {
	files, err := r.debTree(p, bins)
	if err != nil {
		return err
	}
	root := filepath.Join(r.work, "deb-"+p.deb)
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	var size int64
	var sums strings.Builder
	for _, f := range files {
		if err := stage(root, f); err != nil {
			return err
		}
		if f.link == "" {
			size += int64(len(f.data)+1023) / 1024
			fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(f.data), f.name)
		}
	}
	control, err := r.control(p, bins, size)
	if err != nil {
		return err
	}
	for name, text := range map[string]string{"DEBIAN/control": control, "DEBIAN/md5sums": sums.String()} {
		if err := stage(root, file(name, []byte(text))); err != nil {
			return err
		}
	}
	name := fmt.Sprintf("pqiot_%s_%s.deb", debVersion(r.version, r.time), p.deb)
	c := exec.Command("dpkg-deb", "--build", "--root-owner-group", "-Zxz", root, filepath.Join(r.out, name))
	c.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.time.Unix()))
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("dpkg-deb: %w: %s", err, out)
	}
	return r.say(name)
}

// stage writes one file below root, whatever the umask.
func stage(root string, f entry) error {
	name := filepath.Join(root, filepath.FromSlash(f.name))
	for dir := path.Dir(f.name); ; dir = path.Dir(dir) {
		full := filepath.Join(root, filepath.FromSlash(dir))
		if err := errors.Join(os.MkdirAll(full, 0o755), os.Chmod(full, 0o755)); err != nil {
			return err
		}
		if dir == "." {
			break
		}
	}
	if f.link != "" {
		return os.Symlink(f.link, name)
	}
	return errors.Join(os.WriteFile(name, f.data, f.mode), os.Chmod(name, f.mode))
}

// control is the package's description for dpkg; size is in KiB.
func (r *release) control(p platform, bins []binary, size int64) (string, error) {
	depends := ""
	libc, err := libcNeeded(bins)
	if err != nil {
		return "", err
	}
	if libc != "" {
		depends = "Depends: libc6 (>= " + libc + ")\n"
	}
	return fmt.Sprintf("Package: pqiot\nVersion: %s\nArchitecture: %s\nMaintainer: %s\nInstalled-Size: %d\n%s"+
		"Recommends: wireshark | tshark\nSection: net\nPriority: optional\n%s",
		debVersion(r.version, r.time), p.deb, r.maintainer, size, depends, description), nil
}

// debChangelog has one entry: what changed stands in CHANGELOG.md beside it.
func (r *release) debChangelog() []byte {
	return fmt.Appendf(nil, "pqiot (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n",
		debVersion(r.version, r.time), r.maintainer, r.time.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
}

// overrides tells lintian that Go's programs are static on purpose.
func overrides(bins []binary) []byte {
	text := "# Go programs built without cgo: static, so that one package fits every Debian and Ubuntu.\n"
	for _, b := range bins {
		if !strings.HasPrefix(b.name, "pqiot-board-") {
			text += "pqiot: statically-linked-binary [usr/bin/" + b.name + "]\n"
		}
	}
	return []byte(text)
}

var (
	// described is a version between two tags: TAG-COMMITS-gHASH.
	described = regexp.MustCompile(`^(.+)-(\d+)-g([0-9a-f]+)$`)
	// allowed in a version of a native package are letters, digits and these.
	notAllowed = regexp.MustCompile(`[^A-Za-z0-9.+~]`)
)

// debVersion turns what git describe says into a version that sorts as Debian
// sorts: v0.2.0-rc1 before v0.2.0 before v0.2.0-3-gabc. A bare hash, of a
// repository without tags, sorts before all of them and by its time.
func debVersion(v string, at time.Time) string {
	v, dirty := strings.CutSuffix(v, "-dirty")
	v, tagged := strings.CutPrefix(v, "v")
	after := ""
	if m := described.FindStringSubmatch(v); m != nil {
		v, after = m[1], "+"+m[2]+".g"+m[3]
	}
	if !tagged {
		v = "0~" + at.Format("20060102.1504") + "." + v
	}
	v = strings.Replace(v, "-", "~", 1) + after // a pre-release
	if dirty {
		v += "+dirty"
	}
	return notAllowed.ReplaceAllString(v, ".")
}
