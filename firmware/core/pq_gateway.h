/* The gateway: a CoAP server with a long-term ML-KEM key that serves its
 * encapsulation key (GET /pk) and takes messages (POST /msg). No I/O of its own:
 * a datagram goes in, the answer comes out. Time and random come from the port. */
#ifndef PQ_GATEWAY_H
#define PQ_GATEWAY_H

#include "pq_event.h"
#include "pq_kem.h"

#define PQ_GATEWAY_PSKS 8 /* senders with a key of their own */

typedef struct {
    uint8_t kid_len; /* 1–32 */
    uint8_t kid[PQ_MAX_KID];
    uint8_t key[PQ_PSK_SIZE];
} pq_psk;

typedef struct {
    const pq_kem_params *params;
    const uint8_t *dk;  /* decapsulation key, params->dk_bytes; stays the caller's */
    const pq_psk *psks; /* likewise */
    size_t psk_count;
    bool require_psk;
    pq_event_sink event; /* may be NULL */
    void *ctx;
} pq_gateway_config;

typedef struct pq_gateway pq_gateway;

/* Boots the gateway: a new Echo key, no sessions. PQ_ERR_KEY if dk is damaged,
 * PQ_ERR_RANDOM. */
int pq_gateway_init(pq_gateway *g, const pq_gateway_config *c);

/* Takes one datagram and makes its answer in out, which holds
 * PQ_GATEWAY_ANSWER_MAX bytes and lies apart from the datagram. Returns the
 * answer's length; 0 = silence. */
size_t pq_gateway_receive(pq_gateway *g, const pq_endpoint *from, const uint8_t *datagram,
                          size_t len, uint8_t *out);

#endif
