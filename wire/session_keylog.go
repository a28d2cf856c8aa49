package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
)

// Errors of ParseKeyLogLine; test with errors.Is.
var (
	ErrKeyLogSkip = errors.New("not a key log line of ours") // to be skipped
	ErrKeyLog     = errors.New("malformed key log line")
)

// KeyLogLine is one line of a key log, whose form session.go documents. OSCORE
// says which of the two groups of fields holds.
type KeyLogLine struct {
	SID    SID
	OSCORE bool

	Set    int      // 512, 768 or 1024: the ML-KEM parameter set
	Kc, Kg [16]byte // sender → gateway, gateway → sender
	IV     [NonceSize]byte

	MasterSecret [32]byte // with OSCORE, RFC 8613 §3.1
	MasterSalt   [8]byte
}

// ParseKeyLogLine reads one line, with or without its end. Comments, blank
// lines and lines of other programs give ErrKeyLogSkip, damaged lines of ours
// ErrKeyLog and the field at fault.
func ParseKeyLogLine(line []byte) (KeyLogLine, error) {
	fields := bytes.Split(bytes.TrimRight(line, "\r\n"), []byte(" "))
	switch string(fields[0]) {
	case "PQIOT1":
		return parseKeyLogSession(fields[1:])
	case "PQIOT1_OSCORE":
		return parseKeyLogOSCORE(fields[1:])
	}
	return KeyLogLine{}, ErrKeyLogSkip
}

func parseKeyLogSession(fields [][]byte) (k KeyLogLine, err error) {
	if len(fields) != 5 {
		return k, fmt.Errorf("%w: %d fields after PQIOT1, 5 expected", ErrKeyLog, len(fields))
	}
	switch string(fields[1]) {
	case "512", "768", "1024":
		k.Set, _ = strconv.Atoi(string(fields[1]))
	default:
		return KeyLogLine{}, fmt.Errorf("%w: %q is no ML-KEM parameter set", ErrKeyLog, fields[1])
	}
	err = errors.Join(unhexField(k.SID[:], fields[0], "session id"), unhexField(k.Kc[:], fields[2], "Kc"),
		unhexField(k.Kg[:], fields[3], "Kg"), unhexField(k.IV[:], fields[4], "IV"))
	if err != nil {
		return KeyLogLine{}, err
	}
	return k, nil
}

func parseKeyLogOSCORE(fields [][]byte) (KeyLogLine, error) {
	k := KeyLogLine{OSCORE: true}
	if len(fields) != 3 {
		return KeyLogLine{}, fmt.Errorf("%w: %d fields after PQIOT1_OSCORE, 3 expected", ErrKeyLog, len(fields))
	}
	err := errors.Join(unhexField(k.SID[:], fields[0], "session id"),
		unhexField(k.MasterSecret[:], fields[1], "master secret"), unhexField(k.MasterSalt[:], fields[2], "master salt"))
	if err != nil {
		return KeyLogLine{}, err
	}
	return k, nil
}

// unhexField fills dst from lower-case hex of exactly its size. The error
// names the field and never quotes it: it may be part of a key.
func unhexField(dst, field []byte, what string) error {
	n, err := hex.Decode(dst, field[:min(len(field), 2*len(dst))])
	if err != nil || n != len(dst) || len(field) != 2*len(dst) || !bytes.Equal(field, bytes.ToLower(field)) {
		return fmt.Errorf("%w: %s is not %d digits of lower-case hex", ErrKeyLog, what, 2*len(dst))
	}
	return nil
}

// AppendKeyLogLine appends the line that ParseKeyLogLine reads, with its end.
func AppendKeyLogLine(dst []byte, k KeyLogLine) []byte {
	if k.OSCORE {
		return fmt.Appendf(dst, "PQIOT1_OSCORE %x %x %x\n", k.SID[:], k.MasterSecret[:], k.MasterSalt[:])
	}
	return fmt.Appendf(dst, "PQIOT1 %x %d %x %x %x\n", k.SID[:], k.Set, k.Kc[:], k.Kg[:], k.IV[:])
}
