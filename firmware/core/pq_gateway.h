/* The gateway: a CoAP server with a long-term ML-KEM key that serves its
 * encapsulation key (GET /pk) and takes messages (POST /msg). No I/O of its own:
 * a datagram goes in, the answer comes out. Time and random come from the port.
 *
 * Every datagram passes, cheapest check first: message format, duplicate,
 * critical options, path, method, Content-Format, length, layout; then a record
 * its session, window and tag, a handshake its Echo, policy, session id, slot,
 * bucket, decapsulation and tag. Nothing is committed before the tag verifies.
 *
 * Static RAM on RV32: one struct pq_gateway, PQ_GATEWAY_RAM bytes, beside it the
 * two buffers of the role and the decapsulation key. Stack: that of pq_kem_decaps
 * and about 0.9 KB. */
#ifndef PQ_GATEWAY_H
#define PQ_GATEWAY_H

#include "pq_coap.h"
#include "pq_event.h"
#include "pq_kem.h"
#include "pq_session.h"

#define PQ_GATEWAY_PSKS  8 /* senders with a key of their own */
#define PQ_GATEWAY_SLOTS 8 /* sessions at once */

/* The largest datagram that an MTU of 1500 lets through. A longer one can be
 * passed over. */
#define PQ_GATEWAY_DATAGRAM_MAX 1472
/* A block of 1024 bytes, behind header, token and every option that we send. */
#define PQ_GATEWAY_ANSWER_MAX (PQ_COAP_MAX_BODY + 64)

/* Bytes of struct pq_gateway on a 32-bit board: with PQ_KEM_ONLY=512, and with
 * the larger parameter sets. */
#define PQ_GATEWAY_RAM (PQ_KEM_MAX_K == 2 ? 3584 : 4608)

typedef struct {
    uint8_t kid_len; /* 1–32 */
    uint8_t kid[PQ_MAX_KID];
    uint8_t key[PQ_PSK_SIZE];
} pq_psk;

typedef struct {
    const pq_kem_params *params;
    const uint8_t *dk;  /* decapsulation key, params->dk_bytes; stays the caller's */
    const pq_psk *psks; /* likewise, and as they are until the next init; at most PQ_GATEWAY_PSKS */
    size_t psk_count;
    bool require_psk;
    pq_event_sink event; /* may be NULL */
    void *ctx;
} pq_gateway_config;

typedef struct pq_gateway pq_gateway;

/* Boots the gateway: a new Echo key, no sessions. PQ_ERR_KEY if dk is damaged,
 * PQ_ERR_RANDOM, PQ_ERR_ARG for more PSKs or a kid of a length that cannot be,
 * PQ_ERR_FULL if the crypto library has no heap. *g is zero after an error. */
int pq_gateway_init(pq_gateway *g, const pq_gateway_config *c);

/* SHA-256 of the encapsulation key, 32 bytes, with which senders are provisioned. */
const uint8_t *pq_gateway_pin(const pq_gateway *g);

/* Takes one datagram and makes its answer in out, which holds
 * PQ_GATEWAY_ANSWER_MAX bytes and lies apart from the datagram. Returns the
 * answer's length; 0 = silence. */
size_t pq_gateway_receive(pq_gateway *g, const pq_endpoint *from, const uint8_t *datagram,
                          size_t len, uint8_t *out);

/* --- What a gateway holds: here so that a role can place it; nobody else's */

#define PQ_GATEWAY_USED    16 /* session ids remembered */
#define PQ_GATEWAY_SOURCES 20 /* as many as can have spent a decapsulation in one second */
#define PQ_GATEWAY_KEPT    56 /* bytes: the longest answer that is cached */
#define PQ_GATEWAY_BODY    (PQ_KEM_MAX_K == 2 ? 1024 : 2048) /* of a block-wise request */

/* An answer to be repeated, never made again (RFC 7252 §4.5). */
typedef struct {
    uint64_t at; /* µs */
    pq_endpoint from;
    uint16_t mid;
    uint8_t len; /* 0: none */
    uint8_t bytes[PQ_GATEWAY_KEPT];
} pq_gateway_answer;

typedef struct {
    pq_server server;
    uint64_t last;    /* µs, of the last verified record */
    uint64_t failed;  /* bucket of failed tags */
    uint32_t echo_at; /* s, when the handshake's Echo was minted */
    bool live;
    uint8_t psk; /* index of its PSK, PQ_GATEWAY_PSKS in mode 0 */
    pq_gateway_answer answer;
} pq_gateway_slot;

typedef struct {
    uint64_t bucket;
    uint8_t addr[16]; /* IPv4 as ::ffff:a.b.c.d */
} pq_gateway_source;

/* The one body that is put together from blocks (RFC 7959). */
typedef struct {
    uint64_t last; /* µs, of its last block */
    pq_endpoint from;
    uint16_t len;
    bool active, tagged; /* a Request-Tag of no bytes is not the same as none */
    uint8_t tag_len, tag[8];
    uint8_t body[PQ_GATEWAY_BODY];
    pq_gateway_answer answer; /* to its last block */
} pq_gateway_transfer;

struct pq_gateway {
    pq_gateway_config c;
    uint8_t echo_key[PQ_ECHO_KEY_SIZE];
    uint8_t dummy_psk[PQ_PSK_SIZE]; /* stands in for unknown kids */
    uint8_t pin[32];
    uint64_t keys, decaps; /* buckets: when each is full again, µs */
    uint32_t echo_floor;   /* s: Echoes from before are stale */
    uint16_t mid;          /* of our own non-confirmable messages */
    pq_gateway_slot slots[PQ_GATEWAY_SLOTS];
    pq_gateway_source sources[PQ_GATEWAY_SOURCES];
    struct {
        uint8_t sid[PQ_SID_SIZE];
        bool used;
        uint32_t echo_at;
    } used[PQ_GATEWAY_USED];
    pq_gateway_transfer transfer;
};

#endif
