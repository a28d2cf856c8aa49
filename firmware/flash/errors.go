package flash

import "fmt"

// BoardError is an FL reply.
type BoardError struct {
	Cmd  Command
	Code uint16
}

// Error codes that the flasher acts upon.
const (
	codeWrite = 0x0006
	codeLen   = 0x0102
	codeCRC   = 0x0103
)

func (e BoardError) Error() string {
	name, advice := codeName(e.Code)
	s := fmt.Sprintf("the board refused command %02x with error %04x %s", byte(e.Cmd), e.Code, name)
	if advice != "" {
		s += ": " + advice
	}
	return s
}

// What to do about an error.
const (
	adviceLine   = "the line is unreliable: try a shorter cable or a lower --baud"
	adviceFlash  = "the flash chip may be worn out or write-protected"
	adviceLoader = "check the loader: --loader must be the SDK's eflash_loader_40m.bin for the BL602"
	adviceSecure = "this chip is locked to signed or encrypted images"
	adviceReset  = "press RESET with the IO8 jumper at H and try again"
	adviceRange  = "the address or length does not suit this flash"
)

// codeName is the vendor's name of an error, without its prefix, and advice.
func codeName(code uint16) (name, advice string) {
	switch code >> 8 {
	case 0x00:
		return flashCode(code)
	case 0x01:
		return lookup(code, [...]codeText{{"CMD_ID", adviceReset}, {"CMD_LEN", adviceLine}, {"CMD_CRC", adviceLine}, {"CMD_SEQ", adviceReset}})
	case 0x02:
		return imageCode(code)
	case 0x03:
		return lookup(code, [...]codeText{{"RATE_LEN", ""}, {"RATE", "try another --baud"}, {"PASSWORD_LEN", adviceSecure}, {"PASSWORD", adviceSecure}})
	case 0x04:
		return "EFUSE", ""
	case 0x05:
		return "MEMORY", adviceLoader
	case 0xFF:
		return systemCode(code)
	}
	return "UNKNOWN", ""
}

type codeText struct{ name, advice string }

// lookup takes texts for the codes xx01, xx02 and so on.
func lookup(code uint16, texts [4]codeText) (name, advice string) {
	if i := int(code&0xFF) - 1; i >= 0 && i < len(texts) {
		return texts[i].name, texts[i].advice
	}
	return "UNKNOWN", ""
}

func flashCode(code uint16) (name, advice string) {
	names := [...]string{"", "FLASH_INIT", "FLASH_ERASE_PARA", "FLASH_ERASE", "FLASH_WRITE_PARA", "FLASH_WRITE_ADDR", "FLASH_WRITE",
		"FLASH_BOOT_PARA", "FLASH_SET_PARA", "FLASH_READ_STATUS", "FLASH_WRITE_STATUS", "FLASH_DECOMPRESS", "FLASH_XZ"}
	if code == 0 || int(code) >= len(names) {
		return "UNKNOWN", ""
	}
	switch code {
	case 0x02, 0x04, 0x05:
		advice = adviceRange
	case 0x01, 0x03, codeWrite, 0x09, 0x0A:
		advice = adviceFlash
	}
	return names[code], advice
}

func imageCode(code uint16) (name, advice string) {
	names := [...]string{"", "BOOTHEADER_LEN", "BOOTHEADER_NOT_LOAD", "BOOTHEADER_MAGIC", "BOOTHEADER_CRC", "BOOTHEADER_ENCRYPT",
		"BOOTHEADER_SIGN", "SEGMENT_COUNT", "AES_IV_LEN", "AES_IV_CRC", "PUBLIC_KEY_LEN", "PUBLIC_KEY_CRC", "PUBLIC_KEY_HASH",
		"SIGNATURE_LEN", "SIGNATURE_CRC", "SEGMENT_HEADER_LEN", "SEGMENT_HEADER_CRC", "SEGMENT_HEADER_DEST", "SEGMENT_DATA_LEN",
		"SEGMENT_DATA_DECRYPT", "SEGMENT_DATA_TOTAL_LEN", "SEGMENT_DATA_CRC", "HALFBAKED", "HASH", "SIGNATURE_PARSE",
		"SIGNATURE", "DECRYPT", "ALL_INVALID"}
	i := int(code & 0xFF)
	if i == 0 || i >= len(names) {
		return "UNKNOWN", ""
	}
	switch {
	case i == 5 || i == 6 || i >= 8 && i <= 14 || i >= 24 && i <= 26:
		return names[i], adviceSecure
	case i == 22:
		return names[i], adviceLine
	}
	return names[i], adviceLoader
}

func systemCode(code uint16) (name, advice string) {
	switch code {
	case 0xFFFC:
		return "PLL", adviceReset
	case 0xFFFD:
		return "INVASION", adviceReset
	case 0xFFFE:
		return "POLLING", adviceReset
	case 0xFFFF:
		return "FAIL", adviceReset
	}
	return "UNKNOWN", ""
}
