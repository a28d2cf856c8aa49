/* Loads and stores of integers, at any alignment and on any host: little-endian,
 * and big-endian with _be. And the span. No state. */
#ifndef PQ_BYTES_H
#define PQ_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* A piece of memory that somebody else owns. */
typedef struct {
    const uint8_t *data;
    size_t len; /* bytes */
} pq_span;

static inline uint16_t pq_load16(const uint8_t *p)
{
    return (uint16_t)(p[0] | (uint16_t)(p[1] << 8));
}

static inline uint32_t pq_load32(const uint8_t *p)
{
    return (uint32_t)pq_load16(p) | (uint32_t)pq_load16(p + 2) << 16;
}

static inline uint64_t pq_load64(const uint8_t *p)
{
    return (uint64_t)pq_load32(p) | (uint64_t)pq_load32(p + 4) << 32;
}

static inline void pq_store16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void pq_store32(uint8_t *p, uint32_t v)
{
    pq_store16(p, (uint16_t)v);
    pq_store16(p + 2, (uint16_t)(v >> 16));
}

static inline void pq_store64(uint8_t *p, uint64_t v)
{
    pq_store32(p, (uint32_t)v);
    pq_store32(p + 4, (uint32_t)(v >> 32));
}

static inline uint16_t pq_load16_be(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t pq_load32_be(const uint8_t *p)
{
    return (uint32_t)pq_load16_be(p) << 16 | pq_load16_be(p + 2);
}

static inline void pq_store16_be(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void pq_store32_be(uint8_t *p, uint32_t v)
{
    pq_store16_be(p, (uint16_t)(v >> 16));
    pq_store16_be(p + 2, (uint16_t)v);
}

#endif
