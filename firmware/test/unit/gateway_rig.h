/* A gateway with senders that a test or fuzzer holds in its hands: every byte
 * they send can be changed first. Time and random are fake_port's. */
#ifndef PQ_GATEWAY_RIG_H
#define PQ_GATEWAY_RIG_H

#include "pq_gateway.h"

/* A key pair, and ciphertexts to it that are made once. */
#define RIG_CTS 10
typedef struct {
    const pq_kem_params *params;
    uint8_t ek[PQ_KEM_MAX_EK_BYTES], dk[PQ_KEM_MAX_DK_BYTES], pin[32];
    uint8_t ct[RIG_CTS][PQ_KEM_MAX_CT_BYTES], ss[RIG_CTS][PQ_KEM_SS_BYTES];
} rig_key;

void rig_key_make(rig_key *k, const pq_kem_params *params);

/* The PSKs of every gateway here: "k0" … "k7", the key's bytes all that number. */
extern const pq_psk rig_psks[PQ_GATEWAY_PSKS];

/* What the gateway told since the test last cleared it. */
typedef struct {
    unsigned sessions, messages, refused, closed, decaps;
    const char *why;    /* of the last PQ_EVENT_REFUSED */
    uint8_t text[1024]; /* of the last message */
    size_t len;
    uint64_t seq;
} rig_told;

void rig_event(void *told, const pq_event *e);

pq_gateway_config rig_config(const rig_key *k, rig_told *told);

/* A sender. */
typedef struct {
    pq_endpoint at;
    uint16_t mid;
    uint8_t type; /* PQ_COAP_CON or PQ_COAP_NON */
    uint8_t psk;  /* number, PQ_GATEWAY_PSKS: mode 0 */
    uint8_t echo[PQ_ECHO_SIZE];
    pq_client client;
    uint8_t nonce[PQ_NONCE_SIZE]; /* of its last record */
} rig_peer;

#define RIG_TOKEN 4 /* bytes, of every request */

/* host: the last byte of 192.0.2.x */
rig_peer rig_peer_at(uint8_t host);

/* A GET /pk or a POST /msg; what is NULL or has no data is left out. out has
 * PQ_GATEWAY_DATAGRAM_MAX + 1024 bytes. */
typedef struct {
    uint8_t code;
    int32_t format; /* −1: none */
    bool etag, kid, echo;
    const pq_coap_block *block1, *block2;
    pq_span tag, body;
} rig_request;

size_t rig_build(uint8_t *out, rig_peer *p, const rig_key *k, const rig_request *r);

/* The body of a handshake with ciphertext number ct under p->echo, and p->client
 * to go with it. */
size_t rig_handshake(uint8_t *out, rig_peer *p, const rig_key *k, unsigned ct, pq_span data);

/* One exchange: sends what rig_build makes. Returns the answer's code, 0 for
 * silence; it is at rig_answer, and read in *m. */
extern uint8_t rig_answer[PQ_GATEWAY_ANSWER_MAX];
uint8_t rig_exchange(pq_gateway *g, rig_peer *p, const rig_key *k, const rig_request *r,
                     pq_coap *m);

/* Gets a fresh Echo, by a GET with the ETag. False if there was none. */
bool rig_refresh(pq_gateway *g, rig_peer *p, const rig_key *k);

/* Opens a session with ciphertext number ct. Returns the answer's code, or 0 if
 * it was a 2.04 that does not verify. */
uint8_t rig_open(pq_gateway *g, rig_peer *p, const rig_key *k, unsigned ct, const char *text);

/* Sends the session's next record; returns as rig_open does. */
uint8_t rig_send(pq_gateway *g, rig_peer *p, const rig_key *k, const char *text);

#endif
