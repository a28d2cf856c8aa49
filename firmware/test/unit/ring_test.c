#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "pq_ring.h"

static int put(pq_ring *r, const uint8_t *p, size_t n)
{
    int err = pq_ring_begin(r, n);
    if (err != PQ_OK)
        return err;
    pq_ring_put(r, p, n / 2); /* in two pieces, as from a chain of buffers */
    pq_ring_put(r, p + n / 2, n - n / 2);
    pq_ring_commit(r);
    return PQ_OK;
}

static void test_init(void)
{
    pq_ring r;
    uint8_t buf[128];
    CHECK_EQ(pq_ring_init(&r, buf, 128), PQ_OK);
    CHECK_EQ(pq_ring_init(&r, buf, 96), PQ_ERR_ARG);
    CHECK_EQ(pq_ring_init(&r, buf, 32), PQ_ERR_ARG);
    CHECK_EQ(pq_ring_init(&r, buf, 0), PQ_ERR_ARG);
    CHECK_EQ(pq_ring_init(&r, NULL, 128), PQ_ERR_ARG);
    CHECK_EQ(pq_ring_init(&r, buf, PQ_RING_MAX_SIZE * 2u), PQ_ERR_ARG);
}

/* Every entry length that fits, at every position of the ring. */
static void test_wrap(void)
{
    uint8_t buf[128 + 16], in[120], out[120];
    memset(buf, 0xEE, sizeof buf);
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i + 1);
    pq_ring r;
    CHECK_EQ(pq_ring_init(&r, buf, 128), PQ_OK);
    for (int round = 0; round < 128; round++) {
        for (size_t n = 0; n <= 120; n++) {
            pq_ring_entry e;
            CHECK_EQ(put(&r, in, n), PQ_OK);
            CHECK(pq_ring_peek(&r, &e));
            CHECK_EQ(e.len, n);
            CHECK_EQ(e.part[0].len + e.part[1].len, n);
            pq_ring_copy(&e, 0, out, n);
            CHECK(memcmp(in, out, n) == 0);
            pq_ring_pop(&r);
            CHECK(!pq_ring_peek(&r, &e));
        }
        CHECK_EQ(put(&r, in, (size_t)round % 7), PQ_OK); /* shift by an odd amount */
        pq_ring_pop(&r);
    }
    for (size_t i = 128; i < sizeof buf; i++)
        CHECK_EQ(buf[i], 0xEE);
}

static void test_full(void)
{
    uint8_t buf[128], in[128] = {0};
    pq_ring r;
    pq_ring_entry e;
    CHECK_EQ(pq_ring_init(&r, buf, 128), PQ_OK);
    CHECK_EQ(put(&r, in, 121), PQ_ERR_FULL);
    CHECK(pq_ring_has_room(&r, 121)); /* waiting would be in vain */
    CHECK_EQ(pq_ring_dropped(&r), 1);
    CHECK_EQ(put(&r, in, 52), PQ_OK);
    CHECK(pq_ring_has_room(&r, 60));
    CHECK(!pq_ring_has_room(&r, 61));
    CHECK_EQ(put(&r, in, 61), PQ_ERR_FULL);
    CHECK_EQ(put(&r, in, 60), PQ_OK); /* exactly full */
    CHECK_EQ(put(&r, in, 0), PQ_ERR_FULL);
    CHECK_EQ(pq_ring_high_water(&r), 128);
    CHECK_EQ(pq_ring_dropped(&r), 1); /* as far as the oldest entry */
    CHECK(pq_ring_peek(&r, &e) && e.dropped == 1 && e.len == 52);
    pq_ring_pop(&r);
    CHECK_EQ(pq_ring_dropped(&r), 2);
    CHECK(pq_ring_peek(&r, &e) && e.dropped == 2 && e.len == 60);
    pq_ring_pop(&r);
    CHECK_EQ(pq_ring_dropped(&r), 3);
    pq_ring_pop(&r); /* nothing there: no harm */
    CHECK(!pq_ring_peek(&r, &e));
    CHECK_EQ(pq_ring_high_water(&r), 128);
    CHECK_EQ(pq_ring_high_water(&r), 0);
}

/* Indices wrap at 2^32. */
static void test_index_wrap(void)
{
    uint8_t buf[128], in[100], out[100];
    memset(in, 0x5A, sizeof in);
    pq_ring r;
    CHECK_EQ(pq_ring_init(&r, buf, 128), PQ_OK);
    atomic_store(&r.head, UINT32_MAX - 50);
    atomic_store(&r.tail, UINT32_MAX - 50);
    for (int i = 0; i < 5; i++) {
        pq_ring_entry e;
        CHECK_EQ(put(&r, in, 100), PQ_OK);
        CHECK_EQ(put(&r, in, 100), PQ_ERR_FULL);
        CHECK(pq_ring_peek(&r, &e) && e.len == 100);
        pq_ring_copy(&e, 0, out, 100);
        CHECK(memcmp(in, out, 100) == 0);
        pq_ring_pop(&r);
    }
}

/* --- Two threads */

#define STRESS 300000u

static pq_ring shared;
static atomic_bool over;

static void *produce(void *unused)
{
    (void)unused;
    uint8_t in[200];
    for (uint32_t i = 0; i < STRESS; i++) {
        size_t n = 4 + (i * 2654435761u >> 24) % 190;
        pq_store32(in, i);
        memset(in + 4, (int)(i & 0xFF), n - 4);
        (void)put(&shared, in, n);
        if (i % 64 == 0)
            sched_yield();
    }
    atomic_store(&over, true);
    return NULL;
}

/* What arrives is whole and in order, and what the entries say was dropped is
 * what is missing, at every point. */
static void test_threads(void)
{
    static uint8_t buf[1024];
    CHECK_EQ(pq_ring_init(&shared, buf, sizeof buf), PQ_OK);
    pthread_t t;
    CHECK_EQ(pthread_create(&t, NULL, produce, NULL), 0);
    uint32_t next = 0, got = 0, wrong = 0;
    for (bool last = false; !last;) {
        last = atomic_load(&over);
        pq_ring_entry e;
        uint32_t before = pq_ring_dropped(&shared);
        wrong += before > STRESS;
        while (pq_ring_peek(&shared, &e)) {
            uint8_t out[200];
            pq_ring_copy(&e, 0, out, e.len);
            uint32_t i = pq_load32(out);
            for (size_t k = 4; k < e.len; k++)
                wrong += out[k] != (uint8_t)i;
            wrong += i < next || i != got + e.dropped;
            next = i + 1;
            got++;
            pq_ring_pop(&shared);
        }
        sched_yield();
    }
    pthread_join(t, NULL);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(got + pq_ring_dropped(&shared), STRESS);
    CHECK(got > 0);
    printf("ring: %u entries through two threads, %u dropped\n", got, STRESS - got);
}

int main(void)
{
    test_init();
    test_wrap();
    test_full();
    test_index_wrap();
    test_threads();
    return check_done("ring");
}
