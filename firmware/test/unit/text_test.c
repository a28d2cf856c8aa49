/* Text without printf, and a stopwatch that uses it. */
#include "pq_stopwatch.h"

#include "check.h"

static char buf[400];
static pq_text t;

static pq_text *fresh(void)
{
    pq_text_init(&t, buf, sizeof buf);
    return &t;
}

static bool is(const char *want)
{
    bool same = !t.cut && t.len == strlen(want) && memcmp(buf, want, t.len) == 0;
    if (!same)
        fprintf(stderr, "got \"%.*s\"\n", (int)t.len, buf);
    return same;
}

static void test_numbers(void)
{
    pq_text_number(fresh(), 0);
    pq_text_str(&t, " ");
    pq_text_number(&t, UINT64_MAX);
    pq_text_str(&t, " ");
    pq_text_hex(&t, (const uint8_t[]){0, 0xa5, 0xff}, 3);
    CHECK(is("0 18446744073709551615 00a5ff"));
    static const struct {
        uint64_t us;
        const char *want;
    } times[] = {{0, "0.000 ms"},       {49, "0.049 ms"},   {999, "0.999 ms"},
                 {1000, "1.0 ms"},      {6149, "6.1 ms"},   {6150, "6.2 ms"},
                 {999950, "1000.0 ms"}, {99949, "99.9 ms"}, {UINT32_MAX, "4294967.3 ms"}};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        pq_text_ms(fresh(), times[i].us);
        CHECK(is(times[i].want));
    }
}

static void test_endpoints(void)
{
    pq_endpoint e = {.addr = {192, 168, 4, 0}, .addr_len = 4, .port = 5683};
    pq_text_endpoint(fresh(), &e);
    CHECK(is("192.168.4.0:5683"));
    e.port = 0;
    pq_text_endpoint(fresh(), &e);
    CHECK(is("192.168.4.0"));
    e = (pq_endpoint){.addr = {0xfd, 0, 0x12, 0x34, 0x0a, 0xb0}, .addr_len = 16, .port = 1};
    pq_text_endpoint(fresh(), &e);
    CHECK(is("[fd00:1234:ab0:0:0:0:0:0]:1"));
}

static void test_safe(void)
{
    static const struct {
        const char *in;
        size_t len;
        const char *want;
    } rows[] = {
        {"T=21.5C ~", 9, "T=21.5C ~"},
        {"a\\b", 3, "a\\\\b"},
        {"\x1b[2J\r\n\0\x7f", 8, "\\x1b[2J\\x0d\\x0a\\x00\\x7f"},
        {"21 \xc2\xb0"
         "C \xe6\xb8\xa9 \xf0\x9f\x8c\xa1",
         15,
         "21 \xc2\xb0"
         "C \xe6\xb8\xa9 \xf0\x9f\x8c\xa1"},
        {"\xc2\x9b"
         "2J",
         4, "\\xc2\\x9b2J"},  /* CSI as UTF-8 */
        {"\x9b", 1, "\\x9b"}, /* and bare */
        {"\xe2\x80\xae"
         "abc",
         6, "\\xe2\\x80\\xaeabc"},                       /* right-to-left override */
        {"\xc0\xaf", 2, "\\xc0\\xaf"},                   /* overlong / */
        {"\xe0\x80\x9b", 3, "\\xe0\\x80\\x9b"},          /* overlong CSI */
        {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},          /* surrogate */
        {"\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"}, /* over U+10FFFF */
        {"\xe6\xb8", 2, "\\xe6\\xb8"},                   /* cut short */
        {"\xe6\xb8"
         "A",
         3,
         "\\xe6\\xb8"
         "A"},
        {"\xff\xfe", 2, "\\xff\\xfe"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pq_text_safe(fresh(), (pq_span){(const uint8_t *)rows[i].in, rows[i].len});
        CHECK(is(rows[i].want));
    }
}

static void test_cut(void)
{
    pq_text_init(&t, buf, 5);
    buf[5] = '#';
    pq_text_str(&t, "1234");
    CHECK(!t.cut);
    pq_text_str(&t, "56");
    CHECK(t.cut && t.len == 4 && buf[5] == '#');
    pq_text_str(&t, "5");
    CHECK(t.len == 5 && buf[5] == '#');
}

static void test_stopwatch(void)
{
    static pq_stopwatch w;
    static char names[PQ_STOPWATCH_STEPS + 1][2];
    pq_stopwatch_init(&w);
    pq_stopwatch_note(&w, "kem.decaps", 6149);
    pq_stopwatch_text(fresh(), &w.step[0]);
    CHECK(is("kem.decaps: worst 6.1 ms, last 6.1 ms, 1 time"));
    pq_stopwatch_note(&w, "ccm.open", 300);
    pq_stopwatch_note(&w, "kem.decaps", 7000);
    pq_stopwatch_note(&w, "kem.decaps", 5000);
    CHECK_EQ(w.steps, 2);
    pq_stopwatch_text(fresh(), &w.step[0]);
    CHECK(is("kem.decaps: worst 7.0 ms, last 5.0 ms, 3 times"));
    pq_stopwatch_init(&w);
    for (int i = 0; i <= PQ_STOPWATCH_STEPS; i++) {
        names[i][0] = (char)('a' + i);
        pq_stopwatch_note(&w, names[i], 1);
    }
    CHECK_EQ(w.steps, PQ_STOPWATCH_STEPS);
    CHECK_EQ(w.lost, 1);
}

int main(void)
{
    test_numbers();
    test_endpoints();
    test_safe();
    test_cut();
    test_stopwatch();
    return check_done("text");
}
