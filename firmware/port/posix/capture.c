#include "capture.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* pcap: draft-ietf-opsawg-pcap; pcapng: draft-ietf-opsawg-pcapng. */
enum {
    PCAP_HEADER = 24,
    PCAP_RECORD = 16,
    BLOCK_MIN = 12,
    BLOCK_SECTION = 0x0A0D0D0A,
    BLOCK_INTERFACE = 1,
    BLOCK_SIMPLE = 3,
    BLOCK_ENHANCED = 6,
    SECTION_BODY = 16,
    INTERFACE_BODY = 8,
    ENHANCED_BODY = 20,
    OPT_TSRESOL = 9,
    OPT_FCSLEN = 13,
};

__attribute__((format(printf, 3, 4))) static int fail(pq_capture *c, int err, const char *format,
                                                      ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->error, sizeof c->error, format, args);
    va_end(args);
    c->size = c->at; /* nothing more is read */
    return err;
}

static uint16_t get16(const pq_capture *c, size_t at)
{
    uint16_t v = pq_load16(c->data + at);
    return c->big_endian ? (uint16_t)(v << 8 | v >> 8) : v;
}

static uint32_t get32(const pq_capture *c, size_t at)
{
    uint32_t lo = get16(c, at), hi = get16(c, at + 2);
    return c->big_endian ? lo << 16 | hi : hi << 16 | lo;
}

static int open_pcap(pq_capture *c)
{
    if (c->size < PCAP_HEADER)
        return fail(c, PQ_ERR_SHORT, "pcap header cut short: %zu bytes", c->size);
    uint32_t link = get32(c, 20);
    c->interfaces = 1;
    c->interface[0].link = (uint16_t)link;
    if (link & 0x04000000) /* bit f: the top nibble is the FCS length in 16-bit words */
        c->interface[0].fcs = (uint8_t)(link >> 28 << 1);
    c->at = PCAP_HEADER;
    return PQ_OK;
}

int pq_capture_open(pq_capture *c, const uint8_t *data, size_t size)
{
    *c = (pq_capture){.data = data, .size = size};
    if (size < 4)
        return fail(c, PQ_ERR_SHORT, "%zu bytes are no capture file", size);
    uint32_t magic = pq_load32(data);
    switch (magic) {
    case 0xA1B2C3D4:
    case 0xD4C3B2A1:
    case 0xA1B23C4D:
    case 0x4D3CB2A1:
        c->big_endian = (magic & 0xFF) == 0xA1;
        c->nano = magic == 0xA1B23C4D || magic == 0x4D3CB2A1;
        return open_pcap(c);
    case BLOCK_SECTION:
        c->pcapng = true;
        return PQ_OK;
    default:
        return fail(c, PQ_ERR_SYNC, "neither pcap nor pcapng: it starts with %02x %02x %02x %02x",
                    data[0], data[1], data[2], data[3]);
    }
}

static int next_pcap(pq_capture *c, pq_packet *p)
{
    size_t at = c->at, left = c->size - at;
    if (left == 0)
        return 0;
    if (left < PCAP_RECORD)
        return fail(c, PQ_ERR_SHORT, "packet header %zu at byte %zu is cut short", c->packets + 1,
                    at);
    uint32_t len = get32(c, at + 8);
    if (len > PQ_CAPTURE_MAX_PACKET)
        return fail(c, PQ_ERR_LENGTH, "packet %zu at byte %zu claims %u bytes", c->packets + 1, at,
                    len);
    if (left - PCAP_RECORD < len)
        return fail(c, PQ_ERR_SHORT, "packet %zu at byte %zu has %zu of its %u bytes",
                    c->packets + 1, at, left - PCAP_RECORD, len);
    p->time_ns = get32(c, at) * UINT64_C(1000000000) + get32(c, at + 4) * (c->nano ? 1u : 1000u);
    p->from = c->interface[0];
    p->data = (pq_span){c->data + at + PCAP_RECORD, len};
    p->air_len = get32(c, at + 12);
    c->at = at + PCAP_RECORD + len;
    c->packets++;
    return 1;
}

/* Units of 10^-r s, or with bit 7 of 2^-r s, as ns. */
static uint64_t to_ns(uint64_t t, uint8_t tsresol)
{
    unsigned r = tsresol & 0x7F;
    if (tsresol & 0x80) {
        if (r > 63)
            return 0;
        uint64_t s = t >> r, part = r == 0 ? 0 : t & (UINT64_MAX >> (64 - r));
        if (r > 30) { /* so that the product fits */
            part >>= r - 30;
            r = 30;
        }
        return s * 1000000000 + (part * 1000000000 >> r);
    }
    for (; r < 9; r++)
        t *= 10;
    for (; r > 9 && t > 0; r--)
        t /= 10;
    return t;
}

/* Reads an interface description's body: at … end. */
static int read_interface(pq_capture *c, size_t at, size_t end)
{
    if (end - at < INTERFACE_BODY)
        return fail(c, PQ_ERR_SHORT, "interface block at byte %zu is too short", c->at);
    if (c->interfaces == PQ_CAPTURE_INTERFACES)
        return fail(c, PQ_ERR_LENGTH, "over %d interfaces at byte %zu", PQ_CAPTURE_INTERFACES,
                    c->at);
    pq_capture_interface *i = &c->interface[c->interfaces++];
    *i = (pq_capture_interface){.link = get16(c, at), .tsresol = 6};
    at += INTERFACE_BODY;
    while (end - at >= 4) {
        size_t code = get16(c, at), len = get16(c, at + 2), padded = (len + 3) & ~(size_t)3;
        if (code == 0 || end - at - 4 < len)
            break;
        if (code == OPT_TSRESOL && len >= 1)
            i->tsresol = c->data[at + 4];
        if (code == OPT_FCSLEN && len >= 1)
            i->fcs = c->data[at + 4];
        if (end - at - 4 < padded)
            break;
        at += 4 + padded;
    }
    return PQ_OK;
}

/* Reads the body of a packet block into *p. */
static int read_packet(pq_capture *c, uint32_t type, size_t at, size_t end, pq_packet *p)
{
    bool simple = type == BLOCK_SIMPLE;
    size_t head = simple ? 4 : ENHANCED_BODY, n = c->packets + 1;
    if (end - at < head)
        return fail(c, PQ_ERR_SHORT, "packet %zu at byte %zu is too short", n, c->at);
    uint32_t i = simple ? 0 : get32(c, at);
    if (i >= c->interfaces)
        return fail(c, PQ_ERR_ARG, "packet %zu at byte %zu names interface %u of %u", n, c->at, i,
                    c->interfaces);
    size_t len = simple ? get32(c, at) : get32(c, at + 12);
    p->air_len = simple ? get32(c, at) : get32(c, at + 16);
    if (simple && len > end - at - head)
        len = end - at - head; /* cut to the interface's snap length */
    if (len > PQ_CAPTURE_MAX_PACKET || len > end - at - head)
        return fail(c, PQ_ERR_LENGTH, "packet %zu at byte %zu claims %zu bytes", n, c->at, len);
    uint64_t t = simple ? 0 : (uint64_t)get32(c, at + 4) << 32 | get32(c, at + 8);
    p->from = c->interface[i];
    p->time_ns = to_ns(t, p->from.tsresol);
    p->data = (pq_span){c->data + at + head, len};
    c->packets++;
    return 1;
}

/* A section header sets the byte order, and starts the interfaces anew. */
static int read_section(pq_capture *c)
{
    if (c->size - c->at < BLOCK_MIN + SECTION_BODY)
        return fail(c, PQ_ERR_SHORT, "section header at byte %zu is cut short", c->at);
    uint32_t order = pq_load32(c->data + c->at + 8);
    if (order != 0x1A2B3C4D && order != 0x4D3C2B1A)
        return fail(c, PQ_ERR_SYNC, "section header at byte %zu has no byte order", c->at);
    c->big_endian = order == 0x4D3C2B1A;
    if (get16(c, c->at + 12) != 1)
        return fail(c, PQ_ERR_VERSION, "pcapng version %u at byte %zu is not known",
                    get16(c, c->at + 12), c->at);
    c->interfaces = 0;
    return PQ_OK;
}

static int next_pcapng(pq_capture *c, pq_packet *p)
{
    while (c->at < c->size) {
        size_t at = c->at, left = c->size - at;
        if (left < BLOCK_MIN)
            return fail(c, PQ_ERR_SHORT, "block at byte %zu is cut short", at);
        uint32_t type = get32(c, at);
        int err = type == BLOCK_SECTION ? read_section(c) : PQ_OK;
        if (err != PQ_OK)
            return err;
        uint32_t len = get32(c, at + 4);
        if (len < BLOCK_MIN || len % 4 != 0)
            return fail(c, PQ_ERR_LENGTH, "block at byte %zu claims %u bytes", at, len);
        if (len > left)
            return fail(c, PQ_ERR_SHORT, "block at byte %zu has %zu of its %u bytes", at, left,
                        len);
        if (get32(c, at + len - 4) != len)
            return fail(c, PQ_ERR_LENGTH, "block at byte %zu ends with another length", at);
        size_t body = at + 8, end = at + len - 4;
        int got = 0;
        if (type == BLOCK_INTERFACE)
            got = read_interface(c, body, end);
        else if (type == BLOCK_ENHANCED || type == BLOCK_SIMPLE)
            got = read_packet(c, type, body, end, p);
        if (got < 0)
            return got;
        c->at = at + len;
        if (got > 0)
            return got;
    }
    return 0;
}

int pq_capture_next(pq_capture *c, pq_packet *p)
{
    *p = (pq_packet){0};
    int got = c->pcapng ? next_pcapng(c, p) : next_pcap(c, p);
    if (got < 0)
        *p = (pq_packet){0};
    return got;
}
