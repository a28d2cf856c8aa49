// Package session is the pqiot session, version 1, without I/O: ML-KEM, the
// key schedule, sealing and opening of records, the replay window, Echo tokens
// and the limits of a session. Time and randomness are passed in.
//
//	SID  = H("pqiot1 sid" ‖ ct)[0:7]
//	TH   = H("pqiot1 th" ‖ suite ‖ mode ‖ u8|kid| ‖ kid ‖ u8|echo| ‖ echo ‖ H(ek) ‖ H(ct))
//	PRK  = HKDF-Extract(salt = empty, IKM = ss, or ss ‖ psk in mode 1)
//	X(label, L) = HKDF-Expand(PRK, u8|label| ‖ label ‖ TH, L)
//
// H is SHA-256 and ‖ concatenation. X("pqiot1 ms") and X("pqiot1 salt") enter
// the derivation of RFC 8613 §3.2.1, which gives Kc (sender → gateway), Kg
// (gateway → sender) and the common IV. A record is
//
//	N ‖ AES-CCM(K, nonce = N XOR IV, AAD, data)     N = 07 ‖ SID(7) ‖ SEQ(5)
//	AAD = "pqiot1" ‖ T ‖ code ‖ u16 CF ‖ u8|path| ‖ path ‖ N_req ‖ [N_resp]
//
// A sender holds a Client, a gateway a Server per session. Neither is safe for
// concurrent use. The layout of payloads is package wire's.
package session
