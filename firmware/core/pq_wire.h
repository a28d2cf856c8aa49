/* Written by wire/gen from the Go package wire. Do not edit: run make generate. */
#ifndef PQ_WIRE_H
#define PQ_WIRE_H

/* Record layout of the PineCone serial stream, version 1. */
#define PQ_SYNC_0 197 /* first byte of every record */
#define PQ_SYNC_1 122 /* second byte of every record */
#define PQ_MAJOR 1 /* wire version; another major is refused by name */
#define PQ_MINOR 0 /* wire version; fields may have been added at the end of a body */
#define PQ_HEADER_SIZE 18 /* bytes before the body, header CRC included */
#define PQ_TRAILER_SIZE 4 /* record CRC-32, bytes */
#define PQ_MAX_BODY 8192 /* longest body, bytes */
#define PQ_MAX_RECORD 8214 /* longest record, bytes */
#define PQ_BAUD_DEFAULT 2000000 /* 8N1; the CH340N's ceiling, 200 kB/s */

/* Record types from the board to the host. */
#define PQ_TYPE_FRAME 1 /* an 802.11 frame and what the radio said of it */
#define PQ_TYPE_STATUS 2 /* counters, once a second and on request */
#define PQ_TYPE_HELLO 3 /* who the board is, at boot and on request */
#define PQ_TYPE_LOG 4 /* a line of text */
#define PQ_TYPE_REPLY 5 /* the answer to a command */

/* Record types from the host to the board. */
#define PQ_TYPE_SAY_HELLO 129 /* no body; the board answers with a hello and a reply */
#define PQ_TYPE_CHANNEL 130 /* u8 channel, 1–14 */
#define PQ_TYPE_HOP 131 /* u16 dwell in ms, u8 n, n channels; n = 0 stops */
#define PQ_TYPE_SNAP_LEN 132 /* u16 bytes; 0 = whole frames */
#define PQ_TYPE_FILTER 133 /* see Filter */
#define PQ_TYPE_BAUD 134 /* u32 baud; the reply still comes at the old rate */
#define PQ_TYPE_TIME_ECHO 135 /* u64 host clock in ns, returned in the reply */
#define PQ_TYPE_STATUS_NOW 136 /* no body; the board answers with a status and a reply */

/* Roles in a hello record. */
#define PQ_ROLE_SNIFFER 1
#define PQ_ROLE_GATEWAY 2
#define PQ_ROLE_SENDER 3

/* Capability bits in a hello record. */
#define PQ_CAP_CHANNEL 1
#define PQ_CAP_HOP 2
#define PQ_CAP_SNAP_LEN 4
#define PQ_CAP_FILTER 8
#define PQ_CAP_BAUD 16
#define PQ_CAP_TIME_ECHO 32

/* PHY values of a frame record. */
#define PQ_PHY_DSSS 0 /* DSSS/CCK */
#define PQ_PHY_OFDM 1 /* legacy OFDM */
#define PQ_PHY_HT_MIXED 2 /* HT mixed */
#define PQ_PHY_HT_GREENFIELD 3 /* HT greenfield */
#define PQ_PHY_UNKNOWN 255 /* the radio did not say */

/* Flags of a frame record. */
#define PQ_FRAME_SHORT_GI 1 /* short guard interval */
#define PQ_FRAME_40_MHZ 2 /* 40 MHz channel */
#define PQ_FRAME_SHORT_PREAMBLE 4 /* short preamble */
#define PQ_FRAME_TSF 8 /* the timestamp is the radio's TSF */
#define PQ_FRAME_AMPDU 16 /* part of an A-MPDU */
#define PQ_FRAME_CUT 32 /* cut to the snap length */

/* RSSIUnknown in a frame record: the radio gave no signal strength. */
#define PQ_RSSI_UNKNOWN 127

/* Log levels. */
#define PQ_LOG_ERROR 0
#define PQ_LOG_WARNING 1
#define PQ_LOG_INFO 2
#define PQ_LOG_DEBUG 3

/* Reply status: what became of a command. */
#define PQ_REPLY_DONE 0
#define PQ_REPLY_UNKNOWN 1 /* unknown command */
#define PQ_REPLY_BAD_VALUE 2 /* nothing was changed */
#define PQ_REPLY_BUSY 3
#define PQ_REPLY_NOT_SUPPORTED 4

/* Filter bits: which frame types pass, and extra conditions. */
#define PQ_FILTER_MGT 1 /* management frames pass */
#define PQ_FILTER_CTL 2 /* control frames pass */
#define PQ_FILTER_DATA 4 /* data frames pass */
#define PQ_FILTER_ALL 7
#define PQ_FILTER_NO_BEACONS 1 /* in the flags byte: beacons do not pass */

/* StatusHopping in the flags of a status record: the board hops channels. */
#define PQ_STATUS_HOPPING 1

/* Sizes of the fixed parts of bodies, and limits on their lists. */
#define PQ_FRAME_HEAD_SIZE 8 /* bytes before the 802.11 frame */
#define PQ_STATUS_SIZE 32 /* bytes */
#define PQ_HELLO_HEAD_SIZE 24 /* bytes before the two strings */
#define PQ_REPLY_HEAD_SIZE 4 /* bytes before the value */
#define PQ_FILTER_HEAD_SIZE 3 /* bytes before the addresses */
#define PQ_FILTER_MAX_ADDRS 8 /* addresses in a filter */
#define PQ_CHANNEL_MIN 1 /* lowest 2.4 GHz channel */
#define PQ_CHANNEL_MAX 14 /* highest 2.4 GHz channel */
#define PQ_HOP_MAX_CHANNELS 14 /* channels in a hop list */
#define PQ_STRING_MAX 255
#define PQ_MAX_FRAME 8184 /* longest 802.11 frame in a record, bytes */

/* The pqiot session, version 1, as it stands in CoAP payloads. */
#define PQ_COAP_PORT 5683 /* UDP, RFC 7252 §6.1 */
#define PQ_CONTENT_FORMAT_KEY 65000 /* raw encapsulation key */
#define PQ_CONTENT_FORMAT_HANDSHAKE_512 65001 /* handshake with ML-KEM-512 */
#define PQ_CONTENT_FORMAT_HANDSHAKE_768 65002 /* handshake with ML-KEM-768 */
#define PQ_CONTENT_FORMAT_HANDSHAKE_1024 65003 /* handshake with ML-KEM-1024 */
#define PQ_CONTENT_FORMAT_RECORD 65004 /* record */
#define PQ_ENCAPSULATION_KEY_SIZE_512 800
#define PQ_ENCAPSULATION_KEY_SIZE_768 1184
#define PQ_ENCAPSULATION_KEY_SIZE_1024 1568
#define PQ_CIPHERTEXT_SIZE_512 768
#define PQ_CIPHERTEXT_SIZE_768 1088
#define PQ_CIPHERTEXT_SIZE_1024 1568
#define PQ_SHARED_SECRET_SIZE 32
#define PQ_NONCE_LEAD 7 /* first byte of every nonce: length of the SID */
#define PQ_NONCE_SIZE 13 /* N, bytes */
#define PQ_SID_SIZE 7 /* session id, bytes */
#define PQ_SEQ_SIZE 5 /* sequence number, bytes */
#define PQ_TAG_SIZE 16 /* AES-CCM tag, bytes */
#define PQ_RECORD_OVERHEAD 29
#define PQ_MAX_FIRST_DATA 224 /* data in a first flight, bytes: the body stays within 1024 */
#define PQ_MAX_DATA 995 /* data in a later record, bytes */
#define PQ_MAX_SESSION_SEQ 1048576 /* a session ends at this many records */
#define PQ_PSK_SIZE 32 /* bytes */
#define PQ_MAX_KID 32 /* PSK name, bytes, at least 1 */
#define PQ_ETAG_SIZE 8 /* H(ek)[0:8] */
#define PQ_ECHO_SIZE 12 /* uptime in s (4) ‖ HMAC (8) */
#define PQ_ECHO_LIFETIME 60 /* seconds */
#define PQ_OPTION_ECHO 252 /* RFC 9175 §2.2 */
#define PQ_OPTION_REQUEST_TAG 292 /* RFC 9175 §3.2 */
#define PQ_KEY_LOG_SESSION "PQIOT1"
#define PQ_KEY_LOG_OSCORE "PQIOT1_OSCORE"

#endif
