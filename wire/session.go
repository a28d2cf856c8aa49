package wire

// The pqiot session, version 1, as it stands in CoAP payloads. Integers are
// big-endian, ‖ is concatenation.
//
//	GET /pk → 2.05     encapsulation key: 800, 1184 or 1568 bytes
//	POST /msg, first   ML-KEM ciphertext (768 / 1088 / 1568) ‖ record
//	POST /msg, later   record
//	2.04 to either     record
//
//	record = N(13) ‖ encrypted data ‖ tag(16)
//	N      = 07 ‖ SID(7) ‖ SEQ(5)
//
// Key log: what the peers write with --keylog, and the dissector and the
// analyzer read. One line a session, fields apart by one space, hex in lower
// case; lines that start otherwise, blank ones and # comments are skipped.
//
//	PQIOT1 <SID 14> <512|768|1024> <Kc 32> <Kg 32> <IV 26>
//	PQIOT1_OSCORE <SID 14> <master secret 64> <master salt 16>
const (
	CoAPPort = 5683 // UDP, RFC 7252 §6.1

	// Content-Format numbers, experimental range of RFC 7252 §12.3.
	ContentFormatKey           = 65000 // raw encapsulation key
	ContentFormatHandshake512  = 65001 // handshake with ML-KEM-512
	ContentFormatHandshake768  = 65002 // handshake with ML-KEM-768
	ContentFormatHandshake1024 = 65003 // handshake with ML-KEM-1024
	ContentFormatRecord        = 65004 // record

	// FIPS 203 table 3, bytes.
	EncapsulationKeySize512  = 800
	EncapsulationKeySize768  = 1184
	EncapsulationKeySize1024 = 1568
	CiphertextSize512        = 768
	CiphertextSize768        = 1088
	CiphertextSize1024       = 1568
	SharedSecretSize         = 32

	NonceLead        = 0x07 // first byte of every nonce: length of the SID
	NonceSize        = 13   // N, bytes
	SIDSize          = 7    // session id, bytes
	SEQSize          = 5    // sequence number, bytes
	TagSize          = 16   // AES-CCM tag, bytes
	RecordOverhead   = NonceSize + TagSize
	MaxFirstData     = 224     // data in a first flight, bytes: the body stays within 1024
	MaxData          = 995     // data in a later record, bytes
	MaxSessionSEQ    = 1 << 20 // a session ends at this many records
	PSKSize          = 32      // bytes
	MaxKID           = 32      // PSK name, bytes, at least 1
	ETagSize         = 8       // H(ek)[0:8]
	EchoSize         = 12      // uptime in s (4) ‖ HMAC (8)
	EchoLifetime     = 60      // seconds
	OptionEcho       = 252     // RFC 9175 §2.2
	OptionRequestTag = 292     // RFC 9175 §3.2

	// First words of the lines of a key log.
	KeyLogSession = "PQIOT1"
	KeyLogOSCORE  = "PQIOT1_OSCORE"
)
