package crypto_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretsUndefined runs key schedule, records and Echo under valgrind's
// memcheck with every secret marked as undefined: a branch or an address that
// depends on one is reported. Each mutant must be, else that proves nothing.
func TestSecretsUndefined(t *testing.T) {
	if info, err := os.ReadFile("/proc/cpuinfo"); err != nil || !bytes.Contains(info, []byte(" aes ")) {
		t.Skip("without AES instructions mbedTLS looks its S-boxes up in tables, and valgrind rightly objects")
	}
	core := filepath.Join("..", "..", "core", "pq_session.c")
	text, err := os.ReadFile(core)
	if err != nil {
		t.Fatal(err)
	}
	for _, cc := range []string{"gcc -O2", "gcc -Os", "clang -O2"} {
		t.Run(cc, func(t *testing.T) {
			if out, err := memcheck(t, cc, text); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	for name, lines := range map[string][2]string{
		"memcmp of an Echo": {"uint32_t diff = pq_ct_diff(", "int diff = memcmp("},
		"branch on the PSK": {"bool psk = t->psk.data != NULL;", "bool psk = t->psk.data != NULL && t->psk.data[0] != 77;"},
		"table for the IV":  {"b->nonce[i] = n[i] ^ k->iv[i];", `b->nonce[i] = n[i] ^ (uint8_t)"a table"[k->iv[i] & 7];`},
	} {
		t.Run("mutant: "+name, func(t *testing.T) {
			if strings.Count(string(text), lines[0]) != 1 {
				t.Fatal("the line to change is not there once")
			}
			out, err := memcheck(t, "gcc -O2", bytes.Replace(text, []byte(lines[0]), []byte(lines[1]), 1))
			if err == nil || !strings.Contains(out, "ninitialised value") {
				t.Errorf("not caught: %v\n%s", err, out)
			}
		})
	}
}

// memcheck builds c/secrets.c with this pq_session.c and runs it under valgrind.
func memcheck(t *testing.T, cc string, session []byte) (string, error) {
	t.Helper()
	const firmware = "../.."
	dir := t.TempDir()
	exe, file := filepath.Join(dir, "secrets"), filepath.Join(dir, "pq_session.c")
	if err := os.WriteFile(file, session, 0o644); err != nil {
		t.Fatal(err)
	}
	args := append(strings.Fields(cc), "-std=c11", "-gdwarf-4", "-I"+firmware+"/core", "-I"+firmware+"/port",
		"-include", "valgrind/memcheck.h", "-DPQ_DECLASSIFY(p,n)=(void)VALGRIND_MAKE_MEM_DEFINED(p,n)",
		"c/secrets.c", file, firmware+"/core/pq_secret.c", firmware+"/port/mbedtls/pq_crypto_mbedtls.c", "-lmbedcrypto", "-o", exe)
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	out, err := exec.Command("valgrind", "-q", "--error-exitcode=9", "--suppressions=c/secrets.supp", exe).CombinedOutput()
	return string(out), err
}
