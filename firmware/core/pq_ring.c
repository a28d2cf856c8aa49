#include "pq_ring.h"

#include <string.h>

int pq_ring_init(pq_ring *r, uint8_t *buf, uint32_t size)
{
    if (buf == NULL || size < PQ_RING_MIN_SIZE || size > PQ_RING_MAX_SIZE || (size & (size - 1)))
        return PQ_ERR_ARG;
    r->buf = buf;
    r->size = size;
    r->end = 0;
    r->high = 0;
    atomic_init(&r->head, 0);
    atomic_init(&r->tail, 0);
    atomic_init(&r->dropped, 0);
    return PQ_OK;
}

/* Room that the producer may use at least; the consumer can only add to it. */
static uint32_t room(pq_ring *r)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    return r->size - (head - tail);
}

static bool fits(size_t len, uint32_t bytes)
{
    return bytes >= PQ_RING_ENTRY_HEAD && len <= bytes - PQ_RING_ENTRY_HEAD;
}

bool pq_ring_has_room(pq_ring *r, size_t len)
{
    return !fits(len, r->size) || fits(len, room(r));
}

int pq_ring_begin(pq_ring *r, size_t len)
{
    uint32_t dropped = atomic_load_explicit(&r->dropped, memory_order_relaxed);
    if (!fits(len, room(r))) {
        /* Release: who sees this count sees the entries put before it. */
        atomic_store_explicit(&r->dropped, dropped + 1, memory_order_release);
        return PQ_ERR_FULL;
    }
    uint8_t head[PQ_RING_ENTRY_HEAD];
    pq_store32(head, (uint32_t)len);
    pq_store32(head + 4, dropped);
    r->end = atomic_load_explicit(&r->head, memory_order_relaxed);
    pq_ring_put(r, head, sizeof head);
    return PQ_OK;
}

void pq_ring_put(pq_ring *r, const uint8_t *p, size_t n)
{
    if (n == 0)
        return;
    uint32_t at = r->end & (r->size - 1);
    size_t first = n < r->size - at ? n : r->size - at;
    memcpy(r->buf + at, p, first);
    memcpy(r->buf, p + first, n - first);
    r->end += (uint32_t)n;
}

void pq_ring_commit(pq_ring *r)
{
    atomic_store_explicit(&r->head, r->end, memory_order_release);
}

/* The n bytes that start at index from, in one or two pieces. */
static void view(const pq_ring *r, uint32_t from, uint32_t n, pq_ring_entry *e)
{
    uint32_t at = from & (r->size - 1);
    uint32_t first = n < r->size - at ? n : r->size - at;
    e->part[0] = (pq_span){r->buf + at, first};
    e->part[1] = (pq_span){r->buf, n - first};
    e->len = n;
}

static void note_high(pq_ring *r, uint32_t used)
{
    if (used > r->high)
        r->high = used;
}

bool pq_ring_peek(pq_ring *r, pq_ring_entry *e)
{
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    uint32_t head = atomic_load_explicit(&r->head, memory_order_acquire);
    *e = (pq_ring_entry){0};
    if (head == tail)
        return false;
    uint8_t h[PQ_RING_ENTRY_HEAD];
    view(r, tail, sizeof h, e);
    pq_ring_copy(e, 0, h, sizeof h);
    view(r, tail + PQ_RING_ENTRY_HEAD, pq_load32(h), e);
    e->dropped = pq_load32(h + 4);
    return true;
}

void pq_ring_pop(pq_ring *r)
{
    pq_ring_entry e;
    if (!pq_ring_peek(r, &e))
        return;
    /* Use only falls here, so that just before is when it is highest. */
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    note_high(r, atomic_load_explicit(&r->head, memory_order_relaxed) - tail);
    atomic_store_explicit(&r->tail, tail + PQ_RING_ENTRY_HEAD + e.len, memory_order_release);
}

uint32_t pq_ring_dropped(pq_ring *r)
{
    /* First the count, then whether something waits: an entry put in between
     * is seen and carries its own count. */
    uint32_t now = atomic_load_explicit(&r->dropped, memory_order_acquire);
    pq_ring_entry e;
    return pq_ring_peek(r, &e) ? e.dropped : now;
}

uint32_t pq_ring_high_water(pq_ring *r)
{
    uint32_t used = atomic_load_explicit(&r->head, memory_order_relaxed) -
                    atomic_load_explicit(&r->tail, memory_order_relaxed);
    note_high(r, used);
    uint32_t high = r->high;
    r->high = used;
    return high;
}

void pq_ring_copy(const pq_ring_entry *e, uint32_t at, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = at + i;
        out[i] = k < e->part[0].len ? e->part[0].data[k] : e->part[1].data[k - e->part[0].len];
    }
}
