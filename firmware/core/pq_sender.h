/* The sender: fetches the gateway's key, checks it against the pin, shakes hands
 * and sends messages, again and anew as RFC 7252 §4.2 and the session protocol
 * have it. It sends through pq_port_udp_send; what arrives is handed to it.
 *
 * One request is outstanding at a time (NSTART = 1, §4.7). An answer that nothing
 * authenticates is a hint: it may make the sender wait and shake hands afresh, and
 * never give up the pin, the PSK or the encryption. Package peer/sender is the
 * same in Go.
 *
 * All memory is in pq_sender: 4656 bytes on RV32 built for ML-KEM-512, 5360 for 768,
 * 6224 for 1024 and for all three. The worst stack is pq_sender_poll's when it
 * encapsulates: see pq_kem.h. */
#ifndef PQ_SENDER_H
#define PQ_SENDER_H

#include "pq_coap.h"
#include "pq_event.h"
#include "pq_gateway.h" /* pq_psk */
#include "pq_kem.h"
#include "pq_session.h"

#define PQ_SENDER_QUEUE     4   /* messages that wait, the one in flight included */
#define PQ_SENDER_TIMEOUT_S 100 /* for one message: a little over MAX_TRANSMIT_WAIT, §4.8.2 */

/* What poll returns while there is no message: over an hour. */
#define PQ_SENDER_IDLE UINT32_MAX

/* The name of PQ_EVENT_FAILED. */
#define PQ_SENDER_PIN       "the gateway's key does not match the pin"
#define PQ_SENDER_KEY       "not a valid encapsulation key"
#define PQ_SENDER_NO_ANSWER "no answer" /* after MAX_RETRANSMIT */
#define PQ_SENDER_TIMEOUT   "no authenticated answer within the time"
#define PQ_SENDER_FAULT     "the board's own random generator or cryptography failed"

typedef struct {
    const pq_kem_params *params;
    pq_endpoint gateway;
    uint8_t pin[32];         /* SHA-256 of the encapsulation key */
    bool trust_on_first_use; /* pin is not known: take the first key, tell PQ_EVENT_PINNED */
    const pq_psk *psk;       /* NULL: mode 0; stays the caller's */
    uint32_t timeout_s;      /* for one message, handshakes included; 0: PQ_SENDER_TIMEOUT_S */
    pq_event_sink event;     /* may be NULL; may call pq_sender_send and nothing else */
    void *ctx;
} pq_sender_config;

typedef struct pq_sender pq_sender;

/* Wipes *s, sessions included, and starts anew. PQ_ERR_ARG, PQ_ERR_RANDOM. Nothing
 * is sent yet. */
int pq_sender_init(pq_sender *s, const pq_sender_config *c);

/* Queues a message of at most PQ_MAX_FIRST_DATA bytes, which is copied; its time
 * begins when its turn comes. PQ_ERR_FULL, PQ_ERR_LENGTH.
 *
 * Each ends in one event: PQ_EVENT_MESSAGE with the gateway's answer as text, once
 * that has verified, or PQ_EVENT_FAILED with the message as text; in the order in
 * which they were queued. A message whose answer was lost before a new handshake
 * may have reached the gateway twice, in two sessions. */
int pq_sender_send(pq_sender *s, pq_span text);

/* A datagram that has come. Call pq_sender_poll after it. */
void pq_sender_receive(pq_sender *s, const pq_endpoint *from, const uint8_t *datagram, size_t len);

/* Sends what is due. Returns for how many µs there is nothing to do unless a
 * datagram or a message comes; 0 = call again at once.
 *
 * Beside the events above it and receive tell: PQ_EVENT_SESSION; PQ_EVENT_PINNED with
 * the first session under trust on first use; PQ_EVENT_REFUSED for a hint that makes
 * the sender wait, text its diagnostic payload, us the wait; PQ_EVENT_TIMING for
 * kem.encaps, hkdf, ccm.seal and ccm.open. */
uint32_t pq_sender_poll(pq_sender *s);

/* --- Private from here on; here so that a role can place it in static memory */

#define PQ_SENDER_TOKEN_SIZE  4   /* random: nobody off the path can guess it (§5.3.1) */
#define PQ_SENDER_MAX_REPEATS 3   /* with a new Echo, at once */
#define PQ_SENDER_OPTIONS_MAX 112 /* bytes of header, token and options */
#define PQ_SENDER_MAX_ECHO    40  /* RFC 9175 §2.2.1 */
#define PQ_SENDER_MID_PARTS   8   /* of the space of message ids */

typedef enum {
    PQ_SENDER_RESTS,
    PQ_SENDER_FETCHES,
    PQ_SENDER_SHAKES,
    PQ_SENDER_SENDS
} pq_sender_phase;

/* What an answer is known by. */
typedef struct {
    uint16_t mid;
    uint8_t token[PQ_SENDER_TOKEN_SIZE];
} pq_sender_request;

/* One ciphertext under one Echo: the keys it leads to, and the request that
 * completes it. */
typedef struct {
    pq_client client;
    pq_sender_request request;
    bool complete; /* that request has been made */
} pq_sender_offer;

struct pq_sender {
    pq_sender_config c;

    struct {
        uint8_t len;
        uint8_t text[PQ_MAX_FIRST_DATA];
    } queue[PQ_SENDER_QUEUE];
    uint8_t first, count; /* of the queue, a ring */

    /* The message in flight is queue[first]. */
    pq_sender_phase phase;
    uint64_t deadline; /* µs */
    bool waiting;      /* for the answer to request; else poll makes the next one */
    uint8_t repeats;   /* with a new Echo */

    /* One exchange, §4.2. */
    pq_sender_request request;
    uint64_t retransmit; /* when the next one is due, µs */
    uint32_t interval;   /* between the last and the next, µs */
    uint8_t left;        /* retransmissions */
    bool hinted;
    uint64_t until; /* if hinted: when the back-off ends, µs */
    uint16_t packet_len;
    uint8_t packet[PQ_SENDER_OPTIONS_MAX + PQ_COAP_MAX_BODY];

    uint32_t backoff; /* after the next hint, µs */
    uint16_t next_mid;
    uint64_t mid_free[PQ_SENDER_MID_PARTS]; /* when a part may be used again, µs */
    bool acked;                             /* a separate response, acked_mid */
    uint16_t acked_mid;

    /* What GET /pk has brought. */
    bool has_key;
    uint8_t key_hash[32];
    uint8_t etag[PQ_ETAG_SIZE], etag_len; /* of the blocks in body */
    uint8_t echo[PQ_SENDER_MAX_ECHO], echo_len;
    pq_coap_block block; /* fetching: to ask for; shaking: to send */
    _Alignas(4) uint8_t ek[PQ_KEM_MAX_EK_BYTES];

    /* Fetching: the key as far as it has come. Shaking: ciphertext ‖ record. */
    uint16_t body_len;
    _Alignas(4) uint8_t body[PQ_KEM_MAX_CT_BYTES + PQ_RECORD_OVERHEAD + PQ_MAX_FIRST_DATA];

    /* Shaking. */
    bool encapsulated, offered; /* body holds a ciphertext; and a record for this Echo */
    uint8_t ss[PQ_KEM_SS_BYTES];
    uint8_t request_tag[4];
    uint8_t offers_len;
    pq_sender_offer offers[1 + PQ_SENDER_MAX_REPEATS];

    /* The session. */
    bool open;
    pq_client client;
    uint8_t nonce[PQ_NONCE_SIZE]; /* of the record in flight */
};

#endif
