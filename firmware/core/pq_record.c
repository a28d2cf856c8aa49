#include "pq_record.h"

#include <string.h>

/* Nibble tables: 16 entries each, so that the CRC of a full 2 Mbaud line costs
 * the board little and the tables cost no RAM worth the name. */
static const uint16_t crc16_table[16] = {
    0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
    0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
};

static const uint32_t crc32_table[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

uint16_t pq_crc16(const uint8_t *p, size_t n)
{
    uint16_t c = 0xFFFF;
    for (size_t i = 0; i < n; i++) {
        c = (uint16_t)((c << 4) ^ crc16_table[(c >> 12) ^ (p[i] >> 4)]);
        c = (uint16_t)((c << 4) ^ crc16_table[(c >> 12) ^ (p[i] & 15)]);
    }
    return c;
}

uint32_t pq_crc32(uint32_t crc, const uint8_t *p, size_t n)
{
    uint32_t c = ~crc;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        c = (c >> 4) ^ crc32_table[c & 15];
        c = (c >> 4) ^ crc32_table[c & 15];
    }
    return ~c;
}

void pq_header_write(uint8_t *out, const pq_header *h)
{
    out[0] = PQ_SYNC_0;
    out[1] = PQ_SYNC_1;
    out[2] = h->type;
    out[3] = h->version;
    pq_store16(out + 4, h->len);
    pq_store16(out + 6, h->seq);
    pq_store64(out + 8, h->time);
    pq_store16(out + 16, pq_crc16(out, 16));
}

int pq_header_parse(pq_header *h, const uint8_t *in, size_t n)
{
    *h = (pq_header){0};
    if ((n > 0 && in[0] != PQ_SYNC_0) || (n > 1 && in[1] != PQ_SYNC_1))
        return PQ_ERR_SYNC;
    if (n < PQ_HEADER_SIZE)
        return PQ_ERR_SHORT;
    if (pq_crc16(in, 16) != pq_load16(in + 16))
        return PQ_ERR_CRC;
    if (in[3] != PQ_MAJOR) {
        h->version = in[3];
        return PQ_ERR_VERSION;
    }
    if (pq_load16(in + 4) > PQ_MAX_BODY)
        return PQ_ERR_LENGTH;
    h->type = in[2];
    h->version = in[3];
    h->len = pq_load16(in + 4);
    h->seq = pq_load16(in + 6);
    h->time = pq_load64(in + 8);
    return PQ_OK;
}

int pq_record_write(uint8_t *out, size_t room, const pq_header *h, const uint8_t *body)
{
    size_t end = PQ_HEADER_SIZE + (size_t)h->len;
    if (h->len > PQ_MAX_BODY || room < end + PQ_TRAILER_SIZE)
        return PQ_ERR_LENGTH;
    pq_header_write(out, h);
    if (h->len > 0)
        memcpy(out + PQ_HEADER_SIZE, body, h->len);
    pq_store32(out + end, pq_crc32(0, out, end));
    return (int)(end + PQ_TRAILER_SIZE);
}

void pq_reader_init(pq_reader *r, uint8_t *buf, size_t size)
{
    *r = (pq_reader){.buf = buf, .size = size};
}

size_t pq_reader_room(pq_reader *r, uint8_t **at)
{
    if (r->start > 0) {
        memmove(r->buf, r->buf + r->start, r->len);
        r->start = 0;
    }
    *at = r->buf + r->len;
    return r->size - r->len;
}

void pq_reader_fed(pq_reader *r, size_t n)
{
    r->len += n;
}

static void consume(pq_reader *r, size_t n)
{
    r->start += n;
    r->len -= n;
}

static void skip(pq_reader *r, size_t n)
{
    consume(r, n);
    r->skipped += (uint32_t)n;
}

/* Goes to the next byte that may start a record. */
static void seek(pq_reader *r)
{
    const uint8_t *p = r->len > 0 ? memchr(r->buf + r->start, PQ_SYNC_0, r->len) : NULL;
    skip(r, p != NULL ? (size_t)(p - (r->buf + r->start)) : r->len);
}

/* What stands at the start of what is held: PQ_OK and *h a whole good record,
 * PQ_ERR_SHORT a beginning, anything else no record. */
static int judge(pq_reader *r, pq_header *h)
{
    const uint8_t *p = r->buf + r->start;
    int err = pq_header_parse(h, p, r->len);
    if (err == PQ_ERR_VERSION) {
        r->foreign++;
        r->foreign_major = h->version;
    }
    if (err != PQ_OK)
        return err;
    size_t end = PQ_HEADER_SIZE + (size_t)h->len;
    if (end + PQ_TRAILER_SIZE > r->size)
        return PQ_ERR_LENGTH;
    if (r->len < end + PQ_TRAILER_SIZE)
        return PQ_ERR_SHORT;
    return pq_crc32(0, p, end) == pq_load32(p + end) ? PQ_OK : PQ_ERR_CRC;
}

int pq_reader_next(pq_reader *r, pq_header *h, const uint8_t **body)
{
    *body = NULL;
    for (;;) {
        seek(r);
        int err = r->len > 0 ? judge(r, h) : PQ_ERR_SHORT;
        if (err == PQ_ERR_SHORT) {
            *h = (pq_header){0};
            return 0;
        }
        if (err == PQ_OK) {
            *body = r->buf + r->start + PQ_HEADER_SIZE;
            consume(r, PQ_HEADER_SIZE + (size_t)h->len + PQ_TRAILER_SIZE);
            r->records++;
            return 1;
        }
        if (err == PQ_ERR_CRC || err == PQ_ERR_LENGTH)
            r->bad++;
        skip(r, 1);
    }
}

void pq_reader_give_up(pq_reader *r)
{
    if (r->len > 0) {
        r->bad++;
        skip(r, 1);
    }
}
