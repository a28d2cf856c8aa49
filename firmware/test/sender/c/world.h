/* A sender, a gateway and the air between them, in virtual time: the port's clock,
 * random generator and network in a test's hands. Every answer takes a millisecond. */
#ifndef PQ_SENDER_WORLD_H
#define PQ_SENDER_WORLD_H

#include "pq_sender.h"

#define WORLD_LOG    512
#define WORLD_EVENTS 512
#define WORLD_QUEUE  64
#define WORLD_DELAY  1000u /* µs */
#define WORLD_PACKET 1800

typedef struct {
    uint64_t at; /* µs */
    size_t len;
    uint8_t bytes[WORLD_PACKET];
} world_packet;

typedef struct {
    pq_event_kind kind;
    const char *name;
    uint8_t sid[PQ_SID_SIZE];
    uint64_t seq, at;
    size_t len;
    uint8_t text[256];
    uint32_t us;
} world_event;

typedef struct world world;

/* What becomes of the genuine answer, of len bytes, to a request: returns its new
 * length, 0 = lost. It may change it, and put others before it (world_arrive). */
typedef size_t (*world_tap)(world *w, const pq_coap *request, uint8_t *answer, size_t len);

struct world {
    uint64_t now; /* µs */
    uint64_t random;
    bool random_fails;
    world_tap tap; /* NULL: all arrives as it is */
    unsigned step; /* the tap's own */
    bool keep_log; /* of packets and of what they say */

    pq_sender sender;
    pq_sender_config config;
    pq_psk psk;

    /* The gateway. */
    uint8_t ek[PQ_KEM_MAX_EK_BYTES], dk[PQ_KEM_MAX_DK_BYTES], pin[32];
    uint8_t echo[PQ_ECHO_SIZE]; /* what it gives out, and wants back */
    uint8_t body[2048];
    size_t body_len;
    bool answered; /* answered_mid, with answer */
    uint16_t answered_mid;
    world_packet answer;
    bool live;
    pq_server server;
    char accepted[64][16]; /* the first bytes of each message */
    unsigned accepted_len, sessions, decapsulations;

    unsigned bad_tags; /* records that did not verify */

    unsigned log_len, events_len, queue_first, queue_len;
    unsigned kinds[PQ_EVENT_TIMING + 1]; /* events, how many of each */

    /* Large, and not cleared by world_new. */
    world_packet log[WORLD_LOG]; /* what the sender sent */
    world_event events[WORLD_EVENTS];
    world_packet queue[WORLD_QUEUE]; /* on the way to the sender */
};

extern world the_world;

/* A gateway with a key, and a sender that has its pin. */
world *world_new(const pq_kem_params *p);
/* The sender anew, with w->config. */
void world_boot_sender(world *w);
/* The gateway forgets its sessions. */
void world_reboot(world *w);

/* The gateway's answer to a request, as the tap leaves it; 0: none. */
size_t world_gateway(world *w, const uint8_t *request, size_t len, uint8_t *out);

/* Puts a datagram on the way to the sender. */
void world_arrive(world *w, const uint8_t *bytes, size_t len);

/* Queues a message, and lets time pass until the sender rests or until limit_us. */
int world_send(world *w, const char *text);
void world_run(world *w, uint64_t limit_us);

/* Packets of a code in the log; the n-th of them; and events of a kind. */
unsigned world_count(const world *w, uint8_t code);
const world_packet *world_sent(const world *w, uint8_t code, unsigned n);
const world_event *world_told(const world *w, pq_event_kind kind, unsigned n);

/* A packet of the log, read. */
pq_coap world_parsed(const world_packet *p);
/* Whether the i-th message that the gateway accepted is this one. */
bool world_accepted(const world *w, unsigned i, const char *text);
/* Whether one message has failed, and for this reason. */
bool world_failed_as(const world *w, const char *why);
bool world_all_zero(const void *p, size_t n);

/* A piggybacked answer to a request that nothing authenticates. */
size_t world_answer(uint8_t *out, const pq_coap *request, uint8_t code, const char *payload);

#endif
