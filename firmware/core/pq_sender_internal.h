/* What the files of the sender share. pq_sender.c has the queue, the exchange and
 * its timers; pq_sender_fetch.c GET /pk; pq_sender_post.c handshakes and records. */
#ifndef PQ_SENDER_INTERNAL_H
#define PQ_SENDER_INTERNAL_H

#include "pq_sender.h"

/* Ends the message in flight. */
void pq_sender_fail(pq_sender *s, const char *why);
void pq_sender_done(pq_sender *s, uint64_t seq, pq_span answer);

/* Tells an event; e->peer is set here. */
void pq_sender_emit(pq_sender *s, pq_event *e);
void pq_sender_timing(pq_sender *s, const char *step, uint64_t began_us);

static inline pq_span pq_sender_text(const pq_sender *s)
{
    return (pq_span){s->queue[s->first].text, s->queue[s->first].len};
}

/* pq_port_random as ML-KEM wants it. */
int pq_sender_random(void *ctx, uint8_t *out, size_t len);

/* Keeps an answer's Echo for the next request; false if it has none. */
bool pq_sender_take_echo(pq_sender *s, const pq_coap *m);

/* What became of an answer. */
typedef enum {
    PQ_SENDER_HINT,     /* nothing authenticates it */
    PQ_SENDER_ANSWERED, /* the exchange is over, or the message */
} pq_sender_verdict;

/* Begins to fetch the key, or its confirmation, and a fresh Echo. */
void pq_sender_fetch(pq_sender *s);
/* Writes the GET that is next, under s->request. As pq_coap_end. */
int pq_sender_fetch_write(pq_sender *s);
pq_sender_verdict pq_sender_fetch_judge(pq_sender *s, const pq_coap *m);

/* Begins a handshake with the key that was fetched. */
void pq_sender_shake(pq_sender *s);
/* The same ciphertext again, with the Echo that has just come. */
void pq_sender_shake_repeat(pq_sender *s);
/* Writes the POST that is next, encapsulating and deriving keys where that is due.
 * As pq_coap_end, or the error of what failed. */
int pq_sender_shake_write(pq_sender *s);
/* m answers the request that completes offer o, or NULL: that which is outstanding. */
pq_sender_verdict pq_sender_shake_judge(pq_sender *s, const pq_coap *m, pq_sender_offer *o);
/* Wipes all that a handshake keeps secret. */
void pq_sender_shake_end(pq_sender *s);

/* The message as a record of the open session. PQ_ERR_ENDED: it has reached a limit. */
int pq_sender_record_write(pq_sender *s);
pq_sender_verdict pq_sender_record_judge(pq_sender *s, const pq_coap *m);

#endif
