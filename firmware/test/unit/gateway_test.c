/* What peer/gatewaytest cannot see from outside: memory, caches that overflow,
 * buckets to the microsecond, what is told to the role. */
#include "check.h"
#include "fake_port.h"
#include "gateway_rig.h"

#include <stdlib.h>

#define SECOND 1000000u

static rig_key key, key_768;
static rig_told told;
static pq_gateway g;

static void boot(void)
{
    pq_gateway_config c = rig_config(&key, &told);
    fake.now = 1000 * SECOND;
    memset(&told, 0, sizeof told);
    CHECK_EQ(pq_gateway_init(&g, &c), PQ_OK);
}

static bool is_zero(const void *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= ((const uint8_t *)p)[i];
    return any == 0;
}

static void test_init(void)
{
    pq_gateway_config c = rig_config(&key, &told), bad = c;
    static uint8_t dk[PQ_KEM_MAX_DK_BYTES];
    memcpy(dk, key.dk, sizeof dk);
    dk[key.params->dk_bytes - 33] ^= 1; /* H(ek) */
    bad.dk = dk;
    CHECK_EQ(pq_gateway_init(&g, &bad), PQ_ERR_KEY);
    CHECK(is_zero(&g, sizeof g));
    bad = c;
    bad.psk_count = PQ_GATEWAY_PSKS + 1;
    CHECK_EQ(pq_gateway_init(&g, &bad), PQ_ERR_ARG);
    pq_psk psk = rig_psks[0];
    bad = c;
    bad.psks = &psk;
    bad.psk_count = 1;
    psk.kid_len = 0;
    CHECK_EQ(pq_gateway_init(&g, &bad), PQ_ERR_ARG);
    psk.kid_len = PQ_MAX_KID + 1;
    CHECK_EQ(pq_gateway_init(&g, &bad), PQ_ERR_ARG);
    fake.random_error = PQ_ERR_RANDOM;
    CHECK_EQ(pq_gateway_init(&g, &c), PQ_ERR_RANDOM);
    CHECK(is_zero(&g, sizeof g));
    fake.random_error = PQ_OK;
    CHECK_EQ(pq_gateway_init(&g, &c), PQ_OK);
    CHECK(memcmp(pq_gateway_pin(&g), key.pin, 32) == 0);
    CHECK(!is_zero(g.echo_key, 32) && !is_zero(g.dummy_psk, 32));
    CHECK(memcmp(g.echo_key, g.dummy_psk, 32) != 0);
}

static void test_session(void)
{
    boot();
    rig_peer p = rig_peer_at(1);
    CHECK_EQ(rig_open(&g, &p, &key, 0, "T=21.5C"), PQ_COAP_CHANGED);
    CHECK(told.sessions == 1 && told.messages == 1 && told.decaps == 1 && told.seq == 0);
    CHECK(told.len == 7 && memcmp(told.text, "T=21.5C", 7) == 0);
    CHECK_EQ(rig_send(&g, &p, &key, ""), PQ_COAP_CHANGED);
    CHECK(told.messages == 2 && told.seq == 1 && told.len == 0);
    rig_peer q = rig_peer_at(2);
    CHECK_EQ(rig_open(&g, &q, &key, 1, ""), PQ_COAP_CHANGED);
    CHECK(told.sessions == 2 && told.messages == 2); /* a handshake without data is no message */
    static char text[PQ_MAX_DATA + 1]; /* longer than its answer, which must not show its end */
    memset(text, 'P', PQ_MAX_DATA);
    memset(rig_answer, 0, sizeof rig_answer);
    CHECK_EQ(rig_send(&g, &q, &key, text), PQ_COAP_CHANGED);
    CHECK(told.len == PQ_MAX_DATA && memcmp(told.text, text, PQ_MAX_DATA) == 0);
    CHECK(is_zero(rig_answer + PQ_GATEWAY_KEPT, sizeof rig_answer - PQ_GATEWAY_KEPT));
}

/* 24 h from the handshake, however much was said since. */
static void test_age(void)
{
    boot();
    rig_peer p = rig_peer_at(1);
    CHECK_EQ(rig_open(&g, &p, &key, 0, ""), PQ_COAP_CHANGED);
    fake.now += PQ_SESSION_MAX_AGE_S * 1000000ull - 1;
    CHECK_EQ(rig_send(&g, &p, &key, "x"), PQ_COAP_CHANGED);
    fake.now++;
    CHECK_EQ(rig_send(&g, &p, &key, "x"), PQ_COAP_UNAUTHORIZED);
    CHECK(strcmp(told.why, "Security context not found") == 0 && told.closed == 1);
    CHECK(is_zero(g.slots, sizeof g.slots)); /* no key is left */
}

/* A duplicate gets the same bytes while its message id lives, another token or
 * port or a NON does not, and its answer may be the longest there is. */
static void test_duplicates(void)
{
    boot();
    static uint8_t in[PQ_GATEWAY_DATAGRAM_MAX + 1024], first[PQ_GATEWAY_ANSWER_MAX], body[64];
    rig_peer p = rig_peer_at(1), other;
    CHECK_EQ(rig_open(&g, &p, &key, 0, ""), PQ_COAP_CHANGED);
    int n = pq_client_seal(&p.client, body, p.nonce, (pq_span){(const uint8_t *)"x", 1});
    pq_coap_block whole = {0, false, 6};
    rig_request r = {.code = PQ_COAP_POST,
                     .format = PQ_CONTENT_FORMAT_RECORD,
                     .block1 = &whole,
                     .body = {body, (size_t)n}};
    size_t len = rig_build(in, &p, &key, &r);
    size_t got = pq_gateway_receive(&g, &p.at, in, len, first);
    CHECK(got == 46 && first[1] == PQ_COAP_CHANGED); /* 4 + 4 + 3 + 3 + 1 + 31 and Block1's 3 */
    fake.now += PQ_COAP_EXCHANGE_LIFETIME * 1000000ull - 1;
    CHECK_EQ(pq_gateway_receive(&g, &p.at, in, len, rig_answer), got);
    CHECK(memcmp(first, rig_answer, got) == 0);
    CHECK_EQ(told.messages, 1);
    pq_endpoint mapped = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}, 16, 5000};
    CHECK_EQ(pq_gateway_receive(&g, &mapped, in, len, rig_answer), got);
    CHECK(memcmp(first, rig_answer, got) == 0);

    other = p;
    other.at.port++;
    CHECK(pq_gateway_receive(&g, &other.at, in, len, rig_answer) > 0);
    CHECK_EQ(rig_answer[1], PQ_COAP_UNAUTHORIZED);
    other = p;
    other.at.addr[3]++;
    CHECK(pq_gateway_receive(&g, &other.at, in, len, rig_answer) > 0);
    CHECK_EQ(rig_answer[1], PQ_COAP_UNAUTHORIZED);
    in[4] ^= 1; /* the token */
    CHECK(pq_gateway_receive(&g, &p.at, in, len, rig_answer) > 0);
    CHECK_EQ(rig_answer[1], PQ_COAP_UNAUTHORIZED);
    in[4] ^= 1;
    in[0] ^= 0x10; /* NON */
    CHECK_EQ(pq_gateway_receive(&g, &p.at, in, len, rig_answer), 0);
    in[0] ^= 0x10;
    fake.now++;
    CHECK(pq_gateway_receive(&g, &p.at, in, len, rig_answer) > 0);
    CHECK_EQ(rig_answer[1], PQ_COAP_UNAUTHORIZED); /* Replay detected */

    /* The longest: a token of 8 bytes, a Block1 of 3. */
    uint8_t token[8] = {9};
    pq_coap_writer w;
    n = pq_client_seal(&p.client, body, p.nonce, (pq_span){NULL, 0});
    pq_coap_begin(&w, in, sizeof in, PQ_COAP_CON, PQ_COAP_POST, 7, (pq_span){token, 8});
    pq_coap_option(&w, PQ_COAP_URI_PATH, "msg", 3);
    pq_coap_option_uint(&w, PQ_COAP_CONTENT_FORMAT, PQ_CONTENT_FORMAT_RECORD);
    pq_coap_option_block(&w, PQ_COAP_BLOCK1, &whole);
    memcpy(pq_coap_payload(&w, (size_t)n), body, (size_t)n);
    len = (size_t)pq_coap_end(&w);
    got = pq_gateway_receive(&g, &p.at, in, len, first);
    CHECK(got <= PQ_GATEWAY_KEPT && first[1] == PQ_COAP_CHANGED);
    CHECK_EQ(pq_gateway_receive(&g, &p.at, in, len, rig_answer), got);
    CHECK(memcmp(first, rig_answer, got) == 0);
}

/* The last answer to a block-wise transfer is repeated, whatever it was. */
static void test_block_duplicates(void)
{
    static uint8_t in[PQ_GATEWAY_DATAGRAM_MAX + 1024], first[64], body[2048];
    pq_gateway_config c = rig_config(&key_768, &told);
    fake.now = 1000 * SECOND;
    memset(&told, 0, sizeof told);
    CHECK_EQ(pq_gateway_init(&g, &c), PQ_OK);
    rig_peer p = rig_peer_at(1), q = rig_peer_at(2);
    CHECK(rig_refresh(&g, &p, &key_768) && rig_refresh(&g, &q, &key_768));
    size_t n = rig_handshake(body, &p, &key_768, 0, (pq_span){NULL, 0});
    pq_coap_block b = {0, true, 4}; /* of 256 bytes: five */
    body[n - 1] ^= 1;               /* a wrong tag */
    for (size_t at = 0; at < n; at += 256, b.num++) {
        b.more = n - at > 256;
        rig_request r = {.code = PQ_COAP_POST,
                         .format = PQ_CONTENT_FORMAT_HANDSHAKE_768,
                         .block1 = &b,
                         .echo = true,
                         .body = {body + at, b.more ? 256 : n - at}};
        size_t len = rig_build(in, &p, &key_768, &r);
        size_t got = pq_gateway_receive(&g, &p.at, in, len, first);
        CHECK_EQ(first[1], b.more ? PQ_COAP_CONTINUE : PQ_COAP_BAD_REQUEST);
        CHECK(got > 0 && got <= PQ_GATEWAY_KEPT);
        for (int again = 0; again < 3; again++) {
            CHECK_EQ(pq_gateway_receive(&g, &p.at, in, len, rig_answer), got);
            CHECK(memcmp(first, rig_answer, got) == 0);
            /* strangers do not disturb it, whatever they do */
            pq_coap m;
            r.block1 = &(pq_coap_block){(uint32_t)again, true, 4};
            r.body = (pq_span){body, 256};
            CHECK(b.more == (rig_exchange(&g, &q, &key_768, &r, &m) == PQ_COAP_UNAVAILABLE));
            if (!b.more)
                break; /* the slot is free: the stranger has it now */
            r.echo = false;
            rig_exchange(&g, &q, &key_768, &r, &m);
        }
    }
    CHECK_EQ(told.decaps, 1);
}

/* A Request-Tag of no bytes is another than none at all (RFC 9175 §3.3). */
static void test_request_tags(void)
{
    static uint8_t body[1024];
    const pq_span tags[] = {{NULL, 0}, {body, 0}, {body, 1}, {body, 8}};
    pq_gateway_config c = rig_config(&key_768, &told);
    rig_peer p = rig_peer_at(1);
    pq_coap m;
    for (size_t first = 0; first < 4; first++) {
        CHECK_EQ(pq_gateway_init(&g, &c), PQ_OK);
        CHECK(rig_refresh(&g, &p, &key_768));
        for (size_t i = 0; i < 4; i++) {
            rig_request r = {.code = PQ_COAP_POST,
                             .format = PQ_CONTENT_FORMAT_HANDSHAKE_768,
                             .block1 = &(pq_coap_block){0, true, 6},
                             .echo = true,
                             .tag = tags[(first + i) % 4],
                             .body = {body, sizeof body}};
            CHECK_EQ(rig_exchange(&g, &p, &key_768, &r, &m),
                     i == 0 ? PQ_COAP_CONTINUE : PQ_COAP_UNAVAILABLE);
        }
    }
}

static unsigned burst(uint8_t host, unsigned n)
{
    unsigned before = told.decaps;
    static uint8_t body[PQ_KEM_MAX_CT_BYTES + PQ_MAX_FIRST_DATA];
    pq_coap m;
    for (unsigned i = 0; i < n; i++) {
        rig_peer p = rig_peer_at((uint8_t)(host + i));
        CHECK(rig_refresh(&g, &p, &key));
        size_t len = rig_handshake(body, &p, &key, 0, (pq_span){NULL, 0});
        body[len - 1] ^= 1;
        rig_request r = {.code = PQ_COAP_POST,
                         .format = PQ_CONTENT_FORMAT_HANDSHAKE_512,
                         .echo = true,
                         .body = {body, len}};
        uint8_t code = rig_exchange(&g, &p, &key, &r, &m);
        CHECK(code == PQ_COAP_BAD_REQUEST || (code == PQ_COAP_UNAVAILABLE && m.max_age == 10));
    }
    return told.decaps - before;
}

static void test_buckets(void)
{
    boot();
    CHECK_EQ(burst(1, 12), 10);
    fake.now += 99999;
    CHECK_EQ(burst(50, 1), 0);
    fake.now += 1;
    CHECK_EQ(burst(50, 2), 1);
    fake.now += 500000;
    CHECK_EQ(burst(60, 10), 5);
    /* one source: 1 a second */
    fake.now += 10 * SECOND;
    CHECK_EQ(burst(1, 1) + burst(1, 1) + burst(1, 1), 1);
    fake.now += SECOND - 1;
    CHECK_EQ(burst(1, 1), 0);
    fake.now += 1;
    CHECK_EQ(burst(1, 1), 1);
    /* for a long time, from ever other sources: never more than 10 a second, never less */
    fake.now += 10 * SECOND;
    unsigned got = 0;
    for (unsigned i = 0; i < 1000; i++, fake.now += 10000)
        got += burst((uint8_t)(i % 200), 1);
    CHECK(got >= 10 + 99 && got <= 10 + 100);
}

/* A session's id is refused after the session, for as long as the Echo of its
 * handshake could be fresh; if there are too many to remember, the Echoes go. */
static void test_used_ids(void)
{
    boot();
    static uint8_t in[PQ_GATEWAY_DATAGRAM_MAX + 1024], body[1024];
    rig_peer p = rig_peer_at(1);
    p.psk = 0;
    CHECK(rig_refresh(&g, &p, &key));
    size_t n = rig_handshake(body, &p, &key, 0, (pq_span){NULL, 0});
    rig_request r = {.code = PQ_COAP_POST,
                     .format = PQ_CONTENT_FORMAT_HANDSHAKE_512,
                     .kid = true,
                     .echo = true,
                     .body = {body, n}};
    size_t len = rig_build(in, &p, &key, &r);
    CHECK(pq_gateway_receive(&g, &p.at, in, len, rig_answer) > 0);
    CHECK_EQ(rig_answer[1], PQ_COAP_CHANGED);
    for (unsigned ct = 1; ct < 6; ct++) { /* the kid's next sessions */
        rig_peer again = rig_peer_at((uint8_t)(10 + ct));
        again.psk = 0;
        fake.now += 2 * SECOND;
        CHECK_EQ(rig_open(&g, &again, &key, ct, ""), PQ_COAP_CHANGED);
        in[2]++; /* a new message id */
        CHECK(pq_gateway_receive(&g, &p.at, in, len, rig_answer) > 0);
        CHECK_EQ(rig_answer[1], PQ_COAP_UNAUTHORIZED);
        CHECK(strcmp(told.why, "Replay detected") == 0);
        CHECK(told.decaps == ct + 1 && told.closed == ct);
    }

    /* Fill the memory by hand. */
    for (unsigned i = 0; i < PQ_GATEWAY_USED; i++) {
        g.used[i].used = true;
        g.used[i].sid[0] = (uint8_t)i;
        g.used[i].echo_at = (uint32_t)(fake.now / SECOND) - 5 + (i == 3 ? 0 : 1 + i % 2);
    }
    rig_peer q = rig_peer_at(99), early = rig_peer_at(98);
    q.psk = 0;
    CHECK_EQ(rig_open(&g, &q, &key, 0, ""), PQ_COAP_CHANGED);
    CHECK_EQ(g.echo_floor, fake.now / SECOND - 4);
    CHECK(g.used[3].sid[0] != 3); /* the oldest went */
    CHECK_EQ(rig_send(&g, &q, &key, "x"), PQ_COAP_CHANGED);
    /* its Echo, could it come again, is stale now */
    pq_coap m;
    fake.now -= 5 * SECOND;
    CHECK(rig_refresh(&g, &early, &key));
    fake.now += 5 * SECOND;
    n = rig_handshake(body, &early, &key, 2, (pq_span){NULL, 0});
    r.body.len = n;
    r.kid = false;
    CHECK_EQ(rig_exchange(&g, &early, &key, &r, &m), PQ_COAP_UNAUTHORIZED);
    CHECK(m.payload.len == 4 && memcmp(m.payload.data, "echo", 4) == 0);
    CHECK_EQ(rig_open(&g, &early, &key, 2, ""), PQ_COAP_CHANGED); /* with a new one it goes */
    /* Memory that is free again is used again. */
    fake.now += (PQ_ECHO_LIFETIME + 10) * SECOND;
    uint32_t floor = g.echo_floor;
    rig_peer late = rig_peer_at(100);
    late.psk = 0;
    CHECK_EQ(rig_open(&g, &late, &key, 3, ""), PQ_COAP_CHANGED);
    CHECK_EQ(g.echo_floor, floor);
}

/* Only a session that was silent for more than 60 s gives way, and of several the
 * one that was silent longest. */
static void test_slots(void)
{
    boot();
    static rig_peer all[PQ_GATEWAY_SLOTS];
    rig_peer late = rig_peer_at(50);
    for (unsigned i = 0; i < PQ_GATEWAY_SLOTS; i++, fake.now += 1000) {
        all[i] = rig_peer_at((uint8_t)(1 + i));
        CHECK_EQ(rig_open(&g, &all[i], &key, i, ""), PQ_COAP_CHANGED);
    }
    uint64_t first = fake.now - PQ_GATEWAY_SLOTS * 1000;
    CHECK_EQ(rig_send(&g, &all[0], &key, "x"), PQ_COAP_CHANGED); /* now number 1 is the oldest */
    unsigned decaps = told.decaps;
    fake.now = first + 1000 + 60 * SECOND;
    CHECK_EQ(rig_open(&g, &late, &key, 8, ""), PQ_COAP_UNAVAILABLE);
    CHECK(told.closed == 0 && told.decaps == decaps);
    fake.now++;
    CHECK_EQ(rig_open(&g, &late, &key, 8, ""), PQ_COAP_CHANGED);
    CHECK_EQ(told.closed, 1);
    for (unsigned i = 0; i < PQ_GATEWAY_SLOTS; i++)
        CHECK_EQ(rig_send(&g, &all[i], &key, "x"), i == 1 ? PQ_COAP_UNAUTHORIZED : PQ_COAP_CHANGED);
    CHECK_EQ(rig_send(&g, &late, &key, "x"), PQ_COAP_CHANGED);
}

/* An ETag answers for the whole key, not for a block in its midst. */
static void test_etag_of_block(void)
{
    pq_gateway_config c = rig_config(&key_768, &told);
    CHECK_EQ(pq_gateway_init(&g, &c), PQ_OK);
    rig_peer p = rig_peer_at(1);
    pq_coap m;
    CHECK(rig_refresh(&g, &p, &key_768));
    for (uint32_t num = 0; num < 2; num++) {
        rig_request r = {.code = PQ_COAP_GET,
                         .format = -1,
                         .etag = true,
                         .echo = true,
                         .block2 = &(pq_coap_block){num, false, 6}};
        CHECK_EQ(rig_exchange(&g, &p, &key_768, &r, &m),
                 num == 0 ? PQ_COAP_VALID : PQ_COAP_CONTENT);
        CHECK_EQ(m.payload.len, num == 0 ? 0 : 1184 - 1024);
    }
}

/* An unknown kid costs what a wrong PSK costs, and the same bytes answer it. */
static void test_psk(void)
{
    boot();
    static uint8_t body[1024], first[64];
    pq_coap m;
    rig_peer p = rig_peer_at(1);
    p.psk = 7;
    for (int i = 0; i < 2; i++) {
        fake.now += 2 * SECOND;
        CHECK(rig_refresh(&g, &p, &key));
        size_t n = rig_handshake(body, &p, &key, 0, (pq_span){NULL, 0});
        p.psk = i == 0 ? 6 : 9; /* another's name, nobody's name: "k9" */
        rig_request r = {.code = PQ_COAP_POST,
                         .format = PQ_CONTENT_FORMAT_HANDSHAKE_512,
                         .kid = true,
                         .echo = true,
                         .body = {body, n}};
        p.mid = 77;
        CHECK_EQ(rig_exchange(&g, &p, &key, &r, &m), PQ_COAP_BAD_REQUEST);
        size_t len = (size_t)(m.payload.data - rig_answer) + m.payload.len;
        if (i == 0)
            memcpy(first, rig_answer, len);
        CHECK(memcmp(first, rig_answer, len) == 0);
        p.psk = 7;
    }
    CHECK(told.decaps == 2 && told.sessions == 0);
}

int main(void)
{
    rig_key_make(&key, &pq_kem_512);
    rig_key_make(&key_768, &pq_kem_768);
    test_init();
    test_session();
    test_age();
    test_duplicates();
    test_block_duplicates();
    test_request_tags();
    test_buckets();
    test_used_ids();
    test_slots();
    test_etag_of_block();
    test_psk();
    return check_done("gateway");
}
