#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sched.h>

#include "byte_ring.h"
#include "check.h"

static void test_room(void)
{
    uint8_t buf[16], in[20], out[20];
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i + 1);
    pq_byte_ring r = PQ_BYTE_RING(buf);
    CHECK_EQ(pq_byte_ring_peek(&r, 99).len, 0);
    for (uint32_t at = 0; at < 64; at++) {
        CHECK_EQ(pq_byte_ring_put(&r, in, 20), 16); /* what fits */
        CHECK_EQ(pq_byte_ring_put(&r, in, 1), 0);
        pq_span s = pq_byte_ring_peek(&r, 99);
        CHECK_EQ(s.len, 16 - at % 16); /* one piece, up to the end of the buffer */
        CHECK_EQ(s.data[0], 1);
        CHECK_EQ(pq_byte_ring_peek(&r, 3).len, s.len < 3 ? s.len : 3);
        CHECK_EQ(pq_byte_ring_get(&r, out, 20), 16);
        CHECK_EQ(memcmp(in, out, 16), 0);
        CHECK_EQ(pq_byte_ring_get(&r, out, 20), 0);
        CHECK_EQ(pq_byte_ring_put(&r, in, 1), 1); /* moves on by one */
        pq_byte_ring_drop(&r, 1);
    }
}

/* The indices pass 2^32. */
static void test_overflow(void)
{
    uint8_t buf[8], out[8];
    pq_byte_ring r = PQ_BYTE_RING(buf);
    atomic_store(&r.head, UINT32_MAX - 2);
    atomic_store(&r.tail, UINT32_MAX - 2);
    CHECK_EQ(pq_byte_ring_put(&r, (const uint8_t *)"abcdefghi", 9), 8);
    CHECK_EQ(pq_byte_ring_get(&r, out, 8), 8);
    CHECK_EQ(memcmp(out, "abcdefgh", 8), 0);
}

enum { SENT = 200000 };

static void *writer(void *arg)
{
    for (uint32_t i = 0; i < SENT;) {
        uint8_t b[7];
        size_t n = sizeof b < SENT - i ? sizeof b : SENT - i;
        for (size_t k = 0; k < n; k++)
            b[k] = (uint8_t)((i + k) * 31);
        size_t took = pq_byte_ring_put(arg, b, n);
        i += (uint32_t)took;
        if (took == 0)
            sched_yield();
    }
    return NULL;
}

/* What one thread writes, another reads, in order and whole. */
static void test_threads(void)
{
    static uint8_t buf[64];
    pq_byte_ring r = PQ_BYTE_RING(buf);
    pthread_t t;
    CHECK_EQ(pthread_create(&t, NULL, writer, &r), 0);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < SENT;) {
        pq_span s = pq_byte_ring_peek(&r, 11);
        for (size_t k = 0; k < s.len; k++)
            wrong += s.data[k] != (uint8_t)((i + k) * 31);
        pq_byte_ring_drop(&r, s.len);
        i += (uint32_t)s.len;
        if (s.len == 0)
            sched_yield();
    }
    pthread_join(t, NULL);
    CHECK_EQ(wrong, 0);
}

int main(void)
{
    test_room();
    test_overflow();
    test_threads();
    return check_done("bl602_byte_ring");
}
