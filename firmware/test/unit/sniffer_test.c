#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "fake_port.h"
#include "pq_sniffer.h"

#define RING 16384u

static uint8_t ring[RING];
static pq_sniffer s;
static size_t read_to; /* how far the test has read what the board wrote */

/* --- The host's side */

typedef struct {
    pq_header h;
    const uint8_t *body;
} record;

/* The next record that the board wrote; type 0 if there is none. Whatever it
 * writes must parse without a gap. */
static record next(void)
{
    record r = {0};
    const uint8_t *p = fake.out + read_to;
    size_t n = fake.out_len - read_to;
    if (n == 0)
        return r;
    int err = pq_header_parse(&r.h, p, n);
    CHECK_EQ(err, PQ_OK);
    size_t end = PQ_HEADER_SIZE + (size_t)r.h.len;
    CHECK(n >= end + PQ_TRAILER_SIZE);
    if (err != PQ_OK || n < end + PQ_TRAILER_SIZE)
        return (record){0};
    CHECK_EQ(pq_crc32(0, p, end), pq_load32(p + end));
    r.body = p + PQ_HEADER_SIZE;
    read_to += end + PQ_TRAILER_SIZE;
    return r;
}

static void settle(void)
{
    for (int i = 0; i < 10000 && pq_sniffer_poll(&s) == 0; i++)
        ;
}

static void forget_output(void)
{
    fake.out_len = 0;
    read_to = 0;
}

static void boot_with(const pq_board *board)
{
    fake = (fake_port){.out = fake.out, .out_room = FAKE_OUT_MAX, .now = 1000};
    forget_output();
    CHECK_EQ(pq_sniffer_init(&s, board), PQ_OK);
}

static pq_board board(void)
{
    return (pq_board){.name = "test",
                      .firmware = "1.2",
                      .mac = {2, 3, 4, 5, 6, 7},
                      .major = PQ_MAJOR,
                      .role = PQ_ROLE_SNIFFER,
                      .channel = 6,
                      .caps = 0x3F,
                      .baud = PQ_BAUD_DEFAULT,
                      .ring = ring,
                      .ring_size = RING};
}

static void boot(void)
{
    pq_board b = board();
    boot_with(&b);
    settle();
    CHECK_EQ(next().h.type, PQ_TYPE_HELLO);
    CHECK_EQ(next().h.type, PQ_TYPE_LOG);
    CHECK_EQ(next().h.type, 0);
}

/* Sends a command and leaves the board time to answer. */
static void send(uint8_t type, const uint8_t *body, size_t len)
{
    static uint8_t out[PQ_MAX_RECORD];
    static uint16_t seq = 100;
    pq_header h = {type, PQ_MAJOR, (uint16_t)len, seq++, 0};
    int n = pq_record_write(out, sizeof out, &h, body);
    CHECK(n > 0);
    fake.in = out;
    fake.in_len = (size_t)n;
    settle();
    CHECK_EQ(fake.in_len, 0);
}

/* Expects a reply of that status and value, and nothing after it. */
static void expect_reply(uint8_t type, uint8_t status, const void *value, size_t len)
{
    record r = next();
    CHECK_EQ(r.h.type, PQ_TYPE_REPLY);
    CHECK_EQ(r.h.len, PQ_REPLY_HEAD_SIZE + len);
    if (r.h.type == PQ_TYPE_REPLY && r.h.len == PQ_REPLY_HEAD_SIZE + len) {
        CHECK_EQ(r.body[2], type);
        CHECK_EQ(r.body[3], status);
        CHECK(len == 0 || memcmp(r.body + PQ_REPLY_HEAD_SIZE, value, len) == 0);
    }
    CHECK_EQ(next().h.type, 0);
}

#define COMMAND(type, status, value, ...)                                                          \
    do {                                                                                           \
        uint8_t body_[] = {__VA_ARGS__ __VA_OPT__(, ) 0};                                          \
        uint8_t value_[] = value;                                                                  \
        send(type, body_, sizeof body_ - 1);                                                       \
        expect_reply(type, status, value_, sizeof value_);                                         \
    } while (0)

/* --- The radio's side */

static int hear(uint8_t fc0, size_t len, uint64_t time)
{
    static uint8_t b[9000];
    CHECK(len <= sizeof b);
    memset(b, 0x33, sizeof b);
    b[0] = fc0;
    pq_span part[3] = {{b, len / 3}, {NULL, 0}, {b + len / 3, len - len / 3}};
    pq_radio_info info = {.time_us = time,
                          .freq = 2437,
                          .rssi = -42,
                          .phy = PQ_PHY_OFDM,
                          .rate = 12,
                          .flags = PQ_FRAME_TSF,
                          .air_len = (uint16_t)len};
    return pq_sniffer_heard(&s, &info, part, 3);
}

static pq_header expect_frame(size_t len, uint8_t flags)
{
    record r = next();
    CHECK_EQ(r.h.type, PQ_TYPE_FRAME);
    CHECK_EQ(r.h.len, PQ_FRAME_HEAD_SIZE + len);
    if (r.h.type == PQ_TYPE_FRAME) {
        CHECK_EQ(pq_load16(r.body), 2437);
        CHECK_EQ((int8_t)r.body[2], -42);
        CHECK(r.body[3] == PQ_PHY_OFDM && r.body[4] == 12);
        CHECK_EQ(r.body[5], flags);
        for (size_t i = 1; i < len; i++)
            CHECK(r.body[PQ_FRAME_HEAD_SIZE + i] == 0x33);
    }
    return r.h;
}

/* --- Tests */

static void test_boot(void)
{
    pq_board b = board();
    boot_with(&b);
    settle();
    record r = next();
    CHECK(r.h.type == PQ_TYPE_HELLO && r.h.seq == 0 && r.h.time == 1000);
    const uint8_t want[] = {PQ_MAJOR, PQ_MINOR, PQ_ROLE_SNIFFER,
                            6,        0x3F,     0,
                            0,        0,        2,
                            3,        4,        5,
                            6,        7,        0,
                            0,        0x80,     0x84,
                            0x1E,     0,        0,
                            0x40,     0,        0,
                            3,        '1',      '.',
                            '2',      4,        't',
                            'e',      's',      't'};
    CHECK_EQ(r.h.len, sizeof want);
    CHECK(r.body != NULL && memcmp(r.body, want, sizeof want) == 0);
    r = next();
    CHECK(r.h.type == PQ_TYPE_LOG && r.h.seq == 1 && r.body[0] == PQ_LOG_INFO);

    b.channel = 15;
    CHECK_EQ(pq_sniffer_init(&s, &b), PQ_ERR_ARG);
    b.channel = 6;
    b.ring_size = 1000;
    CHECK_EQ(pq_sniffer_init(&s, &b), PQ_ERR_ARG);
}

#define V(...)                                                                                     \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static void test_channel(void)
{
    boot();
    COMMAND(PQ_TYPE_CHANNEL, PQ_REPLY_DONE, V(11), 11);
    CHECK_EQ(fake.channel, 11);
    COMMAND(PQ_TYPE_CHANNEL, PQ_REPLY_BAD_VALUE, V(11), 0);
    COMMAND(PQ_TYPE_CHANNEL, PQ_REPLY_BAD_VALUE, V(11), 15);
    COMMAND(PQ_TYPE_CHANNEL, PQ_REPLY_BAD_VALUE, V(11));
    COMMAND(PQ_TYPE_CHANNEL, PQ_REPLY_DONE, V(14), 14, 99, 98); /* longer than known */
    fake.channel_error = PQ_ERR_BUSY;
    COMMAND(PQ_TYPE_CHANNEL, PQ_REPLY_BUSY, V(14), 1);
    fake.channel_error = PQ_ERR_UNSUPPORTED;
    COMMAND(PQ_TYPE_CHANNEL, PQ_REPLY_NOT_SUPPORTED, V(14), 1);
    CHECK_EQ(fake.channel, 14);
}

static void test_hop(void)
{
    boot();
    COMMAND(PQ_TYPE_HOP, PQ_REPLY_DONE, V(100, 0, 3, 1, 6, 11), 100, 0, 3, 1, 6, 11);
    CHECK_EQ(fake.channel, 1);
    static const uint8_t then[] = {6, 11, 1, 6};
    for (size_t i = 0; i < sizeof then; i++) {
        uint8_t before = fake.channel;
        CHECK(pq_sniffer_poll(&s) <= 100000); /* wakes in time */
        fake.now += 99999;
        settle();
        CHECK_EQ(fake.channel, before);
        fake.now += 1;
        settle();
        CHECK_EQ(fake.channel, then[i]);
    }
    COMMAND(PQ_TYPE_HOP, PQ_REPLY_BAD_VALUE, V(100, 0, 3, 1, 6, 11), 100, 0, 3, 1, 6);
    COMMAND(PQ_TYPE_HOP, PQ_REPLY_BAD_VALUE, V(100, 0, 3, 1, 6, 11), 100, 0, 2, 1, 15);
    COMMAND(PQ_TYPE_HOP, PQ_REPLY_BAD_VALUE, V(100, 0, 3, 1, 6, 11), 0, 0, 1, 1);
    COMMAND(PQ_TYPE_HOP, PQ_REPLY_BAD_VALUE, V(100, 0, 3, 1, 6, 11), 1, 0);
    COMMAND(PQ_TYPE_HOP, PQ_REPLY_BAD_VALUE, V(100, 0, 3, 1, 6, 11), 1, 0, 15, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1);
    COMMAND(PQ_TYPE_HOP, PQ_REPLY_DONE, V(0, 0, 0), 0, 0, 0);
    uint8_t stays = fake.channel;
    fake.now += 400000;
    settle();
    CHECK_EQ(fake.channel, stays);
    COMMAND(PQ_TYPE_HOP, PQ_REPLY_DONE, V(1, 0, 2, 3, 4), 1, 0, 2, 3, 4);
    COMMAND(PQ_TYPE_CHANNEL, PQ_REPLY_DONE, V(9), 9); /* a channel ends the hopping */
    fake.now += 10000;
    settle();
    CHECK_EQ(fake.channel, 9);
    fake.channel_error = PQ_ERR_BUSY;
    COMMAND(PQ_TYPE_HOP, PQ_REPLY_BUSY, V(0, 0, 0), 1, 0, 2, 3, 4);
}

static void test_snap(void)
{
    boot();
    COMMAND(PQ_TYPE_SNAP_LEN, PQ_REPLY_DONE, V(100, 0), 100, 0);
    CHECK_EQ(hear(0x08, 101, 5), 1);
    CHECK_EQ(hear(0x08, 100, 6), 1);
    settle();
    pq_header h = expect_frame(100, PQ_FRAME_TSF | PQ_FRAME_CUT);
    CHECK_EQ(h.time, 5);
    expect_frame(100, PQ_FRAME_TSF);
    COMMAND(PQ_TYPE_SNAP_LEN, PQ_REPLY_BAD_VALUE, V(100, 0), 7);
    COMMAND(PQ_TYPE_SNAP_LEN, PQ_REPLY_DONE, V(0, 0), 0, 0);
    CHECK_EQ(hear(0x08, PQ_MAX_FRAME + 1, 7), 1);
    settle();
    expect_frame(PQ_MAX_FRAME, PQ_FRAME_TSF | PQ_FRAME_CUT); /* no body is longer */
    COMMAND(PQ_TYPE_SNAP_LEN, PQ_REPLY_DONE, V(0xFF, 0xFF), 0xFF, 0xFF);
    CHECK_EQ(hear(0x08, 0, 8), 1); /* an empty frame is a frame */
    settle();
    expect_frame(0, PQ_FRAME_TSF);
}

static void test_filter(void)
{
    boot();
    COMMAND(PQ_TYPE_FILTER, PQ_REPLY_DONE, V(4, 1, 0), 4, 1, 0);
    CHECK_EQ(hear(0x80, 50, 1), 0);
    CHECK_EQ(hear(0x08, 50, 1), 1);
    settle();
    expect_frame(50, PQ_FRAME_TSF);
    COMMAND(PQ_TYPE_FILTER, PQ_REPLY_BAD_VALUE, V(4, 1, 0), 8, 0, 0);
    COMMAND(PQ_TYPE_FILTER, PQ_REPLY_BAD_VALUE, V(4, 1, 0), 7, 0, 1, 1, 2, 3, 4, 5);
    CHECK_EQ(hear(0x80, 50, 1), 0); /* a bad command changes nothing */
    COMMAND(PQ_TYPE_FILTER, PQ_REPLY_DONE, V(7, 0, 1, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33), 7, 0, 1,
            0x33, 0x33, 0x33, 0x33, 0x33, 0x33);
    CHECK_EQ(hear(0x80, 50, 1), 1);
}

static void test_baud(void)
{
    boot();
    COMMAND(PQ_TYPE_BAUD, PQ_REPLY_BAD_VALUE, V(0x80, 0x84, 0x1E, 0), 1, 0, 0, 0);
    COMMAND(PQ_TYPE_BAUD, PQ_REPLY_BAD_VALUE, V(0x80, 0x84, 0x1E, 0), 0, 0xC2, 1);
    CHECK_EQ(fake.baud, 0);
    fake.busy = true; /* the reply has not left yet */
    CHECK_EQ(hear(0x08, 50, 1), 1);
    COMMAND(PQ_TYPE_BAUD, PQ_REPLY_DONE, V(0, 0xC2, 1, 0), 0, 0xC2, 1, 0);
    CHECK_EQ(fake.baud, 0);
    CHECK_EQ(next().h.type, 0); /* nothing follows at the old rate */
    fake.busy = false;
    settle();
    CHECK_EQ(fake.baud, 115200);
    CHECK_EQ(next().h.type, PQ_TYPE_FRAME);
    send(PQ_TYPE_SAY_HELLO, NULL, 0);
    record r = next();
    CHECK(r.h.type == PQ_TYPE_HELLO && pq_load32(r.body + 16) == 115200);
}

static void test_others(void)
{
    boot();
    fake.now = 123456;
    COMMAND(PQ_TYPE_TIME_ECHO, PQ_REPLY_DONE, V(1, 2, 3, 4, 5, 6, 7, 8), 1, 2, 3, 4, 5, 6, 7, 8);
    send(PQ_TYPE_TIME_ECHO, (const uint8_t *)"1234567", 7);
    expect_reply(PQ_TYPE_TIME_ECHO, PQ_REPLY_BAD_VALUE, NULL, 0);
    send(0xF0, (const uint8_t *)"x", 1);
    expect_reply(0xF0, PQ_REPLY_UNKNOWN, NULL, 0);
    static uint8_t big[PQ_MAX_BODY];
    send(0xFF, big, sizeof big);
    expect_reply(0xFF, PQ_REPLY_UNKNOWN, NULL, 0);
    send(PQ_TYPE_REPLY, big, 4); /* our own, echoed by a terminal: no answer */
    CHECK_EQ(next().h.type, 0);
    send(PQ_TYPE_SAY_HELLO, NULL, 0);
    CHECK_EQ(next().h.type, PQ_TYPE_HELLO);
    expect_reply(PQ_TYPE_SAY_HELLO, PQ_REPLY_DONE, NULL, 0);
    send(PQ_TYPE_STATUS_NOW, NULL, 0);
    CHECK_EQ(next().h.type, PQ_TYPE_STATUS);
    expect_reply(PQ_TYPE_STATUS_NOW, PQ_REPLY_DONE, NULL, 0);

    pq_board b = board();
    b.caps = PQ_CAP_CHANNEL;
    boot_with(&b);
    settle();
    forget_output();
    COMMAND(PQ_TYPE_SNAP_LEN, PQ_REPLY_NOT_SUPPORTED, V(0, 0), 9, 0);
    COMMAND(PQ_TYPE_CHANNEL, PQ_REPLY_DONE, V(3), 3);
}

/* A command survives what stands before it, even a record that breaks off. */
static void test_garbage(void)
{
    boot();
    uint8_t in[200];
    pq_header filter = {PQ_TYPE_FILTER, PQ_MAJOR, 51, 1, 0},
              hello = {PQ_TYPE_SAY_HELLO, PQ_MAJOR, 0, 2, 0};
    uint8_t body[51] = {0};
    CHECK(pq_record_write(in, sizeof in, &filter, body) > 0);
    CHECK_EQ(pq_record_write(in + 30, sizeof in - 30, &hello, NULL), 22);
    fake.in = in;
    fake.in_len = 52;
    fake.in_step = 3;
    while (fake.in_len > 0)
        settle();
    CHECK_EQ(next().h.type, 0); /* it may still be the filter's body */
    fake.now += PQ_SNIFFER_GAP_US;
    settle();
    CHECK_EQ(next().h.type, PQ_TYPE_HELLO);
    CHECK_EQ(next().h.type, PQ_TYPE_REPLY);
    CHECK_EQ(next().h.type, PQ_TYPE_LOG); /* says that something was skipped */

    hello.version = 2;
    CHECK_EQ(pq_record_write(in, sizeof in, &hello, NULL), 22);
    fake.in = in;
    fake.in_len = 22;
    while (fake.in_len > 0)
        settle();
    record r = next();
    CHECK(r.h.type == PQ_TYPE_LOG && r.body[0] == PQ_LOG_WARNING);
}

static void test_status(void)
{
    boot();
    for (uint64_t i = 0; i < 40; i++) /* 16 × (8 + 16 + 1000) fills the ring */
        (void)hear(i % 4 == 3 ? 0x80 : 0x08, 1000, i);
    send(PQ_TYPE_FILTER, (const uint8_t[]){4, 0, 0}, 3);
    for (int i = 0; i < 16; i++)
        (void)next(); /* the reply comes first, then the frames */
    settle();
    CHECK_EQ(next().h.type, PQ_TYPE_FRAME);
    CHECK_EQ(next().h.type, 0);
    CHECK_EQ(hear(0x80, 10, 0), 0);
    fake.now = 3000000;
    settle();
    record r = next();
    CHECK(r.h.type == PQ_TYPE_STATUS && r.h.time == 3000000 && r.h.len == PQ_STATUS_SIZE);
    CHECK_EQ(r.h.seq, 43); /* hello, log, reply, 40 frames */
    CHECK_EQ(pq_load32(r.body), 41);
    CHECK_EQ(pq_load32(r.body + 4), 40);
    CHECK_EQ(pq_load32(r.body + 8), 24);
    CHECK_EQ(pq_load32(r.body + 12), 7);
    CHECK_EQ(pq_load32(r.body + 16), read_to - (PQ_HEADER_SIZE + PQ_STATUS_SIZE + PQ_TRAILER_SIZE));
    CHECK_EQ(pq_load16(r.body + 20), 1000);
    CHECK(r.body[22] == 6 && r.body[23] == 0);
    CHECK_EQ(pq_load32(r.body + 24), 90000);
    CHECK_EQ(pq_load32(r.body + 28), 3);
    fake.now += 999999;
    settle();
    CHECK_EQ(next().h.type, 0);
    fake.now += 1;
    send(PQ_TYPE_HOP, (const uint8_t[]){9, 0, 1, 2}, 4);
    r = next();
    CHECK(r.h.type == PQ_TYPE_STATUS || next().h.type == PQ_TYPE_STATUS);
    fake.now += 1000000;
    settle();
    r = next();
    while (r.h.type != 0 && r.h.type != PQ_TYPE_STATUS)
        r = next();
    CHECK(r.h.type == PQ_TYPE_STATUS && r.body[22] == 2 && r.body[23] == PQ_STATUS_HOPPING);
    CHECK_EQ(pq_load16(r.body + 20), 0); /* high water since the last status */
}

/* The hole in the sequence stands where the frames are missing. */
static void test_hole(void)
{
    boot();
    for (uint64_t i = 0; i < 20; i++) /* 15 fit, then 5 do not */
        (void)hear(0x08, 1000 + (i < 15) * 30, i);
    fake.out_room = 3 * 1100; /* three frames leave */
    settle();
    CHECK_EQ(hear(0x08, 10, 99), 1);
    fake.out_room = FAKE_OUT_MAX;
    settle();
    for (uint16_t i = 0; i < 15; i++) {
        record r = next();
        CHECK(r.h.type == PQ_TYPE_FRAME && r.h.seq == 2 + i && r.h.time == i);
    }
    record r = next();
    CHECK(r.h.type == PQ_TYPE_FRAME && r.h.seq == 2 + 15 + 5 && r.h.time == 99);
}

static void test_log(void)
{
    boot();
    char text[300];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CHECK_EQ(pq_sniffer_log(&s, PQ_LOG_DEBUG, text), PQ_OK);
    CHECK_EQ(pq_sniffer_log(&s, PQ_LOG_DEBUG, text), PQ_ERR_BUSY);
    settle();
    record r = next();
    CHECK(r.h.type == PQ_TYPE_LOG && r.h.len == 1 + PQ_SNIFFER_LOG_MAX && r.h.seq == 2);
    CHECK_EQ(next().h.type, 0);
}

/* A UART that takes a byte now and then: records come out whole, poll never
 * spins, and a long string is cut to what its length byte can say. */
static void test_slow(void)
{
    char name[400];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    pq_board b = board();
    b.name = b.firmware = name;
    boot_with(&b);
    fake.out_room = 0;
    CHECK_EQ(hear(0x08, 500, 3), 1);
    for (int i = 0; i < 3000; i++) {
        CHECK(pq_sniffer_poll(&s) > 0);
        fake.out_room = 1;
    }
    record r = next();
    CHECK(r.h.type == PQ_TYPE_HELLO && r.h.len == PQ_SNIFFER_BODY_MAX);
    CHECK_EQ(next().h.type, PQ_TYPE_LOG);
    expect_frame(500, PQ_FRAME_TSF);
    CHECK(pq_sniffer_idle(&s));

    fake.in = (const uint8_t[]){PQ_SYNC_0, PQ_SYNC_1}; /* a command begins … */
    fake.in_len = 2;
    settle();
    fake.out_room = 0;
    CHECK_EQ(hear(0x08, 500, 3), 1);
    settle();
    fake.now += PQ_SNIFFER_GAP_US; /* … and ends while the UART is stuck */
    CHECK(pq_sniffer_poll(&s) > 0);
}

/* --- Two threads: the radio, and the main loop with a UART that is too slow
 * and a host that changes the rules all the time. */

#define STRESS 60000u

static atomic_bool over;
static uint32_t kept, filtered, dropped;

static void *radio(void *unused)
{
    (void)unused;
    uint8_t b[400];
    for (uint32_t i = 0; i < STRESS; i++) {
        memset(b, (int)(i & 0xFF), sizeof b);
        b[0] = i % 3 == 0 ? 0x80 : 0x08;
        pq_span part = {b, 24 + i % 370};
        pq_radio_info info = {.time_us = i, .freq = 2437, .air_len = (uint16_t)part.len};
        int got = pq_sniffer_heard(&s, &info, &part, 1);
        kept += got == 1;
        filtered += got == 0;
        dropped += got == PQ_ERR_FULL;
        if (i % 16 == 0)
            sched_yield();
    }
    atomic_store(&over, true);
    return NULL;
}

typedef struct {
    uint32_t frames, gaps, wrong;
    uint16_t seq;
} tally;

/* Reads all there is, and holds every status against the stream before it. */
static void count(tally *t)
{
    for (record r = next(); r.h.type != 0; r = next()) {
        t->gaps += (uint16_t)(r.h.seq - t->seq);
        t->seq = (uint16_t)(r.h.seq + 1);
        if (r.h.type == PQ_TYPE_FRAME) {
            t->frames++;
            for (size_t i = 1; i + PQ_FRAME_HEAD_SIZE < r.h.len; i++)
                t->wrong += r.body[PQ_FRAME_HEAD_SIZE + i] != (uint8_t)r.h.time;
        } else if (r.h.type == PQ_TYPE_STATUS) {
            t->wrong += pq_load32(r.body + 8) != t->gaps;
            t->wrong += pq_load32(r.body + 4) != t->frames + t->gaps;
        }
    }
    if (read_to == fake.out_len)
        forget_output();
}

static void test_threads(void)
{
    pq_board b = board();
    b.ring_size = 4096;
    boot_with(&b);
    pthread_t t;
    tally got = {0};
    uint8_t in[64];
    CHECK_EQ(pthread_create(&t, NULL, radio, NULL), 0);
    for (uint32_t i = 0; !atomic_load(&over); i++) {
        if (fake.in_len == 0) {
            pq_header h = {PQ_TYPE_FILTER, PQ_MAJOR, 3, (uint16_t)i, 0};
            fake.in = in;
            fake.in_len = (size_t)pq_record_write(
                in, sizeof in, &h, (const uint8_t[]){i & 8 ? PQ_FILTER_DATA : PQ_FILTER_ALL, 0, 0});
        }
        fake.now += 1500;
        fake.out_room = 150;
        (void)pq_sniffer_poll(&s);
        if (s.tx_at == 4) /* no record is half out */
            count(&got);
        sched_yield();
    }
    pthread_join(t, NULL);
    fake.out_room = FAKE_OUT_MAX;
    settle();
    pq_sniffer_status(&s);
    settle();
    count(&got);
    CHECK_EQ(got.wrong, 0);
    CHECK_EQ(kept + filtered + dropped, STRESS);
    CHECK_EQ(got.frames, kept);
    CHECK_EQ(got.gaps, dropped);
    CHECK_EQ(s.made, (uint32_t)got.seq + 65536 * (s.made >> 16));
    /* Whether the filter changes while the radio thread still runs is up to the
     * scheduler of a busy computer; test_filter holds what it does. */
    CHECK(kept > 0 && dropped > 0);
    printf("sniffer: %u frames delivered, %u filtered, %u dropped\n", kept, filtered, dropped);
}

int main(void)
{
    test_boot();
    test_channel();
    test_hop();
    test_snap();
    test_filter();
    test_baud();
    test_others();
    test_garbage();
    test_status();
    test_hole();
    test_log();
    test_slow();
    test_threads();
    return check_done("sniffer");
}
