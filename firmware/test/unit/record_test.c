#include "check.h"
#include "pq_record.h"

#include <stdbool.h>

static const struct vector {
    const char *name;
    const uint8_t *record;
    size_t record_len;
    uint8_t type;
    uint16_t seq;
    uint64_t time;
    const uint8_t *body;
    size_t body_len;
} vectors[] = {
#include "serial_vectors.inc"
};
#define VECTORS (sizeof vectors / sizeof vectors[0])

static void test_crc(void)
{
    const uint8_t text[] = "123456789";
    CHECK_EQ(pq_crc16(text, 9), 0x29B1);
    CHECK_EQ(pq_crc32(0, text, 9), 0xCBF43926);
    CHECK_EQ(pq_crc32(pq_crc32(0, text, 4), text + 4, 5), 0xCBF43926);
    CHECK_EQ(pq_crc32(0, text, 0), 0);
    CHECK_EQ(pq_crc16(text, 0), 0xFFFF);
}

static void test_vectors(void)
{
    CHECK(VECTORS >= 10);
    for (size_t i = 0; i < VECTORS; i++) {
        const struct vector *v = &vectors[i];
        uint8_t out[PQ_MAX_RECORD];
        pq_header h = {v->type, PQ_MAJOR, (uint16_t)v->body_len, v->seq, v->time};
        int n = pq_record_write(out, sizeof out, &h, v->body);
        CHECK_EQ(n, v->record_len);
        CHECK(memcmp(out, v->record, v->record_len) == 0);
        CHECK_EQ(pq_record_write(out, v->record_len - 1, &h, v->body), PQ_ERR_LENGTH);
        pq_header back;
        CHECK_EQ(pq_header_parse(&back, v->record, v->record_len), PQ_OK);
        CHECK(back.type == v->type && back.seq == v->seq && back.time == v->time &&
              back.len == v->body_len && back.version == PQ_MAJOR);
        for (size_t cut = 0; cut < PQ_HEADER_SIZE; cut++)
            CHECK_EQ(pq_header_parse(&back, v->record, cut), PQ_ERR_SHORT);
        if (failures > 0)
            fprintf(stderr, "in vector %s\n", v->name);
    }
}

/* A header whose CRC holds, with any version and length. */
static void make_header(uint8_t *out, uint8_t version, uint16_t len)
{
    pq_header h = {PQ_TYPE_CHANNEL, version, len, 9, 0};
    pq_header_write(out, &h);
}

static void test_header_errors(void)
{
    uint8_t b[PQ_HEADER_SIZE];
    pq_header h;
    make_header(b, 2, 1);
    CHECK_EQ(pq_header_parse(&h, b, sizeof b), PQ_ERR_VERSION);
    CHECK_EQ(h.version, 2);
    make_header(b, PQ_MAJOR, PQ_MAX_BODY + 1);
    CHECK_EQ(pq_header_parse(&h, b, sizeof b), PQ_ERR_LENGTH);
    CHECK_EQ(h.len, 0);
    for (size_t bit = 16; bit < 8 * PQ_HEADER_SIZE; bit++) {
        make_header(b, PQ_MAJOR, 1);
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_EQ(pq_header_parse(&h, b, sizeof b), PQ_ERR_CRC);
    }
    b[0] ^= 1;
    CHECK_EQ(pq_header_parse(&h, b, sizeof b), PQ_ERR_SYNC);
    pq_header too_long = {.version = PQ_MAJOR, .len = PQ_MAX_BODY + 1};
    static uint8_t big[PQ_MAX_RECORD + 8];
    CHECK_EQ(pq_record_write(big, sizeof big, &too_long, big), PQ_ERR_LENGTH);
}

/* Feeds n bytes, step at a time; returns how many records came, and their
 * sequence numbers in seq. */
static size_t feed(pq_reader *r, const uint8_t *p, size_t n, size_t step, uint16_t *seq, size_t max)
{
    size_t got = 0;
    pq_header h;
    const uint8_t *body;
    while (n > 0) {
        uint8_t *at;
        size_t take = pq_reader_room(r, &at);
        CHECK(take > 0);
        take = take < step ? take : step;
        take = take < n ? take : n;
        memcpy(at, p, take);
        pq_reader_fed(r, take);
        p += take;
        n -= take;
        while (pq_reader_next(r, &h, &body))
            if (got++ < max)
                seq[got - 1] = h.seq;
    }
    return got;
}

static size_t put_all(uint8_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < VECTORS; i++) {
        memcpy(out + n, vectors[i].record, vectors[i].record_len);
        n += vectors[i].record_len;
    }
    return n;
}

static void test_reader_steps(void)
{
    static uint8_t stream[4096], buf[PQ_MAX_RECORD];
    size_t n = put_all(stream);
    for (size_t step = 1; step <= n; step++) {
        pq_reader r;
        uint16_t seq[VECTORS] = {0};
        pq_reader_init(&r, buf, sizeof buf);
        CHECK_EQ(feed(&r, stream, n, step, seq, VECTORS), VECTORS);
        for (size_t i = 0; i < VECTORS; i++)
            CHECK_EQ(seq[i], vectors[i].seq);
        CHECK(r.skipped == 0 && r.bad == 0 && r.records == VECTORS);
    }
}

/* A damaged record costs itself and nothing else, wherever the damage is: a
 * good record follows that the length of the damaged one would swallow. */
static void test_reader_damage(void)
{
    static uint8_t stream[256], buf[PQ_MAX_RECORD];
    const struct vector *hello = &vectors[0];
    pq_header h = {PQ_TYPE_FILTER, PQ_MAJOR, 60, 77, 0};
    uint8_t body[60] = {0};
    memcpy(body + 20, hello->record, 22); /* a whole record inside of a body */
    int n = pq_record_write(stream, sizeof stream, &h, body);
    memcpy(stream + n, hello->record, hello->record_len);
    size_t all = (size_t)n + hello->record_len;

    pq_reader r;
    uint16_t seq[4] = {0};
    pq_reader_init(&r, buf, sizeof buf);
    CHECK_EQ(feed(&r, stream, all, all, seq, 4), 2);
    CHECK(seq[0] == 77 && seq[1] == hello->seq);
    for (size_t bit = 0; bit < (size_t)n * 8; bit++) {
        uint8_t bad[sizeof stream] = {0};
        memcpy(bad, stream, all);
        bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
        pq_reader_init(&r, buf, sizeof buf);
        size_t got = feed(&r, bad, all, 7, seq, 4);
        bool inside = bit / 8 >= PQ_HEADER_SIZE + 20 && bit / 8 < PQ_HEADER_SIZE + 42;
        CHECK_EQ(got, inside ? 1 : 2); /* the one in the body counts: nobody vouches otherwise */
        CHECK(got > 0 && seq[got - 1] == hello->seq);
        CHECK_EQ(r.skipped + got * 22, all);
    }
    for (size_t lost = 0; lost < (size_t)n; lost++) { /* cut off: bytes that never came */
        uint8_t cut[sizeof stream];
        memcpy(cut, stream, lost);
        memcpy(cut + lost, hello->record, hello->record_len);
        pq_reader_init(&r, buf, sizeof buf);
        size_t got = feed(&r, cut, lost + hello->record_len, 5, seq, 4);
        const uint8_t *unused;
        pq_header last;
        while (r.len > 0) { /* the line falls silent */
            pq_reader_give_up(&r);
            while (pq_reader_next(&r, &last, &unused))
                seq[got++] = last.seq;
        }
        CHECK(got > 0 && seq[got - 1] == hello->seq);
    }
}

static void test_reader_refuses(void)
{
    uint8_t buf[64], b[PQ_HEADER_SIZE + 1 + PQ_TRAILER_SIZE + 22];
    pq_reader r;
    uint16_t seq[2] = {0};
    make_header(b, 3, 1);
    memset(b + PQ_HEADER_SIZE, 0, 1 + PQ_TRAILER_SIZE);
    memcpy(b + PQ_HEADER_SIZE + 1 + PQ_TRAILER_SIZE, vectors[0].record, 22);
    pq_reader_init(&r, buf, sizeof buf);
    CHECK_EQ(feed(&r, b, sizeof b, 3, seq, 2), 1);
    CHECK(r.foreign == 1 && r.foreign_major == 3 && r.bad == 0);

    make_header(b, PQ_MAJOR, 64); /* longer than this reader's buffer */
    pq_reader_init(&r, buf, sizeof buf);
    CHECK_EQ(feed(&r, b, sizeof b, 3, seq, 2), 1);
    CHECK(r.bad == 1 && r.skipped == PQ_HEADER_SIZE + 1 + PQ_TRAILER_SIZE);
}

static void test_reader_longest(void)
{
    static uint8_t record[PQ_MAX_RECORD], body[PQ_MAX_BODY], buf[PQ_MAX_RECORD];
    pq_header h = {0xF0, PQ_MAJOR, PQ_MAX_BODY, 1234, 0};
    memset(body, PQ_SYNC_0, sizeof body);
    CHECK_EQ(pq_record_write(record, sizeof record, &h, body), PQ_MAX_RECORD);
    pq_reader r;
    uint16_t seq[1] = {0};
    pq_reader_init(&r, buf, sizeof buf);
    CHECK_EQ(feed(&r, record, sizeof record, 1000, seq, 1), 1);
    CHECK_EQ(seq[0], 1234);
}

int main(void)
{
    test_crc();
    test_vectors();
    test_header_errors();
    test_reader_steps();
    test_reader_damage();
    test_reader_refuses();
    test_reader_longest();
    return check_done("record");
}
