package bl602

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pqiot/firmware/flash/image"
)

const port = "../../port/bl602/"

// partitions reads port/bl602/partition.toml: key = value lines in [[pt_entry]]
// sections, which is all that the SDK's tool wants of TOML.
func partitions(t *testing.T) image.Table {
	t.Helper()
	var table image.Table
	for i, line := range strings.Split(read(t, port+"partition.toml"), "\n") {
		line = strings.TrimSpace(line)
		if line == "[[pt_entry]]" {
			table.Entries = append(table.Entries, image.Entry{})
		}
		key, value, found := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); !found || line[0] == '#' || len(table.Entries) == 0 {
			continue
		}
		e := &table.Entries[len(table.Entries)-1]
		value = strings.TrimSpace(value)
		if key == "name" {
			e.Name = strings.Trim(value, `"`)
			continue
		}
		n, err := image.ParseNumber(value)
		if err != nil {
			t.Fatalf("partition.toml:%d: %v", i+1, err)
		}
		switch key {
		case "type":
			e.Type = uint8(n)
		case "device":
			e.Device = uint8(n)
		case "address0":
			e.Address[0] = n
		case "size0":
			e.Max[0] = n
		case "address1":
			e.Address[1] = n
		case "size1":
			e.Max[1] = n
		case "len":
			e.Length = n
		default:
			t.Fatalf("partition.toml:%d: %s is not known", i+1, key)
		}
	}
	return table
}

// TestPartitions: the table makes sense, our parser takes it, and the port and
// the linker script count on the same places.
func TestPartitions(t *testing.T) {
	const flashEnd = 2 << 20
	table, err := image.ParseTable(image.AppendTable(nil, partitions(t)))
	if err != nil {
		t.Fatal(err)
	}
	type span struct {
		name     string
		from, to uint32
	}
	spans := []span{{"boot loader", 0, image.TableAddress0}, {"tables", image.TableAddress0, 0x10000}}
	for _, e := range table.Entries {
		for i := range e.Address {
			if e.Max[i] == 0 {
				continue
			}
			s := span{e.Name, e.Address[i], e.Address[i] + e.Max[i]}
			if s.from%4096 != 0 || s.to%4096 != 0 || s.to > flashEnd {
				t.Errorf("%s: 0x%x to 0x%x", s.name, s.from, s.to)
			}
			for _, o := range spans {
				if s.from < o.to && o.from < s.to {
					t.Errorf("%s and %s overlap", s.name, o.name)
				}
			}
			spans = append(spans, s)
		}
	}
	key, _ := table.Lookup("KEY")
	if addr, size := key.Range(); addr != constant(t, port+"glue.h", `PQ_KEY_ADDRESS (0x\w+?)u`) ||
		size != constant(t, "../../port/pq_port.h", `PQ_FLASH_SIZE +(\d+)`) {
		t.Errorf("KEY is 0x%x with %d bytes, which the port does not think", addr, size)
	}
	fw, _ := table.Lookup("FW")
	if addr, size := fw.Range(); addr != 0x10000 || size-0x1000 != FlashSize ||
		FlashSize != 1024*constant(t, port+"bl602.ld", `flash +\(rx\) +: ORIGIN = 0x23000000, LENGTH = (\d+)K`) {
		t.Errorf("FW is 0x%x with %d bytes, which the linker script does not think", addr, size)
	}
}

// constant takes a number from a source file.
func constant(t *testing.T, path, pattern string) uint32 {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(read(t, path))
	if m == nil {
		t.Fatalf("%s has no %s", path, pattern)
	}
	n, err := strconv.ParseUint(m[1], 0, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}

// TestFlashConfig: the flasher understands what the build leaves for it.
func TestFlashConfig(t *testing.T) {
	text := strings.ReplaceAll(read(t, port+"flash_prog_cfg.ini.in"), "@PQ_ROLE@", "gateway")
	c, err := image.ParseConfig([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, f := range c.Files {
		got += fmt.Sprintf("%s %s 0x%x %t\n", f.Name, f.Pattern, f.Address, f.ByPartition)
	}
	const want = "boot2 ./build_out/boot2_*.bin 0x0 false\n" +
		"partition ./build_out/partition*.bin 0xe000 false\n" +
		"FW ./build_out/pqiot_gateway_bl602.bin 0x0 true\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestConstants: figures of the README that are a constant of the sources.
func TestConstants(t *testing.T) {
	wantRow(t, fmt.Sprintf("| frames that wait, sniffer | %d |", constant(t, port+"sniffer.c", `RING_SIZE (\d+)u`)))
	wantRow(t, fmt.Sprintf("| UART out, in | %d |", constant(t, port+"uart.c", `OUT_SIZE +(\d+)u`)+constant(t, port+"uart.c", `IN_SIZE +(\d+)u`)))
	if n := 4 * constant(t, port+"main.c", `ROLE_STACK +(\d+)`); n != roleStack {
		t.Errorf("the role's stack has %d bytes, not %d", n, roleStack)
	}
}

// TestTimes: the README's estimates follow from the emulator's counts, with
// 1.05 cycles for an instruction of ML-KEM, as that lies in ITCM, 2.3 for any
// other, and 192 MHz.
func TestTimes(t *testing.T) {
	kem, session := counts(t, "counts.txt", "512 "), counts(t, "session_counts.txt", "")
	for _, c := range []struct {
		step   string
		all    int
		inITCM int
	}{
		{"ML-KEM-512 key pair", kem["keypair"], kem["keypair"]},
		{"ML-KEM-512 encapsulation", kem["encaps"], kem["encaps"]},
		{"ML-KEM-512 decapsulation", kem["decaps"], kem["decaps"]},
		{"handshake, gateway's part", session["handshake-gateway"], kem["decaps"]},
		{"handshake, sender's part", session["handshake-sender"], kem["encaps"]},
		{"message, gateway's part", session["message-gateway"], 0},
		{"message, sender's part", session["message-sender"], 0},
	} {
		ms := (1.05*float64(c.inITCM) + 2.3*float64(c.all-c.inITCM)) / 192e3
		wantRow(t, fmt.Sprintf("| %s | %d,%03d | %.1f ms |", c.step, c.all/1000, c.all%1000, ms))
	}
}

// counts reads instructions by step from port/rv32.
func counts(t *testing.T, file, prefix string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for line := range strings.Lines(read(t, "../../port/rv32/"+file)) {
		rest, of := strings.CutPrefix(line, prefix)
		var name string
		var n, stack int
		if _, err := fmt.Sscan(rest, &name, &n, &stack); of && err == nil {
			out[name] = n
		}
	}
	return out
}
