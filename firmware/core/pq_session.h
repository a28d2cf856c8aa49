/* The pqiot session, version 1: key schedule, records, replay window, Echo.
 *
 * Both ends of a session are here and do no I/O; the role gives them a shared
 * secret of ML-KEM and the time. Package peer/session is the same in Go.
 *
 * All memory is the caller's. Functions return PQ_OK (or a length) or a negative
 * PQ_ERR_*, and on an error all outputs are zero. Secrets are wiped from the
 * stack before the return; the caller wipes pq_keys, pq_client and pq_server
 * (pq_wipe) when a session is over. On RV32 pq_client has 80 bytes, pq_server 88. */
#ifndef PQ_SESSION_H
#define PQ_SESSION_H

#include "pq_crypto.h"
#include "pq_kem.h"
#include "pq_port.h" /* pq_endpoint */
#include "pq_wire.h"

/* Limits of a session beside PQ_MAX_SESSION_SEQ. */
#define PQ_SESSION_MAX_AGE_S  86400
#define PQ_SESSION_MAX_FAILED (1u << 20) /* tags */

/* A parameter set's number in the transcript: 1, 2, 3 for ML-KEM-512, 768, 1024. */
static inline uint8_t pq_suite(const pq_kem_params *p)
{
    return (uint8_t)(p->k - 1);
}

/* The Content-Format of a handshake with it. */
static inline uint16_t pq_suite_format(uint8_t suite)
{
    return (uint16_t)(PQ_CONTENT_FORMAT_HANDSHAKE_512 + suite - 1);
}

/* --- Key schedule */

/* What both ends saw of a handshake, and the PSK they share. */
typedef struct {
    uint8_t suite;
    pq_span kid;        /* 1–32 bytes in mode 1, none in mode 0 */
    pq_span psk;        /* 32 bytes: mode 1; data NULL: mode 0 */
    pq_span echo;       /* value of the Echo option, at most 40 bytes (RFC 9175 §2.2.1) */
    const uint8_t *pin; /* SHA-256 of the encapsulation key, 32 bytes */
    pq_span ct;         /* ML-KEM ciphertext */
} pq_transcript;

typedef struct {
    uint8_t sid[PQ_SID_SIZE];
    uint8_t suite;
    uint8_t kc[PQ_CCM_KEY_SIZE]; /* sender → gateway */
    uint8_t kg[PQ_CCM_KEY_SIZE]; /* gateway → sender */
    uint8_t iv[PQ_CCM_NONCE_SIZE];
} pq_keys;

/* A ciphertext's session id. */
int pq_session_id(uint8_t sid[PQ_SID_SIZE], pq_span ct);

/* The key schedule. PQ_ERR_ARG for a transcript that it cannot take. */
int pq_session_derive(pq_keys *out, const pq_transcript *t, const uint8_t ss[PQ_KEM_SS_BYTES]);

/* The inputs of RFC 8613 §3.2 for the OSCORE profile. */
int pq_session_oscore(uint8_t master_secret[32], uint8_t master_salt[8], const pq_transcript *t,
                      const uint8_t ss[PQ_KEM_SS_BYTES]);

/* --- Records: nonce (13) ‖ encrypted data ‖ tag (16), PQ_RECORD_OVERHEAD bytes
 * more than the data. The nonce is 07 ‖ SID (7) ‖ SEQ (5). */

/* PQ_ERR_LENGTH: too short to be one; PQ_ERR_FORMAT: another first byte. */
int pq_record_check(pq_span payload);

/* The SEQ of a nonce, below 2^40. */
uint64_t pq_nonce_seq(const uint8_t nonce[PQ_NONCE_SIZE]);

/* Anti-replay window of 64 (RFC 8613 §7.4). Zero = nothing seen. */
typedef struct {
    uint64_t seen; /* bit i: next − 1 − i was seen */
    uint64_t next; /* highest number seen + 1 */
} pq_window;

bool pq_window_fresh(const pq_window *w, uint64_t seq);
/* Only for a number that is fresh, and once its record's tag has verified. */
void pq_window_accept(pq_window *w, uint64_t seq);

/* --- The sender's end */

typedef struct {
    pq_keys keys;
    uint32_t failed; /* tags */
    uint32_t next;   /* SEQ of the next record */
    uint32_t heard;  /* the gateway's highest verified SEQ + 1; 0 = not confirmed */
    uint64_t born;   /* µs */
} pq_client;

/* keys stay the caller's to wipe. */
void pq_client_init(pq_client *c, const pq_keys *keys, uint64_t now_us);

/* Writes the next record, data.len + PQ_RECORD_OVERHEAD bytes, to out, which may
 * hold data at out + PQ_NONCE_SIZE. The first is the handshake's, and goes behind
 * the ciphertext. nonce gets its N, which pq_client_open wants. Returns the length.
 * PQ_ERR_LENGTH: over PQ_MAX_FIRST_DATA in the first, PQ_MAX_DATA in later ones;
 * PQ_ERR_ENDED: 2^20 records. */
int pq_client_seal(pq_client *c, uint8_t *out, uint8_t nonce[PQ_NONCE_SIZE], pq_span data);

/* Verifies a 2.04's payload as the answer to the record with nonce request; its
 * data goes to out (payload.len − PQ_RECORD_OVERHEAD bytes, may be payload's own
 * memory behind the nonce). Returns the data's length. PQ_ERR_LENGTH,
 * PQ_ERR_FORMAT (layout, another session), PQ_ERR_REPLAY unless the gateway's SEQ
 * rises, PQ_ERR_TAG, PQ_ERR_ENDED. */
int pq_client_open(pq_client *c, uint8_t *out, const uint8_t request[PQ_NONCE_SIZE],
                   pq_span payload);

/* Whether a response has verified: only then is the session open. */
static inline bool pq_client_confirmed(const pq_client *c)
{
    return c->heard > 0;
}

/* Whether age, records or failed tags have used the session up. */
bool pq_client_ended(const pq_client *c, uint64_t now_us);

/* --- The gateway's end */

typedef struct {
    pq_keys keys;
    uint32_t failed; /* tags */
    uint32_t next;   /* our own next SEQ, under Kg */
    pq_window window;
    uint64_t born; /* µs */
} pq_server;

/* keys stay the caller's to wipe. Worth nothing before pq_server_open has taken
 * the handshake's record. */
void pq_server_init(pq_server *s, const pq_keys *keys, uint64_t now_us);

/* Whether a record with this nonce is one of the session's whose SEQ the window
 * still takes. */
bool pq_server_fresh(const pq_server *s, const uint8_t nonce[PQ_NONCE_SIZE]);

/* Verifies a record, the handshake's (SEQ 0) or a later one; its data goes to out
 * (payload.len − PQ_RECORD_OVERHEAD bytes, not payload's own memory). Returns
 * the data's length. In this order: PQ_ERR_LENGTH and PQ_ERR_FORMAT for the layout
 * and another session's, PQ_ERR_REPLAY for the window, PQ_ERR_TAG, PQ_ERR_ENDED for a
 * SEQ over the limit. Only if all of it holds does the window move. */
int pq_server_open(pq_server *s, uint8_t *out, pq_span payload);

/* Writes the answer to the record with nonce request, data.len +
 * PQ_RECORD_OVERHEAD bytes, to out, which may hold data at out + PQ_NONCE_SIZE.
 * Returns the length. One record is answered once: who asks again gets the same
 * bytes, never a second encryption. PQ_ERR_LENGTH over PQ_MAX_DATA, PQ_ERR_ENDED. */
int pq_server_seal(pq_server *s, uint8_t *out, const uint8_t request[PQ_NONCE_SIZE], pq_span data);

/* Whether age or failed tags have used the session up. */
bool pq_server_ended(const pq_server *s, uint64_t now_us);

/* --- Echo (RFC 9175 §2): uptime in s (4) ‖ HMAC-SHA-256(key, uptime ‖ address ‖ port)[0:8] */

#define PQ_ECHO_KEY_SIZE 32 /* random, new at every boot */

int pq_echo_mint(uint8_t echo[PQ_ECHO_SIZE], const uint8_t key[PQ_ECHO_KEY_SIZE], uint32_t uptime_s,
                 const pq_endpoint *source);

/* Whether echo was minted by this key for this source at most PQ_ECHO_LIFETIME
 * ago. The comparison takes constant time. */
bool pq_echo_fresh(pq_span echo, const uint8_t key[PQ_ECHO_KEY_SIZE], uint32_t uptime_s,
                   const pq_endpoint *source);

#endif
