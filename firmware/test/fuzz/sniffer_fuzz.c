/* Any mixture of frames, commands, noise, slow UARTs and passing time. Every
 * byte the board writes belongs to a good record; every status fits what came
 * before it; and in the end all frames are accounted for. */
#include "fuzz.h"

#include <string.h>

#include "fake_port.h"
#include "pq_sniffer.h"

#define IN_MAX 1024

static pq_sniffer s;
static uint8_t ring[2048], frame[9000], commands[IN_MAX];

typedef struct {
    uint32_t kept, filtered, dropped; /* as the radio was told */
    uint32_t frames, gaps;            /* as the host sees it */
    uint16_t seq;
} tally;

static void hear(input *in, tally *t)
{
    size_t n;
    uint16_t len = take16(in) % sizeof frame, first = take16(in);
    const uint8_t *head = take_bytes(in, 32, &n);
    if (n > 0)
        memcpy(frame, head, n);
    first = (uint16_t)(first % (len + 1u));
    pq_span part[3] = {{frame, first}, {NULL, 0}, {frame + first, (size_t)len - first}};
    pq_radio_info info = {.time_us = fake.now, .freq = 2437, .air_len = len};
    bool room = pq_sniffer_has_room(&s, len);
    int got = pq_sniffer_heard(&s, &info, part, 3);
    MUST(got == 1 || got == 0 || got == PQ_ERR_FULL);
    MUST(room || got != 1);
    t->kept += got == 1;
    t->filtered += got == 0;
    t->dropped += got == PQ_ERR_FULL;
}

static void command(input *in, bool noise)
{
    size_t n;
    uint8_t type = take8(in);
    const uint8_t *body = take_bytes(in, take8(in) % 70, &n);
    uint8_t out[128];
    pq_header h = {type & 8 ? (uint8_t)(0x81 + type % 8) : type, PQ_MAJOR, (uint16_t)n, take8(in),
                   0};
    int size = pq_record_write(out, sizeof out, &h, body);
    if (noise)
        size = (int)n;
    if (fake.in_len + (size_t)size > sizeof commands)
        return;
    if (fake.in_len > 0)
        memmove(commands, fake.in, fake.in_len);
    if (size > 0)
        memcpy(commands + fake.in_len, noise ? body : out, (size_t)size);
    fake.in = commands;
    fake.in_len += (size_t)size;
}

static void check_record(const pq_header *h, const uint8_t *body, tally *t)
{
    t->gaps += (uint16_t)(h->seq - t->seq);
    t->seq = (uint16_t)(h->seq + 1);
    switch (h->type) {
    case PQ_TYPE_FRAME:
        MUST(h->len >= PQ_FRAME_HEAD_SIZE);
        t->frames++;
        break;
    case PQ_TYPE_STATUS:
        MUST(h->len == PQ_STATUS_SIZE);
        MUST(pq_load32(body + 8) == t->gaps);
        MUST(pq_load32(body + 4) == t->frames + t->gaps);
        MUST(pq_load16(body + 20) <= 1000);
        /* The board may have hopped on while the record was leaving. */
        MUST(body[22] >= 1 && body[22] <= 14 && (fake.tuned >> body[22] & 1));
        break;
    case PQ_TYPE_REPLY:
        MUST(h->len >= PQ_REPLY_HEAD_SIZE && body[3] <= PQ_REPLY_NOT_SUPPORTED);
        break;
    default:
        MUST(h->type == PQ_TYPE_HELLO || h->type == PQ_TYPE_LOG);
    }
}

/* Reads what the board wrote, unless a record is half out. */
static void check_output(tally *t)
{
    if (s.tx_at != 4)
        return;
    for (size_t at = 0; at < fake.out_len;) {
        pq_header h;
        const uint8_t *p = fake.out + at;
        MUST(pq_header_parse(&h, p, fake.out_len - at) == PQ_OK);
        size_t end = PQ_HEADER_SIZE + (size_t)h.len;
        MUST(fake.out_len - at >= end + PQ_TRAILER_SIZE);
        MUST(pq_crc32(0, p, end) == pq_load32(p + end));
        check_record(&h, p + PQ_HEADER_SIZE, t);
        at += end + PQ_TRAILER_SIZE;
    }
    fake.out_len = 0;
    fake.tuned = 1u << fake.channel;
}

static void turn(input *in, tally *t)
{
    uint8_t op = take8(in);
    switch (op & 7) {
    case 0:
        fake.now += (uint64_t)take16(in) * 100;
        break;
    case 1:
    case 2:
        hear(in, t);
        break;
    case 3:
        command(in, op & 8);
        break;
    case 4:
        fake.out_room = take16(in);
        break;
    case 5:
        fake.busy = op & 8;
        fake.in_step = op >> 4;
        break;
    case 6:
        fake.channel_error = op & 8 ? PQ_ERR_BUSY : PQ_OK;
        break;
    default:
        (void)pq_sniffer_poll(&s);
    }
    check_output(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    tally t = {0};
    fake = (fake_port){.out = fake.out, .out_room = 1000};
    pq_board b = {.name = "fuzz",
                  .firmware = "0",
                  .major = PQ_MAJOR,
                  .role = PQ_ROLE_SNIFFER,
                  .channel = 6,
                  .caps = take8(&in),
                  .baud = PQ_BAUD_DEFAULT,
                  .ring = ring,
                  .ring_size = sizeof ring};
    MUST(pq_sniffer_init(&s, &b) == PQ_OK);
    while (in.n > 0)
        turn(&in, &t);

    fake.busy = false;
    fake.channel_error = PQ_OK;
    fake.in_len = 0;
    fake.in_step = 0;
    for (int i = 0; i < 2; i++) {
        fake.now += PQ_SNIFFER_GAP_US;
        for (int k = 0; !pq_sniffer_idle(&s) || k == 0; k++) {
            MUST(k < 100); /* it comes to rest */
            fake.out_room = FAKE_OUT_MAX;
            (void)pq_sniffer_poll(&s);
            check_output(&t);
        }
        pq_sniffer_status(&s);
    }
    MUST(t.frames == t.kept && t.gaps == t.dropped);
    MUST(s.frames + s.accounted + atomic_load(&s.filtered) == t.kept + t.filtered + t.dropped);
    return 0;
}
