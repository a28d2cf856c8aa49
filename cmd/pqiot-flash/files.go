package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pqiot/firmware/flash"
	"pqiot/firmware/flash/image"
)

// target is a file and where it is to go: an address, or a partition whose
// address a partition table tells.
type target struct {
	flash.File
	partition string
}

// readTargets reads FILE@ADDR, FILE@PARTITION, an SDK project's folder or its
// flash_prog_cfg.ini.
func (a *app) readTargets(args []string) (out []target, err error) {
	for _, arg := range args {
		config := configPath(arg)
		if config != "" {
			found, err := a.readConfig(config)
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
			continue
		}
		at := strings.LastIndexByte(arg, '@')
		if at <= 0 || at == len(arg)-1 {
			return nil, badUse("%q: say where the file goes, as FILE@ADDRESS (or FILE@PARTITION); a folder must hold %s", arg, image.ConfigName)
		}
		t, err := a.readTarget(arg[:at], arg[at+1:])
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// configPath is the ini file that an argument means, or "".
func configPath(arg string) string {
	if filepath.Base(arg) == image.ConfigName || filepath.Ext(arg) == ".ini" {
		return arg
	}
	inside := filepath.Join(arg, image.ConfigName)
	if st, err := os.Stat(inside); err == nil && st.Mode().IsRegular() {
		return inside
	}
	return ""
}

func (a *app) readTarget(path, where string) (target, error) {
	t := target{File: flash.File{Name: path}}
	addr, err := image.ParseNumber(where)
	switch {
	case err == nil:
		t.Addr = addr
	case where[0] >= '0' && where[0] <= '9':
		return t, badUse("%s@%s: %w", path, where, err)
	default:
		t.partition = where
	}
	return t, a.load(&t)
}

// load reads the file and refuses damaged images.
func (a *app) load(t *target) (err error) {
	if t.Data, err = readFile(t.Name, maxImageFile); err != nil || a.opt.force {
		return err
	}
	if image.IsELF(t.Data) {
		return badUse("%s is an ELF file, which the chip does not boot: name the .bin that the build makes of it (inspect shows what it loads)", t.Name)
	}
	if err := checkImage(t.Data); err != nil {
		return badUse("%s: %w: build it again (inspect shows all of it; --force writes it as it is)", t.Name, err)
	}
	return nil
}

// checkImage refuses images and tables that are damaged. What is neither is
// raw data.
func checkImage(b []byte) error {
	m, err := image.ParseImage(b)
	if err == nil {
		return m.Err()
	}
	if !errors.Is(err, image.ErrMagic) {
		return err
	}
	if _, err = image.ParseTable(b); err != nil && !errors.Is(err, image.ErrMagic) {
		return err
	}
	return nil
}

// readConfig reads the files of an SDK project.
func (a *app) readConfig(path string) (out []target, err error) {
	b, err := readFile(path, 1<<16)
	if err != nil {
		return nil, err
	}
	c, err := image.ParseConfig(b)
	if err != nil {
		return nil, badUse("%s: %w", path, err)
	}
	if c.Erase == image.EraseChip {
		a.say("%s asks for a chip erase, which would take keys and settings along: only what must be written is erased (erase --chip erases all)", path)
	}
	for _, f := range c.Files {
		t := target{File: flash.File{Addr: f.Address}}
		if f.ByPartition {
			t.partition = f.Name
		}
		if t.Name, err = f.Find(filepath.Dir(path)); err != nil {
			return nil, badUse("%s: %w", path, err)
		}
		if err := a.load(&t); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// resolve gives every file its address. table is called once, if a partition
// name needs it that no table among the files knows.
func resolve(targets []target, table func() (image.Table, bool, error)) ([]flash.File, error) {
	var files, numbered []flash.File
	for _, t := range targets {
		if t.partition == "" {
			numbered = append(numbered, t.File)
		}
	}
	tab, ok := flash.TableIn(numbered)
	for _, t := range targets {
		if t.partition != "" {
			if !ok {
				var err error
				if tab, ok, err = table(); err != nil {
					return nil, err
				}
			}
			if !ok {
				return nil, badUse("%s@%s: there is no partition table, neither among the files nor on the board; give the address", t.Name, t.partition)
			}
			e, found := tab.Lookup(t.partition)
			if !found {
				return nil, badUse("%s@%s: no such partition; there are %s", t.Name, t.partition, tab.Names())
			}
			t.Addr, _ = e.Range()
		}
		files = append(files, t.File)
	}
	return files, nil
}

// offline has no board to ask.
func offline() (image.Table, bool, error) { return image.Table{}, false, nil }

// planOffline checks what can be checked without a board; nil if a partition's
// address is not known yet.
func (a *app) planOffline(targets []target) (*flash.Plan, error) {
	files, err := resolve(targets, offline)
	if err != nil {
		return nil, nil // the board may know
	}
	if t, ok := flash.TableIn(files); ok && !a.opt.force {
		if err := flash.CheckFit(files, t); err != nil {
			return nil, forceable(err)
		}
	}
	return flash.NewPlan(files, maxImageFile)
}

// planFor checks the files against the board: its flash, its partitions, its
// keys and settings.
func (a *app) planFor(b *flash.Board, targets []target, writing bool) (*flash.Plan, error) {
	onBoard, ok, err := b.Partitions()
	if err != nil {
		return nil, err
	}
	files, err := resolve(targets, func() (image.Table, bool, error) { return onBoard, ok, nil })
	if err != nil {
		return nil, err
	}
	if ok && writing && !a.opt.force {
		for _, f := range files {
			if err := flash.Guard(f.Name, flash.Range{Addr: f.Addr, Length: uint32(len(f.Data))}, onBoard); err != nil {
				return nil, forceable(err)
			}
		}
		fits := onBoard
		if t, ok := flash.TableIn(files); ok {
			fits = t
		}
		if err := flash.CheckFit(files, fits); err != nil {
			return nil, forceable(err)
		}
	}
	return flash.NewPlan(files, b.Flash().Size())
}

func forceable(err error) error { return fmt.Errorf("%w (--force does it all the same)", err) }
