#include "check.h"
#include "pq_coap.h"

/* Hex to bytes; returns how many. */
static size_t unhex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    unsigned v;
    for (; sscanf(hex, "%2x", &v) == 1; hex += 2)
        out[n++] = (uint8_t)v;
    return n;
}

static const struct {
    const char *name, *hex;
    int err;
    uint16_t unrecognised;
} messages[] = {
    {"GET /pk", "44011234aabbccddb2706b", PQ_OK, 0},
    {"ping", "40001234", PQ_OK, 0},
    {"payload", "40021234ff00", PQ_OK, 0},
    {"two-byte delta to an unknown critical option", "40021234e00000", PQ_OK, 269},
    {"two-byte delta to an unknown elective option", "40021234e00001", PQ_OK, 0},
    {"two-byte length", "40021234be000000", PQ_ERR_FORMAT, 0},
    {"If-Match", "4002123410", PQ_OK, 1},
    {"If-None-Match", "4002123450", PQ_OK, 5},
    {"OSCORE", "4002123490", PQ_OK, 9},
    {"empty Uri-Host", "4002123430", PQ_OK, 3},
    {"Uri-Port twice", "400212347000", PQ_OK, 7},
    {"Uri-Port of 3 bytes", "4002123473010203", PQ_OK, 7},
    {"Accept of 3 bytes", "40021234d304000000", PQ_OK, 17},
    {"Block1 of 4 bytes", "40021234d40e00000000", PQ_OK, 27},
    {"Block1 twice", "40021234d10e0600", PQ_OK, 27},
    {"Content-Format of 3 bytes", "40021234c3000000", PQ_OK, 0},
    {"empty Echo", "40021234d0ef", PQ_OK, 0},
    {"version 0", "00011234", PQ_ERR_VERSION, 0},
    {"version 2", "80011234", PQ_ERR_VERSION, 0},
    {"version 3", "c0011234", PQ_ERR_VERSION, 0},
    {"three bytes", "400112", PQ_ERR_SHORT, 0},
    {"nothing", "", PQ_ERR_SHORT, 0},
    {"token length 9", "49011234000000000000000000", PQ_ERR_FORMAT, 0},
    {"token cut", "44011234aabbcc", PQ_ERR_FORMAT, 0},
    {"option cut", "40011234b270", PQ_ERR_FORMAT, 0},
    {"extended delta cut", "40011234d0", PQ_ERR_FORMAT, 0},
    {"extended delta of 2 cut", "40011234e000", PQ_ERR_FORMAT, 0},
    {"extended length cut", "400112340d", PQ_ERR_FORMAT, 0},
    {"delta 15", "40011234f0", PQ_ERR_FORMAT, 0},
    {"length 15", "400112340f", PQ_ERR_FORMAT, 0},
    {"option number over 16 bits", "40011234e0ffff", PQ_ERR_FORMAT, 0},
    {"option numbers add up over 16 bits", "40011234e0fef0e00000", PQ_ERR_FORMAT, 0},
    {"marker alone", "40011234ff", PQ_ERR_FORMAT, 0},
    {"empty message with a token", "4100123400", PQ_ERR_FORMAT, 0},
    {"empty message with a payload", "40001234ff00", PQ_ERR_FORMAT, 0},
    {"reserved class 1", "40201234", PQ_ERR_FORMAT, 0},
    {"reserved class 6", "40c11234", PQ_ERR_FORMAT, 0},
    {"reserved class 7", "40e11234", PQ_ERR_FORMAT, 0},
};

static void test_strict(void)
{
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        uint8_t in[64] = {0};
        size_t n = unhex(in, messages[i].hex);
        pq_coap m;
        int before = failures;
        CHECK_EQ(pq_coap_parse(&m, in, n), messages[i].err);
        CHECK_EQ(m.unrecognised, messages[i].unrecognised);
        if (messages[i].err == PQ_ERR_FORMAT) {
            CHECK_EQ(m.mid, 0x1234);
            CHECK_EQ(m.type, in[0] >> 4 & 3);
            CHECK(m.token.data == NULL && m.payload.data == NULL && m.options.data == NULL);
        }
        if (failures > before)
            fprintf(stderr, "in message %s\n", messages[i].name);
    }
}

static bool is(pq_span s, const char *text)
{
    return s.data != NULL && s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

static void test_fields(void)
{
    uint8_t out[256];
    pq_coap_writer w;
    pq_coap m;
    pq_coap_block b = {5, true, 6};
    pq_coap_begin(&w, out, sizeof out, PQ_COAP_CON, PQ_COAP_POST, 0xbeef,
                  (pq_span){(const uint8_t *)"tok", 3});
    pq_coap_option(&w, PQ_COAP_URI_HOST, "host", 4);
    pq_coap_option(&w, PQ_COAP_ETAG, "e1", 2);
    pq_coap_option(&w, PQ_COAP_ETAG, "etag2", 5);
    pq_coap_option_uint(&w, PQ_COAP_URI_PORT, 5683);
    pq_coap_option(&w, PQ_COAP_URI_PATH, "a", 1);
    pq_coap_option(&w, PQ_COAP_URI_PATH, "msg", 3);
    pq_coap_option_uint(&w, PQ_COAP_CONTENT_FORMAT, 65001);
    pq_coap_option_uint(&w, PQ_COAP_MAX_AGE, 70000);
    pq_coap_option(&w, PQ_COAP_URI_QUERY, "k=k1", 4);
    pq_coap_option(&w, PQ_COAP_URI_QUERY, "", 0);
    pq_coap_option_uint(&w, PQ_COAP_ACCEPT, 0);
    pq_coap_option_block(&w, PQ_COAP_BLOCK2, &b);
    pq_coap_option_block(&w, PQ_COAP_BLOCK1, &(pq_coap_block){0, false, 0});
    pq_coap_option(&w, PQ_COAP_ECHO, "twelve bytes", 12);
    pq_coap_option(&w, PQ_COAP_ECHO, "another", 7);
    pq_coap_option(&w, PQ_COAP_REQUEST_TAG, "", 0);
    pq_coap_option(&w, 2048, "a value long enough to have an extended length", 46);
    memcpy(pq_coap_payload(&w, 7), "payload", 7);
    int n = pq_coap_end(&w);
    CHECK(n > 0);
    CHECK_EQ(pq_coap_parse(&m, out, (size_t)n), PQ_OK);
    CHECK(m.type == PQ_COAP_CON && m.code == PQ_COAP_POST && m.mid == 0xbeef &&
          m.unrecognised == 0);
    CHECK(is(m.token, "tok") && is(m.path, "msg") && is(m.query, "k=k1") && is(m.etag, "e1"));
    CHECK(is(m.echo, "twelve bytes") && is(m.request_tag, "") && is(m.payload, "payload"));
    CHECK(m.path_segments == 2 && m.queries == 2);
    CHECK(m.content_format == 65001 && m.accept == 0 && m.max_age == 70000);
    CHECK(m.block1.data != NULL && m.block1.len == 0);
    pq_coap_block got;
    CHECK_EQ(pq_coap_block_parse(&got, m.block2), PQ_OK);
    CHECK(got.num == 5 && got.more && got.szx == 6);
    CHECK_EQ(pq_coap_block_size(&got), 1024);
    CHECK_EQ(pq_coap_block_offset(&got), 5 * 1024);
    CHECK(pq_coap_has_etag(&m, (const uint8_t *)"etag2", 5));
    CHECK(pq_coap_has_etag(&m, (const uint8_t *)"e1", 2));
    CHECK(!pq_coap_has_etag(&m, (const uint8_t *)"etag", 4));
    CHECK(!pq_coap_has_etag(&m, (const uint8_t *)"tok", 3));

    for (size_t max = 0; max < (size_t)n; max++) { /* too small a buffer, wherever it ends */
        static uint8_t small[256];
        memset(small, 0xa5, sizeof small);
        pq_coap_begin(&w, small, max, PQ_COAP_CON, PQ_COAP_POST, 0xbeef, m.token);
        pq_coap_option(&w, PQ_COAP_URI_PATH, "msg", 3);
        pq_coap_option(&w, 2048, "a value long enough to have an extended length", 46);
        uint8_t *p = pq_coap_payload(&w, (size_t)n);
        CHECK(p == NULL);
        CHECK_EQ(pq_coap_end(&w), PQ_ERR_LENGTH);
        CHECK(max == 0 || (small[0] == 0 && small[max - 1] == 0));
        CHECK_EQ(small[max], 0xa5);
    }
}

static void test_defaults(void)
{
    uint8_t in[16];
    pq_coap m;
    CHECK_EQ(pq_coap_parse(&m, in, unhex(in, "40011234")), PQ_OK);
    CHECK(m.content_format == -1 && m.accept == -1 && m.max_age == 60);
    CHECK(m.echo.data == NULL && m.block1.data == NULL && m.payload.data == NULL &&
          m.request_tag.data == NULL && m.path_segments == 0);
    CHECK(!pq_coap_has_etag(&m, in, 0));
}

/* Figures and bytes by hand: RFC 7252 §3.1's encodings at their edges. */
static void test_writer(void)
{
    uint8_t out[512], want[512], value[300] = {0};
    pq_coap_writer w;
    const struct {
        uint16_t number;
        size_t len;
        const char *head;
    } options[] = {{12, 12, "cc"},      {13, 13, "dd0000"},       {268, 12, "dcff"},
                   {269, 12, "ec0000"}, {269, 269, "ee00000000"}, {65535, 0, "e0fef2"},
                   {0, 268, "0dff"}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        pq_coap_begin(&w, out, sizeof out, PQ_COAP_NON, PQ_COAP_GET, 1, (pq_span){NULL, 0});
        pq_coap_option(&w, options[i].number, value, options[i].len);
        size_t head = unhex(want, options[i].head);
        CHECK_EQ(pq_coap_end(&w), 4 + head + options[i].len);
        CHECK(memcmp(out + 4, want, head) == 0);
    }
    pq_coap_begin(&w, out, sizeof out, PQ_COAP_ACK, PQ_COAP_UNAUTHORIZED, 0x1234,
                  (pq_span){value, 4});
    pq_coap_option(&w, PQ_COAP_ECHO, value, 12);
    CHECK_EQ(pq_coap_end(&w), 22);
    pq_coap_begin(&w, out, sizeof out, 0, 1, 1, (pq_span){value, 9});
    CHECK_EQ(pq_coap_end(&w), PQ_ERR_ARG);
    pq_coap_begin(&w, out, sizeof out, 0, 1, 1, (pq_span){value, 8});
    pq_coap_option(&w, 12, value, 1);
    pq_coap_option(&w, 11, value, 1);
    CHECK_EQ(pq_coap_end(&w), PQ_ERR_ARG);
    pq_coap_empty(out, PQ_COAP_RST, 0x1234);
    CHECK(memcmp(out, want, unhex(want, "70001234")) == 0);
}

static void test_block(void)
{
    const struct {
        const char *hex;
        int err;
        pq_coap_block b;
    } blocks[] = {{"", PQ_OK, {0, false, 0}},
                  {"0e", PQ_OK, {0, true, 6}},
                  {"16", PQ_OK, {1, false, 6}},
                  {"fffffe", PQ_OK, {(1u << 20) - 1, true, 6}},
                  {"07", PQ_ERR_ARG, {0, false, 0}},
                  {"0f", PQ_ERR_ARG, {0, false, 0}},
                  {"00000006", PQ_ERR_LENGTH, {0, false, 0}}};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        uint8_t in[8];
        pq_coap_block b;
        size_t n = unhex(in, blocks[i].hex);
        CHECK_EQ(pq_coap_block_parse(&b, (pq_span){in, n}), blocks[i].err);
        CHECK(b.num == blocks[i].b.num && b.more == blocks[i].b.more && b.szx == blocks[i].b.szx);
    }
}

int main(void)
{
    test_strict();
    test_fields();
    test_defaults();
    test_writer();
    test_block();
    return check_done("coap");
}
