package bl602

import (
	"bufio"
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const readme = "../../README.md"

func needRV32(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("riscv64-unknown-elf-gcc"); err != nil {
		t.Fatal("riscv64-unknown-elf-gcc is missing: apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf")
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// wantRow says whether the README has this row as it stands.
func wantRow(t *testing.T, row string) {
	t.Helper()
	if !strings.Contains(read(t, readme), "\n"+row) {
		t.Errorf("firmware/README.md has no row\n\t%s", row)
	}
}

// TestStatics: what each role keeps in RAM of its own.
func TestStatics(t *testing.T) {
	needRV32(t)
	source := filepath.Join(t.TempDir(), "sizes.c")
	types := []string{"pq_sniffer", "pq_gateway_role", "pq_sender_role"}
	text := "#include \"sniffer.h\"\n#include \"gateway.h\"\n#include \"sender.h\"\n"
	for _, name := range types {
		text += fmt.Sprintf("char size_%s[sizeof(%s)];\n", name, name)
	}
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(rv32(t, t.TempDir(), source))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]uint64{}
	for _, s := range symbols {
		sizes[s.Name] = s.Size
	}
	for _, name := range types {
		wantRow(t, fmt.Sprintf("| `%s` | %d |", name, sizes["size_"+name]))
	}
}

// TestImages builds the images where BL_SDK_BASE is given, and holds them to
// the README's table and to the chip. Another compiler gives other figures, so
// the table may be off by 2 %.
func TestImages(t *testing.T) {
	sdk := os.Getenv("BL_SDK_BASE")
	if sdk == "" {
		t.Skip("BL_SDK_BASE is not set: no SDK to build images with")
	}
	cmd := exec.Command("make", "-C", "../..", "bl602", "BL_SDK_BASE="+sdk)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make bl602: %v\n%s", err, out)
	}
	told := table(t)
	for _, role := range Roles {
		path := Path("../../../build/bl602", role, ".elf")
		m, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s", m.Row(role))
		compare(t, role, m, told[role])
		for what, c := range map[string][2]uint32{
			"flash": {m.Flash, FlashSize}, "ITCM": {m.ITCM, ITCMSize}, "DTCM": {m.DTCM, DTCMSize},
			"Wi-Fi RAM": {m.WiFi, WiFiSize}, "least heap": {HeapMin, m.Heap},
		} {
			if c[0] > c[1] {
				t.Errorf("%s: %s: %d bytes do not fit %d", role, what, c[0], c[1])
			}
		}
		placed(t, role, path)
	}
}

// table reads the figures of the README.
func table(t *testing.T) map[string]Memory {
	t.Helper()
	_, rest, found := strings.Cut(read(t, readme), Header)
	if !found {
		t.Fatal("firmware/README.md does not have the table of images")
	}
	told := map[string]Memory{}
	for line := range strings.Lines(rest) {
		var role string
		var m Memory
		n, _ := fmt.Sscanf(line, "| %s | %d | %d, %d | %d | %d | %d | %d |", &role, &m.Flash, &m.ITCM, &m.OurITCM, &m.DTCM, &m.RAM, &m.WiFi, &m.Heap)
		if n != 8 {
			break
		}
		told[role] = m
	}
	return told
}

func compare(t *testing.T, role string, got, told Memory) {
	t.Helper()
	for what, c := range map[string][2]uint32{
		"flash": {got.Flash, told.Flash}, "ITCM": {got.ITCM, told.ITCM}, "our ITCM": {got.OurITCM, told.OurITCM},
		"DTCM": {got.DTCM, told.DTCM}, "RAM": {got.RAM, told.RAM}, "Wi-Fi RAM": {got.WiFi, told.WiFi},
		"heap": {got.Heap, told.Heap},
	} {
		if d := int64(c[0]) - int64(c[1]); max(d, -d)*50 > int64(c[1]) {
			t.Errorf("%s: %s is %d bytes, firmware/README.md says %d", role, what, c[0], c[1])
		}
	}
}

// placed: the linker has put things where the port counts on them.
func placed(t *testing.T, role, path string) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]uint64{}
	for _, s := range symbols {
		at[s.Name] = s.Value
	}
	for name, lowest := range map[string]uint64{"task_stack": 0x42014000, "out_bytes": 0x42020000, "main": 0x23000000} {
		if at[name] < lowest || at[name] >= lowest+0xD8000 {
			t.Errorf("%s: %s lies at %#x", role, name, at[name])
		}
	}
	if at["__HeapLimit"] > at["__wifi_bss_start"] {
		t.Errorf("%s: the heap ends at %#x, in the radio's memory", role, at["__HeapLimit"])
	}
	want := "pq_keccak_f1600"
	if role == "sniffer" {
		want = "__wrap_rxu_cntrl_frame_handle"
	}
	if at[want] == 0 {
		t.Errorf("%s: %s is not in the image", role, want)
	}
	if itcm := at[want]>>16 == 0x2201; itcm != (role != "sniffer") {
		t.Errorf("%s: %s lies at %#x", role, want, at[want])
	}
	bin := read(t, strings.TrimSuffix(path, ".elf")+".bin")
	for offset, magic := range map[int]string{0: "BFNP", 0x1200: "SELF", 0x1400: "BLRFPARA"} {
		if len(bin) < 0x2000 || bin[offset:offset+len(magic)] != magic {
			t.Errorf("%s: there is no %s at 0x%x of the image", role, magic, offset)
		}
	}
	if m := read(t, strings.TrimSuffix(path, ".elf")+".map"); !mapAgrees(m, at[want]) {
		t.Errorf("%s: the map file does not show %s at %#x", role, want, at[want])
	}
}

// mapAgrees looks for a symbol's address in the linker's map.
func mapAgrees(text string, addr uint64) bool {
	sc := bufio.NewScanner(bytes.NewReader([]byte(text)))
	for sc.Scan() {
		if strings.Contains(sc.Text(), fmt.Sprintf("0x%08x", addr)) {
			return true
		}
	}
	return false
}
