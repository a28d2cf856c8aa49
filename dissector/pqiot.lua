-- Wireshark dissector for the pqiot session: ML-KEM key, handshake and records
-- in CoAP payloads. Works in Wireshark 4.0, 4.4 and 4.6 (Lua 5.2 to 5.4).
--
-- Put this file in the personal Lua plugin folder (Help > About > Folders), or
-- run: tshark -X lua_script:pqiot.lua …   All fields: tshark -G fields | grep pqiot
--
-- Preferences (Edit > Preferences > Protocols > PQIOT, or tshark -o):
--   pqiot.keylog     key log file that the peers write with --keylog; its records are decrypted
--   pqiot.ports      further UDP ports to read as CoAP, such as "7777,9000-9010"
--   pqiot.heuristic  find the session on any UDP port by its shape (on)
--
-- The file in order: bytes and cryptography, layout, key log, tracking of what
-- was seen, the tree, entry points, consoles, statistics.

-- The plugin folder and -X lua_script may both name this file.
if Dissector.get("pqiot") then return end

-- wire:begin (written by wire/gen from package wire: do not edit)
local W = {
  SYNC_0 = 197,
  SYNC_1 = 122,
  MAJOR = 1,
  MINOR = 0,
  HEADER_SIZE = 18,
  TRAILER_SIZE = 4,
  MAX_BODY = 8192,
  MAX_RECORD = 8214,
  BAUD_DEFAULT = 2000000,
  TYPE_FRAME = 1,
  TYPE_STATUS = 2,
  TYPE_HELLO = 3,
  TYPE_LOG = 4,
  TYPE_REPLY = 5,
  TYPE_SAY_HELLO = 129,
  TYPE_CHANNEL = 130,
  TYPE_HOP = 131,
  TYPE_SNAP_LEN = 132,
  TYPE_FILTER = 133,
  TYPE_BAUD = 134,
  TYPE_TIME_ECHO = 135,
  TYPE_STATUS_NOW = 136,
  ROLE_SNIFFER = 1,
  ROLE_GATEWAY = 2,
  ROLE_SENDER = 3,
  CAP_CHANNEL = 1,
  CAP_HOP = 2,
  CAP_SNAP_LEN = 4,
  CAP_FILTER = 8,
  CAP_BAUD = 16,
  CAP_TIME_ECHO = 32,
  PHY_DSSS = 0,
  PHY_OFDM = 1,
  PHY_HT_MIXED = 2,
  PHY_HT_GREENFIELD = 3,
  PHY_UNKNOWN = 255,
  FRAME_SHORT_GI = 1,
  FRAME_40_MHZ = 2,
  FRAME_SHORT_PREAMBLE = 4,
  FRAME_TSF = 8,
  FRAME_AMPDU = 16,
  FRAME_CUT = 32,
  RSSI_UNKNOWN = 127,
  LOG_ERROR = 0,
  LOG_WARNING = 1,
  LOG_INFO = 2,
  LOG_DEBUG = 3,
  REPLY_DONE = 0,
  REPLY_UNKNOWN = 1,
  REPLY_BAD_VALUE = 2,
  REPLY_BUSY = 3,
  REPLY_NOT_SUPPORTED = 4,
  FILTER_MGT = 1,
  FILTER_CTL = 2,
  FILTER_DATA = 4,
  FILTER_ALL = 7,
  FILTER_NO_BEACONS = 1,
  STATUS_HOPPING = 1,
  FRAME_HEAD_SIZE = 8,
  STATUS_SIZE = 32,
  HELLO_HEAD_SIZE = 24,
  REPLY_HEAD_SIZE = 4,
  FILTER_HEAD_SIZE = 3,
  FILTER_MAX_ADDRS = 8,
  CHANNEL_MIN = 1,
  CHANNEL_MAX = 14,
  HOP_MAX_CHANNELS = 14,
  STRING_MAX = 255,
  MAX_FRAME = 8184,
  COAP_PORT = 5683,
  CONTENT_FORMAT_KEY = 65000,
  CONTENT_FORMAT_HANDSHAKE_512 = 65001,
  CONTENT_FORMAT_HANDSHAKE_768 = 65002,
  CONTENT_FORMAT_HANDSHAKE_1024 = 65003,
  CONTENT_FORMAT_RECORD = 65004,
  ENCAPSULATION_KEY_SIZE_512 = 800,
  ENCAPSULATION_KEY_SIZE_768 = 1184,
  ENCAPSULATION_KEY_SIZE_1024 = 1568,
  CIPHERTEXT_SIZE_512 = 768,
  CIPHERTEXT_SIZE_768 = 1088,
  CIPHERTEXT_SIZE_1024 = 1568,
  SHARED_SECRET_SIZE = 32,
  NONCE_LEAD = 7,
  NONCE_SIZE = 13,
  SID_SIZE = 7,
  SEQ_SIZE = 5,
  TAG_SIZE = 16,
  RECORD_OVERHEAD = 29,
  MAX_FIRST_DATA = 224,
  MAX_DATA = 995,
  MAX_SESSION_SEQ = 1048576,
  PSK_SIZE = 32,
  MAX_KID = 32,
  ETAG_SIZE = 8,
  ECHO_SIZE = 12,
  ECHO_LIFETIME = 60,
  OPTION_ECHO = 252,
  OPTION_REQUEST_TAG = 292,
  KEY_LOG_SESSION = "PQIOT1",
  KEY_LOG_OSCORE = "PQIOT1_OSCORE",
}
-- wire:end

local band, bor, bxor = bit.band, bit.bor, bit.bxor
local lshift, rshift, ror, tobit = bit.lshift, bit.rshift, bit.ror, bit.tobit
local byte, char, rep, sub, format = string.byte, string.char, string.rep, string.sub, string.format

---------------------------------------------------------------------------
-- Bytes and cryptography. Strings are byte strings throughout; words are the
-- 32-bit numbers of library bit, the one that every Wireshark's Lua has.
---------------------------------------------------------------------------

-- hex takes at most 200 bytes.
local function hex(s) return format(rep("%02x", #s), byte(s, 1, #s)) end

local function unhex(s)
  return (s:gsub("%x%x", function(h) return char(tonumber(h, 16)) end))
end

local function be16(n) return char(math.floor(n / 256) % 256, n % 256) end

local function word_bytes(w)
  local d, c, b = w % 256, w % 65536, w % 16777216
  return char((w - b) / 16777216 % 256, (b - c) / 65536, (c - d) / 256, d)
end

-- FIPS 180-4 §4.2.2.
local SHA256_K = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

-- FIPS 180-4 §6.2.2 on the 64 bytes of s from at; h is renewed in place.
local function sha256_block(h, w, s, at)
  for i = 1, 16 do
    local p, q, r, t = byte(s, at + 4 * i - 4, at + 4 * i - 1)
    w[i] = p * 16777216 + q * 65536 + r * 256 + t
  end
  for i = 17, 64 do
    local x, y = w[i - 15], w[i - 2]
    w[i] = tobit(w[i - 16] + bxor(ror(x, 7), ror(x, 18), rshift(x, 3)) + w[i - 7] +
      bxor(ror(y, 17), ror(y, 19), rshift(y, 10)))
  end
  local a, b, c, d, e, f, g, k = h[1], h[2], h[3], h[4], h[5], h[6], h[7], h[8]
  for i = 1, 64 do
    local t1 = k + bxor(ror(e, 6), ror(e, 11), ror(e, 25)) + bxor(g, band(e, bxor(f, g))) + SHA256_K[i] + w[i]
    local t2 = bxor(ror(a, 2), ror(a, 13), ror(a, 22)) + bxor(band(a, b), band(c, bxor(a, b)))
    k, g, f, e, d, c, b, a = g, f, e, tobit(d + t1), c, b, a, tobit(t1 + t2)
  end
  h[1], h[2], h[3], h[4] = tobit(h[1] + a), tobit(h[2] + b), tobit(h[3] + c), tobit(h[4] + d)
  h[5], h[6], h[7], h[8] = tobit(h[5] + e), tobit(h[6] + f), tobit(h[7] + g), tobit(h[8] + k)
end

-- sha256 returns the 32-byte digest of s, which is shorter than 512 MB.
local function sha256(s)
  local h = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 }
  local bits, w = #s * 8, {}
  s = s .. "\128" .. rep("\0", (55 - #s) % 64) .. rep("\0", 4) ..
    be16(math.floor(bits / 65536)) .. be16(bits % 65536)
  for at = 1, #s, 64 do sha256_block(h, w, s, at) end
  for i = 1, 8 do h[i] = word_bytes(h[i]) end
  return table.concat(h)
end

-- AES_SBOX[0…255] (FIPS 197 §5.1.1), and the round tables that join SubBytes
-- with MixColumns.
local AES_SBOX, AES_T0, AES_T1, AES_T2, AES_T3 = {}, {}, {}, {}, {}

local function xtime(x) return band(bxor(lshift(x, 1), x >= 128 and 0x1b or 0), 255) end

do
  -- 3 generates the field: p runs over its powers and q over their inverses.
  local p, q = 1, 1
  repeat
    p = bxor(p, xtime(p))
    q = bxor(q, lshift(q, 1))
    q = bxor(q, lshift(q, 2))
    q = band(bxor(q, lshift(q, 4)), 255)
    if q >= 128 then q = bxor(q, 9) end
    local r = bor(q, lshift(q, 8))
    AES_SBOX[p] = band(bxor(q, rshift(r, 7), rshift(r, 6), rshift(r, 5), rshift(r, 4), 0x63), 255)
  until p == 1
  AES_SBOX[0] = 0x63
  for i = 0, 255 do
    local s = AES_SBOX[i]
    local t = bor(lshift(xtime(s), 24), lshift(s, 16), lshift(s, 8), bxor(s, xtime(s)))
    AES_T0[i], AES_T1[i], AES_T2[i], AES_T3[i] = t, ror(t, 8), ror(t, 16), ror(t, 24)
  end
  for i = 128, 255 do AES_T0[i - 256] = AES_T0[i] end -- words are signed
end

local function words4(s, at)
  local a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p = byte(s, at, at + 15)
  return a * 16777216 + b * 65536 + c * 256 + d, e * 16777216 + f * 65536 + g * 256 + h,
    i * 16777216 + j * 65536 + k * 256 + l, m * 16777216 + n * 65536 + o * 256 + p
end

-- aes128_expand returns the 44 words of the key schedule of a 16-byte key
-- (FIPS 197 §5.2).
local function aes128_expand(key)
  local w, rcon, S = { words4(key, 1) }, 1, AES_SBOX
  for i = 5, 44 do
    local t = w[i - 1]
    if i % 4 == 1 then
      t = bor(lshift(bxor(S[band(rshift(t, 16), 255)], rcon), 24), lshift(S[band(rshift(t, 8), 255)], 16),
        lshift(S[band(t, 255)], 8), S[rshift(t, 24)])
      rcon = xtime(rcon)
    end
    w[i] = bxor(w[i - 4], t)
  end
  return w
end

local function aes_last(a, b, c, d, k)
  local S = AES_SBOX
  return bxor(bor(lshift(S[rshift(a, 24)], 24), lshift(S[band(rshift(b, 16), 255)], 16),
    lshift(S[band(rshift(c, 8), 255)], 8), S[band(d, 255)]), k)
end

-- aes128 encrypts one block of four words (FIPS 197 §5.1). Bytes are taken out
-- by arithmetic: a call of library bit costs as much as ten operators.
local function aes128(w, a, b, c, d)
  local T0, T1, T2, T3 = AES_T0, AES_T1, AES_T2, AES_T3
  a, b, c, d = bxor(a, w[1]), bxor(b, w[2]), bxor(c, w[3]), bxor(d, w[4])
  for r = 5, 37, 4 do
    local a0, b0, c0, d0 = a % 256, b % 256, c % 256, d % 256
    local a1, b1, c1, d1 = a % 65536, b % 65536, c % 65536, d % 65536
    local a2, b2, c2, d2 = a % 16777216, b % 16777216, c % 16777216, d % 16777216
    a, b, c, d =
      bxor(T0[(a - a2) / 16777216], T1[(b2 - b1) / 65536], T2[(c1 - c0) / 256], T3[d0], w[r]),
      bxor(T0[(b - b2) / 16777216], T1[(c2 - c1) / 65536], T2[(d1 - d0) / 256], T3[a0], w[r + 1]),
      bxor(T0[(c - c2) / 16777216], T1[(d2 - d1) / 65536], T2[(a1 - a0) / 256], T3[b0], w[r + 2]),
      bxor(T0[(d - d2) / 16777216], T1[(a2 - a1) / 65536], T2[(b1 - b0) / 256], T3[c0], w[r + 3])
  end
  return aes_last(a, b, c, d, w[41]), aes_last(b, c, d, a, w[42]), aes_last(c, d, a, b, w[43]),
    aes_last(d, a, b, c, w[44])
end

local function pad16(s) return s .. rep("\0", -#s % 16) end

-- ccm_crypt en- or decrypts data in counter mode from block 1, and returns the
-- mask of the tag beside it: block 0 (RFC 3610 §2.3, L = 2).
local function ccm_crypt(w, nonce, data)
  local out, padded = {}, pad16(data)
  for i = 0, #padded / 16 do
    local a, b, c, d = aes128(w, words4("\1" .. nonce .. be16(i), 1))
    if i > 0 then
      local e, f, g, h = words4(padded, 16 * i - 15)
      a, b, c, d = bxor(a, e), bxor(b, f), bxor(c, g), bxor(d, h)
    end
    out[i] = word_bytes(a) .. word_bytes(b) .. word_bytes(c) .. word_bytes(d)
  end
  return sub(table.concat(out), 1, #data), out[0]
end

-- ccm_mac is the CBC-MAC of RFC 3610 §2.2, M = 16, L = 2.
local function ccm_mac(w, nonce, aad, data)
  local blocks = char(#aad > 0 and 0x79 or 0x39) .. nonce .. be16(#data)
  if #aad > 0 then blocks = blocks .. pad16(be16(#aad) .. aad) end
  blocks = blocks .. pad16(data)
  local a, b, c, d = 0, 0, 0, 0
  for at = 1, #blocks, 16 do
    local e, f, g, h = words4(blocks, at)
    a, b, c, d = aes128(w, bxor(a, e), bxor(b, f), bxor(c, g), bxor(d, h))
  end
  return word_bytes(a) .. word_bytes(b) .. word_bytes(c) .. word_bytes(d)
end

local function xor_bytes(a, b)
  local out = {}
  for i = 1, #a do out[i] = char(bxor(byte(a, i), byte(b, i))) end
  return table.concat(out)
end

-- ccm_open returns the plaintext, and whether the 16-byte tag verifies. data
-- is at most 65535 bytes, aad fewer than 65280.
local function ccm_open(w, nonce, aad, data, tag)
  local plain, mask = ccm_crypt(w, nonce, data)
  return plain, xor_bytes(ccm_mac(w, nonce, aad, plain), mask) == tag
end

-- bad_coefficient returns the index and value of the first coefficient of an
-- encapsulation key that is not below q (FIPS 203 §7.2, modulus check).
local function bad_coefficient(ek)
  for at = 1, #ek - 32, 3 do
    local a, b, c = byte(ek, at, at + 2)
    local lo, hi = a + b % 16 * 256, math.floor(b / 16) + c * 16
    local index = (at - 1) / 3 * 2
    if lo >= 3329 then return index, lo end
    if hi >= 3329 then return index + 1, hi end
  end
end

---------------------------------------------------------------------------
-- Layout of the payloads
---------------------------------------------------------------------------

local KIND_KEY, KIND_HANDSHAKE, KIND_DATA, KIND_HANDSHAKE_RESPONSE, KIND_DATA_RESPONSE, KIND_RESPONSE = 1, 2, 3, 4, 5, 6
local KIND_NAMES = {
  [KIND_KEY] = "key", [KIND_HANDSHAKE] = "handshake", [KIND_DATA] = "data",
  [KIND_HANDSHAKE_RESPONSE] = "handshake response", [KIND_DATA_RESPONSE] = "data response",
  [KIND_RESPONSE] = "response", -- the request was not captured
}
local SUITE_NAMES = { [512] = "ML-KEM-512", [768] = "ML-KEM-768", [1024] = "ML-KEM-1024" }

local KEY_SUITE = { -- by size of the encapsulation key, bytes
  [W.ENCAPSULATION_KEY_SIZE_512] = 512,
  [W.ENCAPSULATION_KEY_SIZE_768] = 768,
  [W.ENCAPSULATION_KEY_SIZE_1024] = 1024,
}
local HANDSHAKE = { -- by Content-Format
  [W.CONTENT_FORMAT_HANDSHAKE_512] = { suite = 512, ct = W.CIPHERTEXT_SIZE_512 },
  [W.CONTENT_FORMAT_HANDSHAKE_768] = { suite = 768, ct = W.CIPHERTEXT_SIZE_768 },
  [W.CONTENT_FORMAT_HANDSHAKE_1024] = { suite = 1024, ct = W.CIPHERTEXT_SIZE_1024 },
}
local POST, CHANGED, CONTENT = 2, 68, 69 -- CoAP codes 0.02, 2.04 and 2.05

local function complain(m, expert, text) m.experts[#m.experts + 1] = { expert, text } end

local function code_name(code) return format("%d.%02d", math.floor(code / 32), code % 32) end

local function cut(m, offset, length) return sub(m.body, offset + 1, offset + length) end

local function parse_key(m)
  m.kind, m.suite = KIND_KEY, KEY_SUITE[#m.body]
  if not m.suite then
    complain(m, "malformed", format("Key of %d bytes: %d, %d or %d expected", #m.body,
      W.ENCAPSULATION_KEY_SIZE_512, W.ENCAPSULATION_KEY_SIZE_768, W.ENCAPSULATION_KEY_SIZE_1024))
  end
end

local function data_at(m) return m.nonce_at + W.NONCE_SIZE end

local function tag_at(m) return #m.body - W.TAG_SIZE end

-- parse_record reads N ‖ encrypted data ‖ tag from offset at.
local function parse_record(m, at, what, max)
  local data = #m.body - at - W.RECORD_OVERHEAD
  if data < 0 then
    complain(m, "malformed", format("%s of %d bytes, at least %d expected", what, #m.body, at + W.RECORD_OVERHEAD))
    return
  end
  m.nonce_at, m.data_size = at, data
  if data > max then complain(m, "oversize", format("%d bytes of data, at most %d are allowed", data, max)) end
  m.nonce = cut(m, at, W.NONCE_SIZE)
  if byte(m.nonce) ~= W.NONCE_LEAD then
    complain(m, "malformed", format("Nonce starts with 0x%02x: 0x%02x expected", byte(m.nonce), W.NONCE_LEAD))
    return
  end
  m.sid = sub(m.nonce, 2, 1 + W.SID_SIZE)
  local s = { byte(m.nonce, 2 + W.SID_SIZE, W.NONCE_SIZE) }
  m.seq = 0
  for i = 1, #s do m.seq = m.seq * 256 + s[i] end
end

local function parse_handshake(m, h)
  m.kind, m.suite, m.ct_size = KIND_HANDSHAKE, h.suite, h.ct
  parse_record(m, h.ct, "Handshake", W.MAX_FIRST_DATA)
  if not m.sid then return end
  m.computed_sid = sub(sha256("pqiot1 sid" .. cut(m, 0, h.ct)), 1, W.SID_SIZE)
  if m.sid ~= m.computed_sid then
    complain(m, "sid", format("Session id %s is not that of the ciphertext, %s", hex(m.sid), hex(m.computed_sid)))
  end
  if m.seq ~= 0 then
    complain(m, "malformed", format("Handshake with sequence %d: 0 expected", m.seq))
  end
end

-- parse returns what a body of Content-Format cf holds. It never fails: what is
-- wrong goes into experts.
local function parse(body, cf, code)
  local m = { body = body, cf = cf, code = code, experts = {}, request = code < 32 }
  local want = POST
  if cf == W.CONTENT_FORMAT_KEY then
    parse_key(m)
    want = CONTENT
  elseif HANDSHAKE[cf] then
    parse_handshake(m, HANDSHAKE[cf])
  else
    m.kind = m.request and KIND_DATA or KIND_RESPONSE
    parse_record(m, 0, "Record", W.MAX_DATA)
    if not m.request then want = CHANGED end
  end
  if code ~= want then
    complain(m, "code", format("Code %s: %s expected", code_name(code), code_name(want)))
  end
  return m
end

---------------------------------------------------------------------------
-- Key log: lines PQIOT1 <SID> <512|768|1024> <Kc> <Kg> <IV>, see wire/session.go
---------------------------------------------------------------------------

local function new_keylog(path)
  return { path = path, at = 0, line = 0, bad = 0, sessions = {} }
end

local function is_keylog_line(line) return sub(line .. " ", 1, #W.KEY_LOG_SESSION + 1) == W.KEY_LOG_SESSION .. " " end

-- keylog_line takes one line, and returns what is wrong with it; never its
-- text, which may be part of a key.
local function keylog_line(log, line)
  if not is_keylog_line(line) then return end
  local sid, set, kc, kg, iv = line:match("^%w+ ([%da-f]+) (%d+) ([%da-f]+) ([%da-f]+) ([%da-f]+)$")
  if not sid then return "not five fields of lower-case hex" end
  local suite = tonumber(set)
  if #sid ~= 2 * W.SID_SIZE then return format("session id of %d digits, 14 expected", #sid) end
  if not SUITE_NAMES[suite] or #set ~= #tostring(suite) then return "no ML-KEM parameter set" end
  if #kc ~= 32 or #kg ~= 32 then return "a key that is not of 32 digits" end
  if #iv ~= 2 * W.NONCE_SIZE then return format("IV of %d digits, 26 expected", #iv) end
  sid = unhex(sid)
  local known = log.sessions[sid] or {}
  log.sessions[sid] = known
  -- One session id may have two sets: its ciphertext was sent again under a new Echo.
  known[#known + 1] = { suite = suite, kc = unhex(kc), kg = unhex(kg), iv = unhex(iv) }
end

-- keylog_text takes what was read from log.at on. A last line without its end
-- is left for the next time, unless it is good already.
local function keylog_text(log, text)
  local from = 1
  while from <= #text do
    local stop = text:find("\n", from, true)
    local line = sub(text, from, (stop or #text + 1) - 1):gsub("\r$", "")
    local wrong = keylog_line(log, line)
    if wrong and not stop then break end
    if not wrong and not stop and not is_keylog_line(line) then break end
    log.line = log.line + 1
    if wrong then
      log.bad = log.bad + 1
      log.first_bad = log.first_bad or format("line %d: %s", log.line, wrong)
    end
    from = (stop or #text) + 1
  end
  log.at = log.at + from - 1
end

-- keylog_refresh reads what the file has gained: a live capture runs beside
-- the peer that writes it. A file that shrank is read anew.
local function keylog_refresh(log)
  if log.path == "" then return end
  local f, err = io.open(log.path, "rb")
  local size
  if f then size, err = f:seek("end") end
  if size and size < log.at then
    log.at, log.line, log.bad, log.told_bad, log.first_bad, log.sessions = 0, 0, 0, 0, nil, {}
  end
  if size and size > log.at then
    f:seek("set", log.at)
    local text
    text, err = f:read("*a")
    if text then keylog_text(log, text) end
  end
  if f then f:close() end
  log.problem = err and "The key log cannot be read: " .. err or nil
end

local function keylog_find(log, sid)
  if not log.sessions[sid] then keylog_refresh(log) end
  return log.sessions[sid]
end

---------------------------------------------------------------------------
-- Opening records
---------------------------------------------------------------------------

local TYPE_OF = { [KIND_HANDSHAKE] = 0x01, [KIND_DATA] = 0x02, [KIND_HANDSHAKE_RESPONSE] = 0x81, [KIND_DATA_RESPONSE] = 0x82 }

local function aad_of(m)
  local aad = "pqiot1" .. char(TYPE_OF[m.kind], m.code) .. be16(m.cf) .. "\3msg"
  if m.request then return aad .. m.nonce end
  return aad .. m.answers.nonce .. m.nonce
end

-- unseal decrypts m, where the key log has its session: m.plain, and m.tag_ok,
-- which stays nil for a response whose request was not captured.
local function unseal(m, log)
  local known = m.sid and keylog_find(log, m.sid)
  if not known then return end
  local data, tag = cut(m, data_at(m), m.data_size), cut(m, tag_at(m), W.TAG_SIZE)
  for i = #known, 1, -1 do
    local keys = known[i]
    local side = m.request and "kc" or "kg"
    keys[side .. "_schedule"] = keys[side .. "_schedule"] or aes128_expand(keys[side])
    local w, nonce = keys[side .. "_schedule"], xor_bytes(m.nonce, keys.iv)
    m.suite = m.suite or keys.suite
    if not (m.request or m.answers and m.answers.nonce) then
      m.plain = ccm_crypt(w, nonce, data)
      complain(m, "unpaired", "Decrypted, but not verified: the request was not captured")
      return
    end
    local plain, ok = ccm_open(w, nonce, aad_of(m), data, tag)
    m.tag_ok = ok
    if ok then
      m.plain = plain
      return
    end
  end
  complain(m, "tag", "The tag does not verify under the key of the key log")
end

---------------------------------------------------------------------------
-- Tracking: what was seen in earlier frames of the file
---------------------------------------------------------------------------

local EXCHANGE_LIFETIME = 247 -- seconds; RFC 7252 §4.8.2
local WINDOW = 64 -- replay window, records

local function new_state(keylog_path)
  return {
    frames = {},      -- what each frame was found to hold, by its number and the message's place
    messages = {},    -- last message by flow and message id
    requests = {},    -- last request by flow and token
    nonces = {},      -- first record by direction and nonce
    ciphertexts = {}, -- first handshake by the id computed from its ciphertext
    sessions = {},    -- by session id
    spoken = {},      -- flows on other ports that carry the session
    keylog = new_keylog(keylog_path),
  }
end

local REPEAT_NAMES = { [1] = "Wi-Fi retry", [2] = "relayed by the access point", [3] = "CoAP retransmission", [4] = "replay" }

-- hear notes one more copy of first on the air, and tells how it came about.
-- Copies are compared with the last one of the same radio, as a CoAP
-- retransmission is relayed too.
local function hear(first, again)
  local air, kind = again.wlan, 3
  if not air then return kind end
  first.heard = first.heard or {}
  local before = first.heard[air.ta]
  if before and air.retry and before.seq == air.seq then
    kind = 1
  elseif air.ds == 2 and first.uplink and again.time - first.uplink < 1 then
    kind = 2
  end
  first.heard[air.ta] = air
  if air.ds == 1 then first.uplink = again.time end
  if air.ds == 2 then first.uplink = nil end
  return kind
end

-- track_message pairs a response with its request, and says whether m is the
-- same CoAP message as an earlier one.
local function track_message(st, m)
  if not m.request then m.answers = st.requests[m.back .. "/" .. m.token] end
  local id = m.mid and m.flow .. "/" .. m.mid
  local first = id and st.messages[id]
  if first and first.body == m.body and first.cf == m.cf and m.time - first.time < EXCHANGE_LIFETIME then
    m.repeats, m.repeat_kind = first, hear(first, m)
    complain(m, "retransmission", format("The message of frame %d again: %s", first.frame, REPEAT_NAMES[m.repeat_kind]))
    return true
  end
  if id then
    st.messages[id] = m
    hear(m, m)
  end
  return false
end

local function track_response(m)
  local req = m.answers
  if not req then return end
  if not req.answered then req.answered = m end
  if m.kind == KIND_RESPONSE then
    m.kind = req.kind == KIND_HANDSHAKE and KIND_HANDSHAKE_RESPONSE or KIND_DATA_RESPONSE
  end
  if m.sid and req.sid and m.sid ~= req.sid then
    complain(m, "session", format("Session id %s answers %s of frame %d", hex(m.sid), hex(req.sid), req.frame))
  end
  m.suite = m.suite or req.suite
end

local function session_of(st, m)
  local s = st.sessions[m.sid]
  if not s then
    s = {
      sid = m.sid, first = m.frame, repeats = 0, good = 0, bad = 0,
      sender = { records = 0, bytes = 0 }, gateway = { records = 0, bytes = 0 },
    }
    st.sessions[m.sid] = s
  end
  if m.kind == KIND_HANDSHAKE and not s.handshake and m.sid == m.computed_sid then
    s.handshake, s.suite = m, m.suite
  end
  s.suite = s.suite or m.suite
  m.suite = m.suite or s.suite
  if m.request and not s.from then s.from, s.to = m.src, m.dst end
  return s
end

-- track_ciphertext says whether m is a handshake whose ciphertext was sent
-- before under another Echo, as the gateway's 4.01 asks for: new keys, so that
-- the same nonce is honest.
local function track_ciphertext(st, m)
  if not m.computed_sid then return false end
  local sent = st.ciphertexts[m.computed_sid]
  if not sent then
    st.ciphertexts[m.computed_sid] = { first = m, [m.echo] = m }
    return false
  end
  local same = sent[m.echo] or sent.first
  if not sent[m.echo] and same.src == m.src then
    sent[m.echo] = m
    complain(m, "resent", format("Ciphertext of frame %d again under another Echo, as after 4.01", same.frame))
    return true
  end
  complain(m, "ciphertext", format("Ciphertext seen before in frame %d", same.frame))
  return false
end

local function record_bytes(m) return sub(m.body, m.nonce_at + 1) end

-- track_nonce says whether an earlier record of the same direction had m's nonce.
local function track_nonce(st, m, renewed)
  local id = (m.request and "c" or "g") .. m.nonce
  local first = st.nonces[id]
  if not first or renewed then
    if m.tag_ok ~= false then st.nonces[id] = m end
    return first ~= nil
  end
  m.repeats = first
  if record_bytes(first) == record_bytes(m) then
    m.repeat_kind = 4
    complain(m, "nonce", format("Nonce seen before in frame %d, with the same record", first.frame))
  else
    complain(m, "reuse", format("Nonce seen before in frame %d, with another record: forgery, or a broken peer", first.frame))
  end
  return true
end

local function track_sequence(side, m)
  local highest = side.highest
  if m.seq > W.MAX_SESSION_SEQ then
    -- No honest peer sends it: it must not make the rest look old.
    complain(m, "limit", format("Sequence %d is over the limit of a session, %d", m.seq, W.MAX_SESSION_SEQ))
  elseif not highest or m.seq > highest then
    side.highest = m.seq
  elseif highest - m.seq >= WINDOW then
    complain(m, "backwards", format("Sequence %d after %d: out of the window of %d", m.seq, highest, WINDOW))
  else
    complain(m, "reordered", format("Sequence %d after %d: out of order", m.seq, highest))
  end
end

-- track_keylog says once what is wrong with the key log.
local function track_keylog(log, m)
  if log.problem and log.problem ~= log.told then complain(m, "keylog", log.problem) end
  log.told = log.problem
  if log.bad > (log.told_bad or 0) then
    complain(m, "keylog", format("%d bad lines in the key log, first %s", log.bad, log.first_bad))
    log.told_bad = log.bad
  end
end

-- track_record says whether m is a record that its peer may just have sent.
local function track_record(st, m, s)
  local side = m.request and s.sender or s.gateway
  side.records, side.bytes = side.records + 1, side.bytes + m.data_size
  if m.tag_ok then s.good = s.good + 1 end
  if m.tag_ok == false then s.bad = s.bad + 1 end
  local renewed = track_ciphertext(st, m)
  local seen = track_nonce(st, m, renewed)
  if seen and not renewed then s.repeats = s.repeats + 1 end
  -- What is not genuine, or was heard already, does not move the window.
  if seen or m.tag_ok == false then return renewed end
  track_sequence(side, m)
  return true
end

-- track puts m, heard for the first time, in its place among the earlier ones.
local function track(st, m)
  local again = track_message(st, m)
  track_response(m)
  unseal(m, st.keylog)
  track_keylog(st.keylog, m)
  local fresh = not again
  if m.sid then
    m.session = session_of(st, m)
    if again then
      m.session.repeats = m.session.repeats + 1
    else
      fresh = track_record(st, m, m.session)
    end
  end
  if fresh and m.request then st.requests[m.flow .. "/" .. m.token] = m end
end

---------------------------------------------------------------------------
-- The tree
---------------------------------------------------------------------------

local proto = Proto("PQIOT", "PQIOT post-quantum session")
local TAG_STATUS = { [0] = "Bad", [1] = "Good", [2] = "Unverified" }
local request_type, response_type = frametype.REQUEST, frametype.RESPONSE

local f = {
  kind = ProtoField.uint8("pqiot.kind", "Kind", base.DEC, KIND_NAMES),
  suite = ProtoField.uint16("pqiot.suite", "Parameter set", base.DEC, SUITE_NAMES),
  key = ProtoField.bytes("pqiot.key", "Encapsulation key"),
  pin = ProtoField.string("pqiot.key.pin", "Pin", base.ASCII, "SHA-256 of the encapsulation key, in hex"),
  ciphertext = ProtoField.bytes("pqiot.ciphertext", "ML-KEM ciphertext"),
  nonce = ProtoField.bytes("pqiot.nonce", "Nonce", base.NONE, "Sent in clear; XOR the session's IV it is the nonce of the AEAD"),
  lead = ProtoField.uint8("pqiot.nonce.lead", "Length of the session id", base.DEC),
  sid = ProtoField.bytes("pqiot.sid", "Session id"),
  sid_ok = ProtoField.bool("pqiot.sid.ok", "Session id is the hash of the ciphertext"),
  seq = ProtoField.uint64("pqiot.seq", "Sequence", base.DEC),
  data = ProtoField.bytes("pqiot.data", "Encrypted data"),
  data_size = ProtoField.uint32("pqiot.data.length", "Length of the data", base.DEC),
  tag = ProtoField.bytes("pqiot.tag", "Tag"),
  tag_status = ProtoField.uint8("pqiot.tag.status", "Tag status", base.DEC, TAG_STATUS),
  plaintext = ProtoField.bytes("pqiot.plaintext", "Decrypted data"),
  text = ProtoField.string("pqiot.text", "Decrypted text"),
  rest = ProtoField.bytes("pqiot.undecoded", "Undecoded bytes"),
  response_in = ProtoField.framenum("pqiot.response_in", "Response in", base.NONE, response_type),
  response_to = ProtoField.framenum("pqiot.response_to", "Request in", base.NONE, request_type),
  time = ProtoField.relative_time("pqiot.time", "Time since the request"),
  handshake_in = ProtoField.framenum("pqiot.handshake_in", "Handshake in"),
  repeats = ProtoField.framenum("pqiot.repeat_of", "Same as in"),
  repeat_kind = ProtoField.uint8("pqiot.repeat_kind", "Repeated how", base.DEC, REPEAT_NAMES),
}
proto.fields = f

local group, severity = expert.group, expert.severity

local function note(name, text, of, how)
  return ProtoExpert.new("pqiot.expert." .. name, text, of, how)
end

local e = {
  malformed = note("malformed", "Malformed body", group.MALFORMED, severity.ERROR),
  code = note("code", "Unexpected CoAP code", group.PROTOCOL, severity.WARN),
  oversize = note("oversize", "More data than allowed", group.PROTOCOL, severity.WARN),
  modulus = note("modulus", "Key has a coefficient out of range", group.PROTOCOL, severity.ERROR),
  sid = note("sid", "Session id is not that of the ciphertext", group.PROTOCOL, severity.ERROR),
  session = note("session", "Response of another session", group.PROTOCOL, severity.WARN),
  retransmission = note("retransmission", "CoAP message heard again", group.SEQUENCE, severity.NOTE),
  resent = note("resent", "Ciphertext sent again under another Echo", group.SEQUENCE, severity.NOTE),
  ciphertext = note("ciphertext", "Ciphertext seen before", group.SECURITY, severity.WARN),
  nonce = note("nonce", "Nonce seen before", group.SECURITY, severity.WARN),
  reuse = note("reuse", "Nonce seen before with another record", group.SECURITY, severity.ERROR),
  backwards = note("backwards", "Sequence goes backwards", group.SEQUENCE, severity.WARN),
  reordered = note("reordered", "Sequence out of order", group.SEQUENCE, severity.NOTE),
  limit = note("limit", "Sequence over the limit of a session", group.PROTOCOL, severity.WARN),
  tag = note("tag", "Tag does not verify", group.SECURITY, severity.ERROR),
  unpaired = note("unpaired", "Decrypted, but not verified", group.UNDECODED, severity.NOTE),
  keylog = note("keylog", "Key log cannot be used in full", group.UNDECODED, severity.WARN),
}
proto.experts = e

-- is_text says whether s is printable UTF-8 (RFC 3629 §4, less strict on ranges).
local function is_text(s)
  s = s:gsub("[\240-\244][\128-\191][\128-\191][\128-\191]", ".")
  s = s:gsub("[\224-\239][\128-\191][\128-\191]", "."):gsub("[\194-\223][\128-\191]", ".")
  return not s:find("[^\32-\126\t\r\n]")
end

local function summary(m)
  local parts = { "PQIOT " .. KIND_NAMES[m.kind] }
  parts[#parts + 1] = m.suite and SUITE_NAMES[m.suite]
  parts[#parts + 1] = m.sid and "SID " .. hex(m.sid)
  parts[#parts + 1] = m.seq and format("SEQ %d", m.seq)
  local text = table.concat(parts, " ")
  if m.kind == KIND_KEY then return format("%s, %d B", text, #m.body) end
  return m.data_size and format("%s, %d B data", text, m.data_size) or text .. ", malformed"
end

-- leaf adds a field over bytes of the body, if there are any.
local function leaf(tree, tvb, field, at, length)
  if length > 0 then return tree:add(field, tvb(at, length)) end
end

local function made(tree, field, value)
  if value ~= nil then tree:add(field, value):set_generated() end
end

local function paint_nonce(m, tvb, tree)
  local item = leaf(tree, tvb, f.nonce, m.nonce_at, W.NONCE_SIZE)
  leaf(item, tvb, f.lead, m.nonce_at, 1)
  leaf(item, tvb, f.sid, m.nonce_at + 1, W.SID_SIZE)
  if m.computed_sid then made(item, f.sid_ok, m.sid == m.computed_sid) end
  leaf(item, tvb, f.seq, m.nonce_at + 1 + W.SID_SIZE, W.SEQ_SIZE)
end

local function paint_record(m, tvb, tree)
  paint_nonce(m, tvb, tree)
  local data = leaf(tree, tvb, f.data, data_at(m), m.data_size) or tree
  made(data, f.data_size, m.data_size)
  local tag = leaf(tree, tvb, f.tag, tag_at(m), W.TAG_SIZE)
  local status = 2
  if m.tag_ok ~= nil then status = m.tag_ok and 1 or 0 end
  made(tag, f.tag_status, status)
  if m.plain and #m.plain > 0 then
    local plain = ByteArray.new(m.plain, true):tvb("PQIOT decrypted")
    tree:add(f.plaintext, plain())
    if is_text(m.plain) then tree:add(f.text, plain(), m.plain) end
  end
end

local function paint_links(m, tree)
  local heard_first = m.repeat_kind and m.repeat_kind < 4 and m.repeats or m
  if heard_first.answered then made(tree, f.response_in, heard_first.answered.frame) end
  if m.answers then
    made(tree, f.response_to, m.answers.frame)
    local delay = m.time - m.answers.time
    local seconds = math.floor(delay)
    made(tree, f.time, NSTime.new(seconds, math.floor((delay - seconds) * 1e9 + 0.5)))
  end
  local s = m.session
  if s and s.handshake and s.handshake ~= m then made(tree, f.handshake_in, s.handshake.frame) end
  if m.repeats then
    made(tree, f.repeats, m.repeats.frame)
    made(tree, f.repeat_kind, m.repeat_kind)
  end
end

local function paint(m, tvb, tree)
  local top = tree:add(proto, tvb())
  local text = summary(m)
  top:set_text(text)
  made(top, f.kind, m.kind)
  made(top, f.suite, m.suite)
  if m.kind == KIND_KEY then
    leaf(top, tvb, f.key, 0, tvb:len())
    made(top, f.pin, m.pin)
  elseif m.data_size then
    leaf(top, tvb, f.ciphertext, 0, m.ct_size or 0)
    paint_record(m, tvb, top)
  else
    leaf(top, tvb, f.rest, 0, tvb:len())
  end
  paint_links(m, top)
  for _, x in ipairs(m.experts) do top:add_proto_expert_info(e[x[1]], x[2]) end
  return text
end

---------------------------------------------------------------------------
-- Entry points
---------------------------------------------------------------------------

proto.prefs.keylog = Pref.string("Key log file", "", "Written by the peers with --keylog; its sessions are decrypted")
proto.prefs.ports = Pref.range("Further CoAP ports", "", "UDP ports to read as CoAP, beside CoAP's own", 65535)
proto.prefs.heuristic = Pref.bool("Find sessions on any UDP port", true, "By the shape of the CoAP message and its body")

local state = new_state("")
local ports = "" -- now registered

-- optional returns an extractor of the first field that this version has.
local function optional(...)
  for _, name in ipairs({ ... }) do
    local ok, extractor = pcall(Field.new, name)
    if ok then return extractor end
  end
  return function() end
end

local coap = {
  code = Field.new("coap.code"), mid = Field.new("coap.mid"), token = Field.new("coap.token"),
  echo = optional("coap.opt.opt_echo", "coap.opt.unknown"), -- by name from 4.2 on
}
local wlan = { ta = optional("wlan.ta"), seq = optional("wlan.seq"), retry = optional("wlan.fc.retry"), ds = optional("wlan.fc.ds") }
local icmp, icmpv6 = optional("icmp"), optional("icmpv6")

local function last(extractor) return select(-1, nil, extractor()) end

-- header adds to m what the CoAP dissector found in the message now at hand,
-- the last one in the frame: its code stands at offset from.
local function header(m, pinfo, from)
  local function field(extractor)
    local info = last(extractor)
    return info and info.offset >= from and info.value or nil
  end
  m.frame, m.time = pinfo.number, pinfo.rel_ts
  m.mid, m.token, m.echo = field(coap.mid), tostring(field(coap.token) or ""), ""
  for _, info in ipairs({ coap.echo() }) do
    if info.len == W.ECHO_SIZE and info.offset >= from then m.echo = tostring(info.value) end
  end
  m.src = format("%s:%d", tostring(pinfo.src), pinfo.src_port)
  m.dst = format("%s:%d", tostring(pinfo.dst), pinfo.dst_port)
  m.flow, m.back = m.src .. ">" .. m.dst, m.dst .. ">" .. m.src
end

local function wlan_header()
  local ta = last(wlan.ta)
  if not ta then return nil end
  local seq, retry, ds = last(wlan.seq), last(wlan.retry), last(wlan.ds)
  return { ta = tostring(ta.value), seq = seq and seq.value, retry = retry and retry.value, ds = ds and ds.value }
end

-- check_key looks into an encapsulation key. It is the same in most messages,
-- so the last one's pin is kept.
local function check_key(m)
  local index, value = bad_coefficient(m.body)
  if index then complain(m, "modulus", format("Coefficient %d is %d: below 3329 expected", index, value)) end
  if state.last_key ~= m.body then
    state.last_key, state.last_pin = m.body, hex(sha256(m.body))
  end
  m.pin = state.last_pin
end

-- inspect parses and tracks a body, once for each message of the file; code is
-- the field of the CoAP code, and tells where in the frame the message is.
local function inspect(body, cf, code, pinfo)
  local id = pinfo.number .. "/" .. code.offset
  local known = state.frames[id]
  if known and known.body == body then
    if known.tag_ok == nil and not known.plain then unseal(known, state.keylog) end
    return known
  end
  local m = parse(body, cf, code.value)
  header(m, pinfo, code.offset)
  if m.kind == KIND_KEY and m.suite then check_key(m) end
  -- An ICMP error quotes a message: nobody sent it a second time.
  if known or icmp() or icmpv6() then return m end
  m.wlan = wlan_header()
  state.frames[id] = m
  track(state, m)
  return m
end

function proto.dissector(tvb, pinfo, tree)
  local cf, code = tonumber(tostring(pinfo.match_string):match("(%d+)$")), last(coap.code)
  -- HTTP shares the table. The CoAP dissector itself stops before us in a
  -- message that the capture cut short.
  if not (cf and code) or tvb:len() == 0 or tvb:len() < tvb:reported_len() then return 0 end
  local m = inspect(tvb:raw(0, tvb:len()), cf, code, pinfo)
  pinfo.cols.protocol = "PQIOT"
  pinfo.cols.info = paint(m, tvb, tree)
  return tvb:len()
end

-- option_number reads the 4-bit delta or length v with its extension at byte i
-- (RFC 7252 §3.1), and returns it and where the next begins.
local function option_number(s, v, i)
  if v < 13 then return v, i end
  if v == 13 and i <= #s then return byte(s, i) + 13, i + 1 end
  if v == 14 and i < #s then return byte(s, i) * 256 + byte(s, i + 1) + 269, i + 2 end
end

-- coap_message reads a CoAP message without forgiveness: nil where anything is
-- out of the form of RFC 7252 §3, else code, path, Content-Format, whether it
-- is a block, and where the payload begins.
local function coap_message(s)
  if #s < 4 then return nil end
  local first, code = byte(s, 1, 2)
  local token = first % 16
  if math.floor(first / 64) ~= 1 or token > 8 or #s < 4 + token then return nil end
  local m, number, i = { code = code, path = "" }, 0, 5 + token
  while i <= #s and byte(s, i) ~= 0xff do
    local head = byte(s, i)
    local delta, length
    delta, i = option_number(s, math.floor(head / 16), i + 1)
    if delta then length, i = option_number(s, head % 16, i) end
    if not length or i + length - 1 > #s then return nil end
    number = number + delta
    local value = sub(s, i, i + length - 1)
    if number == 11 then m.path = m.path .. "/" .. value end
    if number == 12 and length == 2 then m.cf = byte(value, 1) * 256 + byte(value, 2) end
    if number == 23 or number == 27 then m.block = true end
    i = i + length
  end
  if i == #s then return nil end -- a marker with no payload
  m.payload_at = i < #s and i + 1 or nil
  return m
end

-- is_session says whether a CoAP message can only be one of ours.
local function is_session(c, s, size)
  if c.code == 1 then return c.path == "/pk" and not c.payload_at end
  if not (c.cf and c.payload_at) then return false end
  local length = size - c.payload_at + 1
  if c.cf == W.CONTENT_FORMAT_KEY then return c.code == CONTENT and (c.block or KEY_SUITE[length] ~= nil) end
  local h = HANDSHAKE[c.cf]
  if h then return c.code == POST and c.path == "/msg" and (c.block or length >= h.ct + W.RECORD_OVERHEAD) end
  return c.cf == W.CONTENT_FORMAT_RECORD and (c.code == CHANGED or c.code == POST and c.path == "/msg") and
    length >= W.RECORD_OVERHEAD and byte(s, c.payload_at) == W.NONCE_LEAD
end

-- On other ports: once a flow has carried the session, its other CoAP messages
-- belong to it too (a 4.01 shows nothing of ours).
local function heuristic(tvb, pinfo, tree)
  if not proto.prefs.heuristic or tvb:len() < 4 then return false end
  local s = tvb:raw(0, tvb:len())
  local c = coap_message(s)
  if not c then return false end
  local a, b = tostring(pinfo.src) .. ":" .. pinfo.src_port, tostring(pinfo.dst) .. ":" .. pinfo.dst_port
  local flow = a < b and a .. ">" .. b or b .. ">" .. a
  local since = state.spoken[flow]
  if not (since and since <= pinfo.number) then
    if not is_session(c, s, tvb:reported_len()) then return false end
    state.spoken[flow] = pinfo.number
  end
  Dissector.get("coap"):call(tvb, pinfo, tree)
  return true
end

local function set_ports(now)
  if now == ports then return end
  local udp, dissector = DissectorTable.get("udp.port"), Dissector.get("coap")
  if ports ~= "" then udp:remove(ports, dissector) end
  if now ~= "" then udp:add(now, dissector) end
  ports = now
end

function proto.init()
  state = new_state(proto.prefs.keylog)
  keylog_refresh(state.keylog)
end

function proto.prefs_changed() set_ports(proto.prefs.ports) end

for cf = W.CONTENT_FORMAT_KEY, W.CONTENT_FORMAT_RECORD do
  DissectorTable.get("media_type"):add("Unknown Type " .. cf, proto)
end
proto:register_heuristic("udp", heuristic)

---------------------------------------------------------------------------
-- Consoles: lines that gateway and sender print, beside the frames
---------------------------------------------------------------------------

-- The packet names this dissector itself (link type 252), so nothing has to
-- be set. Its bytes are "board: text"; a timing reads "step 6.1 ms".
local console = Proto("pqiot_console", "PineCone board console")
local shown = {
  board = ProtoField.string("pqiot_console.board", "Board"),
  text = ProtoField.string("pqiot_console.text", "Text"),
  step = ProtoField.string("pqiot_console.step", "Timed step"),
  duration = ProtoField.double("pqiot_console.duration", "Duration in ms"),
}
console.fields = { shown.board, shown.text, shown.step, shown.duration }

local MILLISECONDS = { us = 0.001, ms = 1, s = 1000 }

-- console_timing gives step and ms of a line that tells how long a step took.
local function console_timing(text)
  local step, number, unit = text:match("^(%l[%w%-_%.]*) (%d+%.?%d*) (%a+)$")
  number = tonumber(number)
  if not (number and MILLISECONDS[unit]) then return nil end
  return step, number * MILLISECONDS[unit]
end

function console.dissector(tvb, pinfo, tree)
  local size = tvb:len()
  local line = size > 0 and tvb:raw(0, size) or ""
  local board = line:match("^([%l%d%-]+): ") or ""
  local at = #board > 0 and #board + 2 or 0
  local text = sub(line, at + 1)
  pinfo.cols.protocol = "CONSOLE"
  pinfo.cols.info = line
  local branch = tree:add(console, tvb(), "PineCone console, " .. line)
  if #board > 0 then branch:add(shown.board, tvb(0, #board)) end
  if #text == 0 then return size end
  local range = tvb(at, size - at)
  branch:add(shown.text, range, range:string(ENC_UTF_8))
  local step, ms = console_timing(text)
  if step then
    branch:add(shown.step, range, step):set_generated()
    branch:add(shown.duration, range, ms):set_generated()
  end
  return size
end

---------------------------------------------------------------------------
-- Statistics (Statistics > PQIOT sessions)
---------------------------------------------------------------------------

local ROW = "%-14s  %-11s  %9s  %7s  %11s  %8s  %10s  %7s  %8s  %s\n"

-- report_sessions is the text of the statistics window.
local function report_sessions(st)
  local list = {}
  for _, s in pairs(st.sessions) do list[#list + 1] = s end
  table.sort(list, function(a, b) return a.first < b.first end)
  local out = { format(ROW, "session", "set", "handshake", "records", "highest SEQ", "answers", "data bytes", "repeats", "bad tags", "endpoints") }
  for _, s in ipairs(list) do
    out[#out + 1] = format(ROW, hex(s.sid), s.suite and SUITE_NAMES[s.suite] or "?", s.handshake and s.handshake.frame or "-",
      s.sender.records, s.sender.highest or "-", s.gateway.records, s.sender.bytes + s.gateway.bytes, s.repeats, s.bad,
      s.from and s.from .. " > " .. s.to or "?")
  end
  return table.concat(out)
end

local function show_sessions()
  local window, tap = TextWindow.new("PQIOT sessions"), Listener.new("frame", "pqiot")
  window:set_atclose(function() tap:remove() end)
  function tap.draw() window:set(report_sessions(state)) end
  window:set(report_sessions(state))
end

if gui_enabled() then register_menu("PQIOT sessions", show_sessions, MENU_STAT_UNSORTED) end

-- For the tests of what needs no Wireshark.
return {
  sha256 = sha256, aes128_expand = aes128_expand, ccm_open = ccm_open, coap_message = coap_message, is_session = is_session,
  parse = parse, new_state = new_state, track = track, keylog_text = keylog_text, is_text = is_text,
  report_sessions = report_sessions, summary = summary, console_timing = console_timing,
}
