/* What the gateway's files share and nobody else needs. */
#ifndef PQ_GATEWAY_PRIVATE_H
#define PQ_GATEWAY_PRIVATE_H

#include "pq_gateway.h"

/* A request on its way through the checks. */
typedef struct {
    pq_coap m;
    pq_endpoint from;
    uint64_t now; /* µs */
    pq_coap_block block;
    bool in_blocks;          /* block is the request's Block1 */
    pq_gateway_answer *keep; /* where its answer is cached; NULL: nowhere */
    uint8_t *out;            /* the answer; before it is made, a message's plaintext */
} request;

/* What an answer has beside its payload. */
typedef struct {
    uint8_t code;
    bool etag, echo;
    uint16_t format; /* Content-Format; 0: none */
    uint8_t max_age; /* s; 0: none */
    const pq_coap_block *block2;
    const char *text; /* diagnostic payload, or NULL */
} reply;

/* --- pq_gateway.c: answers and events */

/* Writes all but a payload that is no text. */
void pq_gateway_begin(pq_gateway *g, const request *r, const reply *p, pq_coap_writer *w);
/* Ends an answer and caches it where it has to be. Returns its length. */
size_t pq_gateway_end(request *r, pq_coap_writer *w);
/* A whole answer that no key protects; why goes to PQ_EVENT_REFUSED. */
size_t pq_gateway_refuse(pq_gateway *g, request *r, const reply *p, const char *why);
/* 4.01 + Echo to a POST, 5.03 + Max-Age. */
size_t pq_gateway_need_echo(pq_gateway *g, request *r);
size_t pq_gateway_busy(pq_gateway *g, request *r, const char *why);
/* Whether the request's Echo is one of ours, and fresh. */
bool pq_gateway_fresh_echo(const pq_gateway *g, const request *r);
uint32_t pq_gateway_uptime(const request *r);

void pq_gateway_tell(const pq_gateway *g, const request *r, const pq_event *e);
void pq_gateway_refused(const pq_gateway *g, const request *r, const char *why);
/* Tells how long a step took that began at since. */
void pq_gateway_timed(const pq_gateway *g, const request *r, const char *step, uint64_t since);

/* --- pq_gateway_message.c: POST /msg */

size_t pq_gateway_message(pq_gateway *g, request *r);
/* kid.data NULL: mode 0. */
size_t pq_gateway_handshake(pq_gateway *g, request *r, pq_span body, pq_span kid);
size_t pq_gateway_record(pq_gateway *g, request *r);

/* --- pq_gateway_block.c: bodies in blocks */

size_t pq_gateway_blocks(pq_gateway *g, request *r, pq_span kid, bool handshake);

/* --- pq_gateway_table.c: sessions, their ids, buckets */

/* The live session of an id, or NULL. One past its limits is closed. */
pq_gateway_slot *pq_gateway_find(pq_gateway *g, const request *r, const uint8_t sid[PQ_SID_SIZE]);
/* Whether a session id is live or was used a short time ago. */
bool pq_gateway_knows(const pq_gateway *g, const request *r, const uint8_t sid[PQ_SID_SIZE]);
/* The slot that a new session of this PSK would get, perhaps in the place of
 * another one's, or NULL. */
pq_gateway_slot *pq_gateway_room(pq_gateway *g, const request *r, uint8_t psk);
/* Ends a session: wipes its keys and remembers its id. */
void pq_gateway_close(pq_gateway *g, const request *r, pq_gateway_slot *s, const char *why);
/* Takes a token for a decapsulation, of all and of the source, both or none. */
bool pq_gateway_take_decaps(pq_gateway *g, const request *r);

/* Token buckets: one holds burst tokens, and one flows in every interval µs. Its
 * state is the time at which it is full; 0 is full. */
typedef struct {
    uint32_t interval, burst;
} pq_gateway_rate;

static const pq_gateway_rate pq_rate_decaps = {100000, 10}; /* in all */
static const pq_gateway_rate pq_rate_source = {1000000, 1}; /* decapsulations of one address */
static const pq_gateway_rate pq_rate_keys = {1000000, 4};   /* GET /pk without a fresh Echo */
static const pq_gateway_rate pq_rate_failed = {100000, 10}; /* failed tags of one session */

bool pq_bucket_ready(uint64_t bucket, pq_gateway_rate r, uint64_t now);
bool pq_bucket_take(uint64_t *bucket, pq_gateway_rate r, uint64_t now);

bool pq_gateway_same_peer(const pq_endpoint *a, const pq_endpoint *b);

#endif
