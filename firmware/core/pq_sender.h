/* The sender: fetches the gateway's key, checks it against the pin, shakes hands
 * and sends messages, again and anew as RFC 7252 §4.2 and the session protocol
 * have it. It sends through pq_port_udp_send; what arrives is handed to it. */
#ifndef PQ_SENDER_H
#define PQ_SENDER_H

#include "pq_event.h"
#include "pq_gateway.h" /* pq_psk */
#include "pq_kem.h"

#define PQ_SENDER_QUEUE 4 /* messages that wait */

typedef struct {
    const pq_kem_params *params;
    pq_endpoint gateway;
    uint8_t pin[32];         /* SHA-256 of the encapsulation key */
    bool trust_on_first_use; /* pin is not known: take the first key, tell PQ_EVENT_PINNED */
    const pq_psk *psk;       /* NULL: mode 0; stays the caller's */
    pq_event_sink event;     /* may be NULL */
    void *ctx;
} pq_sender_config;

typedef struct pq_sender pq_sender;

/* PQ_ERR_ARG, PQ_ERR_RANDOM. Nothing is sent yet. */
int pq_sender_init(pq_sender *s, const pq_sender_config *c);

/* Queues a message of at most PQ_MAX_FIRST_DATA bytes. PQ_ERR_FULL, PQ_ERR_LENGTH. */
int pq_sender_send(pq_sender *s, pq_span text);

/* A datagram that has come. */
void pq_sender_receive(pq_sender *s, const pq_endpoint *from, const uint8_t *datagram, size_t len);

/* Sends what is due. Returns for how many µs there is nothing to do unless a
 * datagram or a message comes; 0 = call again at once. */
uint32_t pq_sender_poll(pq_sender *s);

#endif
