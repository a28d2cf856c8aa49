#include "byte_ring.h"

#include <string.h>

size_t pq_byte_ring_put(pq_byte_ring *r, const uint8_t *p, size_t n)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    uint32_t room = r->size - (head - atomic_load_explicit(&r->tail, memory_order_acquire));
    if (n > room)
        n = room;
    uint32_t at = head & (r->size - 1);
    size_t first = n < r->size - at ? n : r->size - at;
    memcpy(r->buf + at, p, first);
    memcpy(r->buf, p + first, n - first);
    atomic_store_explicit(&r->head, head + (uint32_t)n, memory_order_release);
    return n;
}

pq_span pq_byte_ring_peek(pq_byte_ring *r, size_t max)
{
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    size_t n = atomic_load_explicit(&r->head, memory_order_acquire) - tail;
    uint32_t at = tail & (r->size - 1);
    if (n > r->size - at)
        n = r->size - at;
    return (pq_span){.data = r->buf + at, .len = n < max ? n : max};
}

void pq_byte_ring_drop(pq_byte_ring *r, size_t n)
{
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    atomic_store_explicit(&r->tail, tail + (uint32_t)n, memory_order_release);
}

size_t pq_byte_ring_get(pq_byte_ring *r, uint8_t *p, size_t n)
{
    size_t got = 0;
    while (got < n) {
        pq_span s = pq_byte_ring_peek(r, n - got);
        if (s.len == 0)
            break;
        memcpy(p + got, s.data, s.len);
        pq_byte_ring_drop(r, s.len);
        got += s.len;
    }
    return got;
}
