package packet

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
	"testing/iotest"

	"pqiot/firmware/lab/sample"
)

// allData is the data of every packet, one after the other, and the last
// error.
func allData(in io.Reader) ([]byte, error) {
	s, err := Open(in)
	var all []byte
	for err == nil {
		var raw Raw
		if err = s.Next(&raw); err == nil {
			all = append(all, raw.Data...)
		}
	}
	return all, err
}

// inBatches is allData by way of Use: what the packets of a batch alias is
// looked at when the batch is full, and written over after that.
func inBatches(in io.Reader, size int) ([]byte, error) {
	s, err := Open(in)
	var all []byte
	bufs := [2][]byte{make([]byte, size), make([]byte, size)}
	for turn := 0; err == nil; turn++ {
		s.Use(bufs[turn%2])
		clear(bufs[(turn+1)%2])
		var batch [][]byte
		for more := true; more; more = s.Ready() {
			var raw Raw
			if err = s.Next(&raw); err != nil {
				break
			}
			batch = append(batch, raw.Data)
		}
		all = append(all, bytes.Join(batch, nil)...)
	}
	return all, err
}

func TestUse(t *testing.T) {
	want, wantErr := allData(bytes.NewReader(sample.Capture))
	if len(want) == 0 || wantErr != io.EOF {
		t.Fatalf("%d bytes, %v", len(want), wantErr)
	}
	for _, size := range []int{1, 100, 4096, 1 << 17} {
		for name, in := range map[string]io.Reader{
			"whole": bytes.NewReader(sample.Capture), "bytes": iotest.OneByteReader(bytes.NewReader(sample.Capture)),
			"halves": iotest.HalfReader(bytes.NewReader(sample.Capture)), "late": iotest.DataErrReader(bytes.NewReader(sample.Capture)),
		} {
			if got, err := inBatches(in, size); err != wantErr || !bytes.Equal(got, want) {
				t.Errorf("buffers of %d bytes, %s: %d bytes, %v; want %d", size, name, len(got), err, len(want))
			}
		}
	}
}

// TestReady: a packet that waits behind other blocks is ready, one that is not
// all there is not.
func TestReady(t *testing.T) {
	le := binary.LittleEndian
	one := packetBlock(le, 0, 1, []byte("twelve bytes"))
	head := join(section(le), ifaceBlock(le, LinkDot11), one)
	other := block(le, 5, make([]byte, 8))
	for _, c := range []struct {
		name string
		next []byte
		want bool
	}{
		{"nothing", nil, false},
		{"a packet", one, true},
		{"part of a packet", one[:len(one)-1], false},
		{"a packet behind another block", join(other, one), true},
		{"another block alone", other, false},
		{"a block that claims nothing", make([]byte, 16), false},
	} {
		s, err := Open(bytes.NewReader(join(head, c.next)))
		if err != nil {
			t.Fatal(err)
		}
		var raw Raw
		if err := s.Next(&raw); err != nil || s.Ready() != c.want {
			t.Errorf("%s: ready %v, %v", c.name, s.Ready(), err)
		}
	}
	file := pcap(le, magicMicros, LinkDot11, 1, 1, []byte("twelve bytes"))
	record := file[pcapHeaderSize:]
	for n := range len(record) + 1 {
		s, err := Open(bytes.NewReader(join(file, record[:n])))
		if err != nil {
			t.Fatal(err)
		}
		var raw Raw
		if err := s.Next(&raw); err != nil || s.Ready() != (n == len(record)) {
			t.Errorf("%d bytes of a record: ready %v, %v", n, s.Ready(), err)
		}
	}
}
