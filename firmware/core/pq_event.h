/* What gateway and sender tell the role around them: for the console, the LED,
 * the screen and tests. Spans are valid only during the call. */
#ifndef PQ_EVENT_H
#define PQ_EVENT_H

#include "pq_port.h"
#include "pq_wire.h"

typedef enum {
    PQ_EVENT_SESSION, /* a session is open under keys both sides have shown */
    PQ_EVENT_MESSAGE, /* gateway: accepted, text; sender: acknowledged, text is the answer's */
    PQ_EVENT_REFUSED, /* name says why; nothing secret is in it */
    PQ_EVENT_PINNED,  /* sender: trust on first use, text is the pin (32 bytes): keep it */
    PQ_EVENT_FAILED,  /* sender: a message was given up after all attempts; name says why */
    PQ_EVENT_CLOSED,  /* gateway: a session is over; name says why */
    PQ_EVENT_TIMING,  /* name is the step ("kem.decaps", "ccm.open"), us its time */
} pq_event_kind;

typedef struct {
    pq_event_kind kind;
    const char *name;         /* a constant string, or NULL */
    uint8_t sid[PQ_SID_SIZE]; /* zero where there is none */
    uint64_t seq;             /* of the sender's record */
    pq_endpoint peer;
    pq_span text;
    uint32_t us;
} pq_event;

typedef void (*pq_event_sink)(void *ctx, const pq_event *e);

#endif
