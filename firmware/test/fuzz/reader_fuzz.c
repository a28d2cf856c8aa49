/* The reader of commands, fed a stream of records, damaged records and noise in
 * pieces of any size, must find exactly what a plain scan over the whole
 * stream finds. */
#include "fuzz.h"

#include <string.h>

#include "pq_record.h"

#define STREAM_MAX 65536

static uint8_t stream[STREAM_MAX], buf[PQ_MAX_RECORD];

/* Adds noise or a record, perhaps damaged; returns its size. */
static size_t grow(input *in, uint8_t *out, size_t room)
{
    uint8_t op = take8(in);
    size_t n;
    const uint8_t *body = take_bytes(in, op & 0x40 ? 300 : 24, &n);
    if (n > room)
        n = room;
    if ((op & 3) == 0) {
        if (n > 0)
            memcpy(out, body, n);
        return n;
    }
    /* A header may say another version, or a length that is not the body's. */
    pq_header h = {body == NULL || n == 0 ? 0x81 : body[0], op & 0x80 ? 2 : PQ_MAJOR, (uint16_t)n,
                   take16(in), 0};
    int size = pq_record_write(out, room, &h, body);
    if (size < 0)
        return 0;
    if ((op & 3) == 2) {
        h.len = take16(in);
        pq_header_write(out, &h);
    } else if ((op & 3) == 3) {
        out[take16(in) % (size_t)size] ^= (uint8_t)(1 << (op >> 2 & 7));
        size -= op & 0x20 ? take16(in) % size : 0;
    }
    return (size_t)size;
}

/* The record that starts at p, judged with all bytes in sight. */
static size_t whole_record(const uint8_t *p, size_t n, pq_header *h)
{
    if (pq_header_parse(h, p, n) != PQ_OK)
        return 0;
    size_t end = PQ_HEADER_SIZE + (size_t)h->len;
    if (n < end + PQ_TRAILER_SIZE || pq_crc32(0, p, end) != pq_load32(p + end))
        return 0;
    return end + PQ_TRAILER_SIZE;
}

typedef struct {
    size_t at, size, records;
} scan;

/* The scan must find next what the reader found. */
static void expect(scan *s, const pq_header *got, const uint8_t *body)
{
    pq_header h = {0};
    size_t n = 0;
    while (s->at < s->size && (n = whole_record(stream + s->at, s->size - s->at, &h)) == 0)
        s->at++;
    MUST(n > 0);
    MUST(h.type == got->type && h.len == got->len && h.seq == got->seq && h.time == got->time);
    MUST(memcmp(body, stream + s->at + PQ_HEADER_SIZE, h.len) == 0);
    s->at += n;
    s->records++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    uint8_t step = take8(&in);
    scan s = {0};
    while (in.n > 0 && s.size < STREAM_MAX - 400)
        s.size += grow(&in, stream + s.size, STREAM_MAX - s.size);

    pq_reader r;
    pq_header h;
    const uint8_t *body;
    size_t good = 0;
    pq_reader_init(&r, buf, sizeof buf);
    for (size_t fed = 0; fed < s.size || r.len > 0;) {
        uint8_t *at;
        size_t n = pq_reader_room(&r, &at);
        MUST(n > 0);
        n = n < step + 1u ? n : step + 1u;
        n = n < s.size - fed ? n : s.size - fed;
        memcpy(at, stream + fed, n);
        pq_reader_fed(&r, n);
        fed += n;
        if (n == 0)
            pq_reader_give_up(&r);
        while (pq_reader_next(&r, &h, &body)) {
            expect(&s, &h, body);
            good += PQ_HEADER_SIZE + (size_t)h.len + PQ_TRAILER_SIZE;
        }
    }
    MUST(r.records == s.records && r.skipped + good == s.size);
    for (; s.at < s.size; s.at++) /* and nothing is left that it did not find */
        MUST(whole_record(stream + s.at, s.size - s.at, &h) == 0);
    return 0;
}
