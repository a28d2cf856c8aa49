package kem_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pqiot/firmware/test/internal/rig"
)

// A mutant is the core with one line made leaky. Each must be caught by the
// method that its test uses, else that method proves nothing.
type mutant struct {
	name, file, old, new string
}

// compareLeaks are mutants of the last step of decapsulation.
func compareLeaks() []mutant {
	return []mutant{
		{"memcmp in the final compare", "pq_mlkem.c",
			"    pq_ct_replace_if(diff, g, m, PQ_KEM_SS_BYTES);\n",
			"    if (memcmp(&diff, &(uint32_t){0}, sizeof diff) != 0) {\n        memcpy(g, m, PQ_KEM_SS_BYTES);\n    }\n"},
		{"early end of the compare", "pq_mlkem_poly.c",
			"            diff |= (bits & 0xffff) ^ pq_load16(in);\n",
			"            diff |= (bits & 0xffff) ^ pq_load16(in);\n            if (diff != 0) {\n                return diff;\n            }\n"},
	}
}

// coreFiles are the modules of the KEM, as kem.mk has them.
func coreFiles() []string {
	return []string{"pq_kem.c", "pq_secret.c", "pq_keccak.c", "pq_mlkem_poly.c", "pq_mlkem.c"}
}

// mutate copies the core to a new folder, with the mutant's line in place of the
// original's, which must occur once.
func mutate(t *testing.T, m mutant) (dir string) {
	t.Helper()
	dir = t.TempDir()
	files, err := filepath.Glob(filepath.Join(rig.Firmware, "core", "*.[ch]"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(f) == m.file {
			if n := strings.Count(string(text), m.old); n != 1 {
				t.Fatalf("%s: the line to change occurs %d times in %s", m.name, n, m.file)
			}
			text = []byte(strings.Replace(string(text), m.old, m.new, 1))
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestSecretsUndefined runs the host build under valgrind's memcheck with every
// secret marked as undefined: a branch or an address that depends on one is
// reported. Compilers differ in what they make of constant-time C, so several
// are asked.
func TestSecretsUndefined(t *testing.T) {
	core := filepath.Join(rig.Firmware, "core")
	for _, cc := range []string{"gcc -O1", "gcc -O2", "gcc -O3", "gcc -Os", "clang -O2", "clang -O3", "clang -Os"} {
		t.Run(cc, func(t *testing.T) {
			if out, err := memcheck(t, core, cc); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	for _, m := range compareLeaks() {
		t.Run("mutant: "+m.name, func(t *testing.T) {
			out, err := memcheck(t, mutate(t, m), "gcc -O2")
			if err == nil || !strings.Contains(out, "depends on uninitialised value") {
				t.Errorf("not caught: %v\n%s", err, out)
			}
		})
	}
}

// memcheck builds secrets.c with the core in dir and runs it under valgrind.
func memcheck(t *testing.T, dir, cc string) (string, error) {
	t.Helper()
	noteSources(t)
	exe := filepath.Join(t.TempDir(), "secrets")
	args := append(strings.Fields(cc), "-std=c11", "-gdwarf-4", "-I"+dir, "-include", "valgrind/memcheck.h",
		"-DPQ_DECLASSIFY(p,n)=(void)VALGRIND_MAKE_MEM_DEFINED(p,n)", "c/secrets.c", "-o", exe)
	for _, f := range coreFiles() {
		args = append(args, filepath.Join(dir, f))
	}
	run(t, args...)
	out, err := exec.Command("valgrind", "-q", "--error-exitcode=9", exe).CombinedOutput()
	return string(out), err
}

// run runs a tool that must succeed.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestNoDivision: no divide instruction in the KEM's RV32 objects and no call to
// a division routine: on this core their time depends on the operands
// (KyberSlash).
func TestNoDivision(t *testing.T) {
	core := filepath.Join(rig.Firmware, "core")
	for _, opt := range []string{"-O2", "-Os"} {
		if found := divisions(t, core, opt); len(found) > 0 {
			t.Errorf("%s: %v", opt, found)
		}
	}
	slash := mutant{"division in compression", "pq_mlkem_poly.c",
		"(((a << d) + Q / 2) * inverse >> 43)", "(((a << d) + Q / 2) / Q + (inverse == 0))"}
	if found := divisions(t, mutate(t, slash), "-Os"); len(found) == 0 {
		t.Errorf("mutant not caught: %s", slash.name)
	}
}

// divisions compiles the core for RV32 and lists its divisions.
func divisions(t *testing.T, dir, opt string) []string {
	t.Helper()
	instruction := regexp.MustCompile(`\t(div|rem)u?\s`)
	routine := regexp.MustCompile(` U __\w*(div|mod)\w*`)
	var found []string
	for _, f := range coreFiles() {
		obj := filepath.Join(t.TempDir(), f+".o")
		run(t, "riscv64-unknown-elf-gcc", "--specs=picolibc.specs", "-march=rv32imafc", "-mabi=ilp32f", opt,
			"-fno-schedule-insns", "-std=c11", "-I"+dir, "-c", filepath.Join(dir, f), "-o", obj)
		code := run(t, "riscv64-unknown-elf-objdump", "-d", obj)
		if strings.Count(code, "\n") < 20 {
			t.Fatalf("%s: no code in the listing", f)
		}
		for _, m := range append(instruction.FindAllString(code, -1),
			routine.FindAllString(run(t, "riscv64-unknown-elf-nm", obj), -1)...) {
			found = append(found, fmt.Sprintf("%s:%s", f, m))
		}
	}
	return found
}
