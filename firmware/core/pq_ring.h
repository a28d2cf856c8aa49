/* A ring that carries entries from one producer to one consumer without a
 * lock. An entry is copied in whole or not at all; one that does not fit is
 * counted as dropped, and the entry after it carries that count, so that the
 * consumer knows where in the stream the hole is.
 *
 * Who owns what:
 *
 *   producer (radio callback, any one task)  head, dropped, end
 *   consumer (main loop)                     tail, high
 *
 * Only the owner stores to a field. The producer publishes an entry by storing
 * head with release, and the consumer loads it with acquire; the consumer
 * gives room back by storing tail with release, and the producer loads it with
 * acquire. Indices run freely through 32 bits and are masked on use, hence a
 * size that is a power of two.
 *
 * RAM: 28 bytes on RV32, and the buffer that its owner lends it, of which each
 * entry takes its length and PQ_RING_ENTRY_HEAD bytes. */
#ifndef PQ_RING_H
#define PQ_RING_H

#include <stdatomic.h>
#include <stdbool.h>

#include "pq_bytes.h"
#include "pq_error.h"

#define PQ_RING_ENTRY_HEAD 8u         /* bytes: length, dropped before */
#define PQ_RING_MIN_SIZE   64u        /* bytes */
#define PQ_RING_MAX_SIZE   (1u << 30) /* bytes */

typedef struct {
    uint8_t *buf;
    uint32_t size; /* bytes, a power of two */
    _Atomic uint32_t head;
    _Atomic uint32_t tail;
    _Atomic uint32_t dropped; /* entries since init */
    uint32_t end;             /* producer: where the entry in the making ends so far */
    uint32_t high;            /* consumer: most bytes seen in use since last asked */
} pq_ring;

/* An entry where it lies: in one piece, or in two where the ring wraps. */
typedef struct {
    pq_span part[2];  /* part[1].len may be 0 */
    uint32_t len;     /* of both parts, bytes */
    uint32_t dropped; /* entries dropped from init until this one was put */
} pq_ring_entry;

/* PQ_ERR_ARG unless size is a power of two within the limits. Both sides must
 * start after this. */
int pq_ring_init(pq_ring *r, uint8_t *buf, uint32_t size);

/* Producer. Whether an entry of len bytes would fit now; also true of one that
 * never will, as waiting for room would be in vain. */
bool pq_ring_has_room(pq_ring *r, size_t len);

/* Producer. Begins an entry of exactly len bytes, to be followed by pq_ring_put
 * until these are complete, then pq_ring_commit. PQ_ERR_FULL: it does not fit
 * and was counted. */
int pq_ring_begin(pq_ring *r, size_t len);
void pq_ring_put(pq_ring *r, const uint8_t *p, size_t n);
void pq_ring_commit(pq_ring *r);

/* Consumer. The oldest entry; false if there is none. It stays valid until
 * pq_ring_pop, which may be called only after a peek that returned true. */
bool pq_ring_peek(pq_ring *r, pq_ring_entry *e);
void pq_ring_pop(pq_ring *r);

/* Consumer. Entries dropped since init, as far as the stream has come: up to
 * the oldest entry that still waits, or up to now if none waits. */
uint32_t pq_ring_dropped(pq_ring *r);

/* Consumer. The most bytes in use at once since the last call. */
uint32_t pq_ring_high_water(pq_ring *r);

/* Copies n bytes of e from offset at; they must lie within e. */
void pq_ring_copy(const pq_ring_entry *e, uint32_t at, uint8_t *out, size_t n);

#endif
