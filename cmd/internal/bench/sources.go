package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
)

// measure runs every source that is asked for. Their output is copied to log.
func (o options) measure(ctx context.Context, log io.Writer) (all []measurement, failures error) {
	add := func(what string, m []measurement, err error) {
		all = append(all, m...)
		if err != nil {
			failures = errors.Join(failures, fmt.Errorf("%s: %w", what, err))
		}
	}
	if o.packages != "" {
		// One package at a time: else the next are compiled while the first is measured.
		args := []string{"test", "-p", "1", "-run", "^$", "-bench", o.bench, "-benchmem", "-count", strconv.Itoa(o.count), "-timeout", "120m"}
		out, err := output(ctx, log, nil, "go", append(args, strings.Fields(o.packages)...)...)
		add("benchmarks", parseGo(out, runtime.GOMAXPROCS(0)), err)
	}
	if o.matrix {
		seeds := []string{"PQIOT_SEEDS=20"}
		if os.Getenv("PQIOT_SEEDS") != "" {
			seeds = nil
		}
		out, err := output(ctx, log, seeds, "go", "test", "-run", "^TestMatrix$", "-count", "1", "-v", "-timeout", "120m", "./analysis")
		add("the analyzer's matrix", parseMatrix(out), err)
	}
	if o.kem {
		m, err := measureKEM(ctx, log)
		add("ML-KEM", m, err)
	}
	return all, failures
}

// measureKEM has the firmware's Makefile count instructions, and reads its
// figures: ours, mlkem-native's if MLKEM_NATIVE_DIR names a checkout, and those
// of the session.
func measureKEM(ctx context.Context, log io.Writer) ([]measurement, error) {
	if _, err := output(ctx, log, nil, "make", "-C", "firmware", "-f", "kem.mk", "kem-bench"); err != nil {
		return nil, err
	}
	names := map[string]string{"build/kem/figures": "firmware/kem"}
	if os.Getenv("MLKEM_NATIVE_DIR") != "" {
		names["build/kem/figures-native"] = "mlkem-native"
	}
	var all []measurement
	for path, name := range names {
		b, err := os.ReadFile(path)
		if err != nil {
			return all, err
		}
		all = append(all, parseKEM(string(b), name)...)
	}
	if _, err := output(ctx, log, nil, "make", "-C", "firmware", "-f", "session.mk", "session-bench"); err != nil {
		return all, err
	}
	b, err := os.ReadFile("build/session/figures")
	return append(all, parseSession(string(b))...), err
}

// output runs a program and gives what it wrote to stdout, which goes to log as
// well; what came is given even if it failed.
func output(ctx context.Context, log io.Writer, env []string, name string, args ...string) (string, error) {
	var out bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), env...)
	c.Stdout, c.Stderr = io.MultiWriter(&out, log), log
	err := c.Run()
	return out.String(), err
}
