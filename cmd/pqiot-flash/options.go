package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"pqiot/firmware/flash"
	"pqiot/firmware/flash/image"
)

// app is one call of the program and what it needs of the world.
type app struct {
	ctx            context.Context
	stdout, stderr io.Writer
	getenv         func(string) string
	dial           func(path string, baud int) (port, error)
	ports          func() ([]usbPort, error)
	clock          flash.Clock
	opt            options
	report         report
	bars           *bars
	sayMu          sync.Mutex
}

// port is an open serial port.
type port interface {
	flash.Port
	io.Closer
}

// options are the flags that all commands know.
type options struct {
	port, loader, sdk string
	romBaud, baud     int
	resetLines        string
	wait              time.Duration
	dryRun, json      bool
	force             bool
	reset             flash.ResetLines // of resetLines
}

func (o *options) register(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.port, "port", autoPort, "the board's serial port, or auto for the only board there is")
	f.StringVar(&o.loader, "loader", "", "the vendor's flash loader (eflash_loader_40m.bin)")
	f.StringVar(&o.sdk, "sdk", "", "the SDK that has the loader (default: $BL_SDK_BASE)")
	f.IntVar(&o.romBaud, "rom-baud", flash.MaxROMBaud, "rate for the boot ROM, at most 500000")
	f.IntVar(&o.baud, "baud", 2000000, "rate for the loader")
	f.StringVar(&o.resetLines, "reset-lines", "none", "modem lines that reset the board and choose its boot mode: none, dtr-rts (DTR resets) or rts-dtr")
	f.DurationVar(&o.wait, "wait", 10*time.Second, "how long to wait for a board in boot mode")
	f.BoolVar(&o.dryRun, "dry-run", false, "show each range, erase and write, and touch no board")
	f.BoolVar(&o.json, "json", false, "one JSON object on standard output")
	f.BoolVar(&o.force, "force", false, "write what the checks of images, partitions and settings refuse")
}

func (o *options) check() (err error) {
	if o.reset, err = flash.ParseResetLines(o.resetLines); err != nil {
		return badUse("--reset-lines: %w", err)
	}
	if o.romBaud < 1200 || o.romBaud > flash.MaxROMBaud {
		return badUse("--rom-baud %d: the boot ROM follows 1200 to %d", o.romBaud, flash.MaxROMBaud)
	}
	if o.baud < 1200 || o.baud > 5000000 {
		return badUse("--baud %d: 1200 to 5000000 are possible; 2000000 is usual", o.baud)
	}
	if o.wait < 0 {
		return badUse("--wait %v: a time cannot be negative", o.wait)
	}
	return nil
}

// loaderHelp says where the loader comes from.
const loaderHelp = `the vendor's flash loader is needed and not part of this program.
Get Bouffalo's SDK (git clone https://github.com/bouffalolab/bouffalo_sdk) and name its folder with
--sdk DIR or BL_SDK_BASE=DIR, or name the file eflash_loader_40m.bin itself with --loader FILE`

// readLoader finds and checks the loader.
func (a *app) readLoader() (image.Loader, error) {
	path := a.opt.loader
	if path == "" {
		sdk := a.opt.sdk
		if sdk == "" {
			sdk = a.getenv("BL_SDK_BASE")
		}
		if sdk == "" {
			return image.Loader{}, badUse("no --loader, --sdk or BL_SDK_BASE: %s", loaderHelp)
		}
		path = filepath.Join(sdk, filepath.FromSlash(image.LoaderPath))
	}
	b, err := readFile(path, maxLoaderFile)
	if errors.Is(err, os.ErrNotExist) {
		return image.Loader{}, badUse("%w: %s", err, loaderHelp)
	} else if err != nil {
		return image.Loader{}, err
	}
	l, err := image.ParseLoader(b)
	if err != nil {
		return l, badUse("%s: %w: get a fresh copy from the SDK (%s)", path, err, image.LoaderPath)
	}
	return l, nil
}

// Files larger than these are something else.
const (
	maxLoaderFile = 1 << 20
	maxImageFile  = 16 << 20 // the flash's 24-bit address
)

// readFile reads a whole file of at most max bytes.
func readFile(path string, max int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unusable{err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return nil, unusable{err}
	}
	if int64(len(b)) > max {
		return nil, badUse("%s: %w: over %d bytes", path, flash.ErrNoFit, max)
	}
	return b, nil
}

// say writes a line for the user, above the progress bars if there are any.
func (a *app) say(format string, args ...any) {
	a.sayMu.Lock()
	defer a.sayMu.Unlock()
	a.bars.print(a.stderr, "pqiot-flash: "+fmt.Sprintf(format, args...)+"\n")
}
