#include "check.h"
#include "pq_filter.h"

/* Addresses are told apart by their last byte. */
static void address(uint8_t *at, uint8_t id)
{
    memset(at, 0x02, 5);
    at[5] = id;
}

/* A frame with addresses 1 … 4 at the places of a four-address data frame. */
static void frame(uint8_t out[36], uint8_t fc0, uint8_t fc1)
{
    memset(out, 0, 36);
    out[0] = fc0;
    out[1] = fc1;
    address(out + 4, 1);
    address(out + 10, 2);
    address(out + 16, 3);
    address(out + 24, 4);
}

static pq_filter only(uint8_t id)
{
    pq_filter f = {.types = PQ_FILTER_ALL, .n = 1};
    address(f.addr[0], id);
    return f;
}

static void test_addresses(void)
{
    static const struct {
        const char *name;
        uint8_t fc0, fc1;
        uint8_t count; /* of address fields */
    } cases[] = {
        {"probe request", 0x40, 0, 3}, {"data", 0x08, 1, 3},    {"QoS data, WDS", 0x88, 3, 4},
        {"null, from DS", 0x48, 2, 3}, {"RTS", 0xB4, 0, 2},     {"CTS", 0xC4, 0, 1},
        {"ACK", 0xD4, 0, 1},           {"PS-Poll", 0xA4, 0, 2}, {"CF-End", 0xE4, 0, 2},
        {"CF-End + Ack", 0xF4, 0, 2},  {"BAR", 0x84, 0, 2},     {"BA", 0x94, 0, 2},
        {"NDP", 0x54, 0, 2},           {"Trigger", 0x24, 0, 2}, {"reserved", 0x04, 0, 1},
        {"extension", 0x0C, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t b[36];
        frame(b, cases[i].fc0, cases[i].fc1);
        for (uint8_t id = 1; id <= 5; id++) {
            pq_filter f = only(id);
            CHECK_EQ(pq_filter_pass(&f, b, sizeof b), id <= cases[i].count);
        }
        if (failures > 0)
            fprintf(stderr, "in %s\n", cases[i].name);
    }
}

/* A control wrapper around an RTS: RA at 4, TA at 16. */
static void test_wrapper(void)
{
    uint8_t b[36] = {0x74, 0};
    address(b + 4, 1);
    b[10] = 0xB4;
    address(b + 16, 2);
    pq_filter f = only(2);
    CHECK(pq_filter_pass(&f, b, 22));
    CHECK(!pq_filter_pass(&f, b, 21));
    b[10] = 0xD4; /* an ACK has no TA */
    CHECK(!pq_filter_pass(&f, b, 22));
    f = only(1);
    CHECK(pq_filter_pass(&f, b, 10));
}

/* An address counts only if it stands in the frame as a whole. */
static void test_short(void)
{
    uint8_t b[36];
    static const uint8_t end[] = {10, 16, 22, 30};
    frame(b, 0x08, 3);
    for (uint8_t id = 1; id <= 4; id++) {
        pq_filter f = only(id);
        for (size_t len = 0; len <= sizeof b; len++)
            CHECK_EQ(pq_filter_pass(&f, b, len), len >= end[id - 1]);
    }
}

static void test_types(void)
{
    static const uint8_t fc0[] = {0x40, 0xD4, 0x08,
                                  0x0C}; /* management, control, data, extension */
    uint8_t b[36];
    for (uint8_t types = 0; types < 8; types++) {
        pq_filter f = {.types = types};
        for (uint8_t t = 0; t < 4; t++) {
            frame(b, fc0[t], 0);
            CHECK_EQ(pq_filter_pass(&f, b, sizeof b), t < 3 ? types >> t & 1 : types == 7);
        }
        CHECK_EQ(pq_filter_pass(&f, b, 1), types == 7);
        CHECK_EQ(pq_filter_pass(&f, b, 0), types == 7);
    }
    pq_filter no_beacons = {.types = PQ_FILTER_ALL, .flags = PQ_FILTER_NO_BEACONS};
    frame(b, 0x80, 0);
    CHECK(!pq_filter_pass(&no_beacons, b, sizeof b));
    frame(b, 0x50, 0); /* probe response */
    CHECK(pq_filter_pass(&no_beacons, b, sizeof b));
    frame(b, 0x88, 0); /* QoS data has a beacon's subtype */
    CHECK(pq_filter_pass(&no_beacons, b, sizeof b));
}

static void test_parse(void)
{
    uint8_t body[PQ_FILTER_MAX_SIZE + 6] = {5, 1, PQ_FILTER_MAX_ADDRS}, out[PQ_FILTER_MAX_SIZE];
    pq_filter f;
    for (uint8_t i = 0; i < PQ_FILTER_MAX_ADDRS; i++)
        address(body + 3 + 6 * i, i);
    CHECK_EQ(pq_filter_parse(&f, body, sizeof body), PQ_OK); /* longer than known: fine */
    CHECK_EQ(pq_filter_write(&f, out), PQ_FILTER_MAX_SIZE);
    CHECK(memcmp(body, out, sizeof out) == 0);
    for (size_t len = 0; len < PQ_FILTER_MAX_SIZE; len++) {
        CHECK_EQ(pq_filter_parse(&f, body, len), PQ_ERR_SHORT);
        CHECK(f.types == 0 && f.n == 0);
    }
    body[2] = PQ_FILTER_MAX_ADDRS + 1;
    CHECK_EQ(pq_filter_parse(&f, body, sizeof body), PQ_ERR_ARG);
    body[2] = 0;
    body[0] = 8;
    CHECK_EQ(pq_filter_parse(&f, body, sizeof body), PQ_ERR_ARG);
    body[0] = 7;
    body[1] = 2;
    CHECK_EQ(pq_filter_parse(&f, body, sizeof body), PQ_ERR_ARG);
}

int main(void)
{
    test_addresses();
    test_wrapper();
    test_short();
    test_types();
    test_parse();
    return check_done("filter");
}
