package extcap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// An Installer puts the program and what belongs to it where Wireshark finds
// it, and takes it out again.
type Installer struct {
	Folders
	Executable string    // path of the running program
	Dissector  string    // the Lua dissector; empty: none to install
	Out        io.Writer // gets a line for each file
}

// An item is a file to install.
type item struct {
	name    string   // of the installed file
	sources []string // where it may lie, best first
	content string   // instead of a source
	dirs    []string // where it goes
	mode    fs.FileMode
}

// items lists everything that is installed. What has no source at hand is
// left out, but for the program itself.
func (i Installer) items(global bool) []item {
	list := []item{
		{name: i.exe("pqiot-extcap"), sources: []string{i.Executable}, dirs: i.Extcap(global), mode: 0o755},
		{name: i.exe(SimulatorName), sources: i.simulators(), dirs: []string{i.Support(global)}, mode: 0o755},
		{name: DissectorName, content: i.Dissector, dirs: i.Plugins(global), mode: 0o644},
	}
	if rules := i.UdevRules(); global && rules != "" {
		list = append(list, item{name: UdevRuleName, content: UdevRule(), dirs: []string{rules}, mode: 0o644})
	}
	return list
}

// DissectorName is the dissector's file in Wireshark's plugin folder.
const DissectorName = "pqiot.lua"

// SimulatorName is the program that plays a board, for pinecone-sim.
const SimulatorName = "pqiot-board-sniffer"

// Simulator finds the program that plays a board; empty if it is nowhere.
func (i Installer) Simulator() string {
	for _, path := range i.simulators() {
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

func (i Installer) simulators() []string {
	name := i.exe(SimulatorName)
	paths := []string{
		filepath.Join(filepath.Dir(i.Executable), name),
		filepath.Join(i.Support(false), name),
		filepath.Join(i.Support(true), name),
	}
	for _, dir := range filepath.SplitList(i.Getenv("PATH")) {
		if filepath.IsAbs(dir) {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths
}

func (i Installer) exe(name string) string {
	if i.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

// Install copies every item into its folders and says each path. It goes on
// after an error and returns all of them.
func (i Installer) Install(global bool) error {
	var errs []error
	for _, it := range i.items(global) {
		content, source, err := it.read()
		if errors.Is(err, fs.ErrNotExist) && it.name != i.exe("pqiot-extcap") {
			fmt.Fprintf(i.Out, "left out   %s: it does not lie beside this program\n", it.name)
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, dir := range it.dirs {
			errs = append(errs, i.put(filepath.Join(dir, it.name), source, content, it.mode))
		}
	}
	return errors.Join(errs...)
}

// read gives the content of an item, and where it came from.
func (it item) read() (content []byte, source string, err error) {
	if it.content != "" {
		return []byte(it.content), "", nil
	}
	for _, source := range it.sources {
		content, err := os.ReadFile(source)
		if !errors.Is(err, fs.ErrNotExist) {
			return content, source, err
		}
	}
	return nil, "", fs.ErrNotExist
}

// put writes one file, unless it holds the same already.
func (i Installer) put(path, source string, content []byte, mode fs.FileMode) error {
	old, err := os.ReadFile(path)
	st, serr := os.Stat(path)
	if err == nil && serr == nil && bytes.Equal(old, content) && st.Mode().Perm()&0o111 == mode&0o111 {
		fmt.Fprintf(i.Out, "up to date %s\n", path)
		return nil
	}
	if source != "" && sameFile(source, path) {
		return nil // it is what is being copied
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return i.denied(err)
	}
	if err := replaceFile(path, content, mode); err != nil {
		return i.denied(err)
	}
	fmt.Fprintf(i.Out, "installed  %s\n", path)
	return nil
}

// replaceFile writes a file beside the old one and renames it: a program that
// runs cannot be written over, and a half-written one must not be found.
func replaceFile(path string, content []byte, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".pqiot-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Chmod(tmp.Name(), mode); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// denied adds to a refused permission how to get it.
func (i Installer) denied(err error) error {
	if errors.Is(err, fs.ErrPermission) && i.GOOS != "windows" {
		return fmt.Errorf("%w; for all users, type: sudo %s install --global", err, i.Executable)
	}
	return err
}

func sameFile(a, b string) bool {
	sa, err1 := os.Stat(a)
	sb, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(sa, sb)
}

// Uninstall removes what Install put there, and says each path.
func (i Installer) Uninstall(global bool) error {
	var errs []error
	found := false
	for _, it := range i.items(global) {
		for _, dir := range it.dirs {
			path := filepath.Join(dir, it.name)
			switch err := os.Remove(path); {
			case err == nil:
				found = true
				fmt.Fprintf(i.Out, "removed    %s\n", path)
			case !errors.Is(err, fs.ErrNotExist):
				found = true
				errs = append(errs, i.denied(err))
			}
		}
	}
	if err := os.Remove(i.Support(global)); err == nil {
		fmt.Fprintf(i.Out, "removed    %s\n", i.Support(global))
	}
	if !found {
		fmt.Fprintln(i.Out, "nothing was installed")
	}
	return errors.Join(errs...)
}
