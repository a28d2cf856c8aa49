package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pqiot/dissector"
	"pqiot/extcap"
	"pqiot/firmware/lab/sample"
)

// entry is a file of a product, or a symbolic link.
type entry struct {
	name string // with slashes
	mode fs.FileMode
	data []byte
	link string // target, of a symbolic link
}

// layout says where a product has its files.
type layout struct {
	bin, share, man, bash, zsh, fish string
	doc                              string
}

// archiveTree is what an archive holds: bin and share, to be copied below
// /usr/local or used where it is.
func (r *release) archiveTree(p platform, bins []binary) ([]entry, error) {
	l := layout{bin: "bin", share: "share/pqiot"}
	if p.goos != "windows" {
		l.man, l.bash = "share/man/man1", "share/bash-completion/completions"
		l.zsh, l.fish = "share/zsh/site-functions", "share/fish/vendor_completions.d"
	}
	files, err := r.common(l, bins)
	if err != nil {
		return nil, err
	}
	files = append(files, file(path.Join(l.share, dissector.Name), []byte(dissector.Script())))
	if p.goos == "linux" {
		files = append(files, file(path.Join(l.share, extcap.UdevRuleName), []byte(extcap.UdevRule())))
	}
	return finish(files)
}

// debTree is what the Debian package holds.
func (r *release) debTree(p platform, bins []binary) ([]entry, error) {
	files, err := r.common(layout{
		bin: "usr/bin", share: "usr/share/pqiot", man: "usr/share/man/man1",
		bash: "usr/share/bash-completion/completions", zsh: "usr/share/zsh/vendor-completions",
		fish: "usr/share/fish/vendor_completions.d", doc: "usr/share/doc/pqiot",
	}, bins)
	if err != nil {
		return nil, err
	}
	wireshark := "usr/lib/" + p.triplet + "/wireshark"
	files = append(files,
		entry{name: wireshark + "/extcap/pqiot-extcap", link: "../../../../bin/pqiot-extcap"},
		file(wireshark+"/plugins/"+dissector.Name, []byte(dissector.Script())),
		file("usr/lib/udev/rules.d/"+extcap.UdevRuleName, []byte(extcap.UdevRule())),
		file("usr/share/lintian/overrides/pqiot", overrides(bins)),
		file("usr/share/doc/pqiot/copyright", copyright),
		file("usr/share/doc/pqiot/changelog", r.debChangelog()),
	)
	for i, f := range files {
		// Debian wants manuals, change logs and long texts packed.
		if strings.HasPrefix(f.name, "usr/share/man/") || strings.HasPrefix(f.name, "usr/share/doc/") && len(f.data) > 4096 || path.Base(f.name) == "changelog" {
			files[i].name += ".gz"
			files[i].data = gzipped(f.data)
		}
	}
	return finish(files)
}

// common lists what every product has.
func (r *release) common(l layout, bins []binary) (files []entry, err error) {
	names := map[string]bool{}
	for _, b := range bins {
		data, err := os.ReadFile(b.path)
		if err != nil {
			return nil, err
		}
		files = append(files, entry{name: path.Join(l.bin, b.name), mode: 0o755, data: data})
		names[strings.TrimSuffix(b.name, ".exe")] = true
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "LICENSE"} {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if name != "LICENSE" || l.doc == "" { // Debian has the text already
			files = append(files, file(path.Join(l.doc, name), data))
		}
	}
	files = append(files,
		file(path.Join(l.doc, "THIRD-PARTY.txt"), r.notices),
		file(path.Join(l.share, "colorfilters"), []byte(dissector.ColorFilters())),
		file(path.Join(l.share, "sample.pcapng"), sample.Capture),
		file(path.Join(l.share, "sample.keylog"), sample.KeyLog))
	for from, to := range map[string]string{"man": l.man, "bash": l.bash, "zsh": l.zsh, "fish": l.fish} {
		if to == "" {
			continue
		}
		more, err := r.manualFiles(from, to, names)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	return files, nil
}

// manualFiles takes the pages or completions of the programs that are in the
// product; a program without is an error.
func (r *release) manualFiles(from, to string, programs map[string]bool) (files []entry, err error) {
	list, err := os.ReadDir(filepath.Join(r.manual, from))
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		name := strings.TrimPrefix(e.Name(), "_")
		if name = strings.TrimSuffix(strings.TrimSuffix(name, ".1"), ".fish"); !programs[name] {
			continue
		}
		data, err := os.ReadFile(filepath.Join(r.manual, from, e.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, file(path.Join(to, e.Name()), data))
	}
	if len(files) != len(programs) {
		return nil, fmt.Errorf("%s/%s has %d files for %d programs", r.manual, from, len(files), len(programs))
	}
	return files, nil
}

func file(name string, data []byte) entry { return entry{name: name, mode: 0o644, data: data} }

// finish sorts a tree; two files of one name are an error.
func finish(files []entry) ([]entry, error) {
	slices.SortFunc(files, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(files); i++ {
		if files[i].name == files[i-1].name {
			return nil, fmt.Errorf("%s is there twice", files[i].name)
		}
	}
	return files, nil
}

// gzipped packs as gzip -9n does: no name, no time.
func gzipped(data []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	z.ModTime = time.Time{}
	z.Write(data) // to memory
	z.Close()
	return b.Bytes()
}
