/* A ring of bytes between one writer and one reader, of which either may be an
 * interrupt: each stores only to its own index. The reader sees what waits as one
 * piece, for DMA to take from where it lies. RAM: 16 bytes and the buffer. */
#ifndef PQ_BL602_BYTE_RING_H
#define PQ_BL602_BYTE_RING_H

#include <stdatomic.h>

#include "pq_bytes.h"

typedef struct {
    uint8_t *buf;
    uint32_t size; /* bytes, a power of two */
    _Atomic uint32_t head;
    _Atomic uint32_t tail;
} pq_byte_ring;

#define PQ_BYTE_RING(storage)                                                                      \
    {                                                                                              \
        .buf = (storage), .size = sizeof(storage)                                                  \
    }

/* Writer. Takes as many of n bytes as fit and returns how many. */
size_t pq_byte_ring_put(pq_byte_ring *r, const uint8_t *p, size_t n);

/* Reader. The oldest bytes that lie in one piece, at most max; len 0 = none. They
 * stay until dropped. */
pq_span pq_byte_ring_peek(pq_byte_ring *r, size_t max);
void pq_byte_ring_drop(pq_byte_ring *r, size_t n); /* at most what peek gave */

/* Reader. Copies at most n bytes out and returns how many. */
size_t pq_byte_ring_get(pq_byte_ring *r, uint8_t *p, size_t n);

#endif
