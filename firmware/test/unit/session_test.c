/* Vector A in every value, inner ones included, and what both ends must refuse. */
#include "../../core/pq_session.c" /* for the steps inside the key schedule */

#include "check.h"

typedef struct {
    const uint8_t *p;
    size_t n;
} bytes;

static const struct vector {
    const char *id, *kid;
    bytes seed_dz, m, psk, echo, plaintext, response_plaintext, ek, ct, ss, sid, th, prk, ms, salt;
    bytes kc, kg, iv, N0, aad0, rec0, aadr, resp0, rec1, oscore_ms, oscore_salt;
} vectors[] = {
#include "session_vectors.inc"
};
#define VECTORS (sizeof vectors / sizeof vectors[0])

#define SAME(got, want)                                                                            \
    do {                                                                                           \
        CHECK_EQ(sizeof(got), (want).n);                                                           \
        CHECK(memcmp(got, (want).p, (want).n) == 0);                                               \
    } while (0)

static pq_span span(bytes b)
{
    return (pq_span){b.p, b.n};
}

static bool all_zero(const void *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= ((const uint8_t *)p)[i];
    return any == 0;
}

static pq_transcript transcript(const struct vector *v, uint8_t pin[32])
{
    pq_span ek = span(v->ek);
    CHECK_EQ(pq_sha256(pin, &ek, 1), PQ_OK);
    return (pq_transcript){
        1,          {(const uint8_t *)v->kid, strlen(v->kid)}, span(v->psk), span(v->echo), pin,
        span(v->ct)};
}

static void test_key_schedule(const struct vector *v)
{
    static uint8_t ek[PQ_KEM_MAX_EK_BYTES], dk[PQ_KEM_MAX_DK_BYTES], ct[PQ_KEM_MAX_CT_BYTES];
    uint8_t ss[32], pin[32], th[32], prk[32], ms[32], salt[8];
    CHECK_EQ(pq_kem_keypair_derand(&pq_kem_512, ek, dk, v->seed_dz.p), PQ_OK);
    CHECK(memcmp(ek, v->ek.p, v->ek.n) == 0);
    CHECK_EQ(pq_kem_encaps_derand(&pq_kem_512, ct, ss, ek, v->m.p), PQ_OK);
    CHECK(memcmp(ct, v->ct.p, v->ct.n) == 0);
    SAME(ss, v->ss);
    memset(ss, 0, sizeof ss);
    CHECK_EQ(pq_kem_decaps(&pq_kem_512, ss, ct, dk), PQ_OK);
    SAME(ss, v->ss);

    pq_transcript t = transcript(v, pin);
    CHECK_EQ(extract(prk, th, &t, ss), PQ_OK);
    SAME(th, v->th);
    SAME(prk, v->prk);
    CHECK_EQ(expand(ms, 32, prk, th, TEXT("pqiot1 ms")), PQ_OK);
    SAME(ms, v->ms);
    CHECK_EQ(expand(salt, 8, prk, th, TEXT("pqiot1 salt")), PQ_OK);
    SAME(salt, v->salt);

    pq_keys k;
    CHECK_EQ(pq_session_derive(&k, &t, ss), PQ_OK);
    SAME(k.sid, v->sid);
    SAME(k.kc, v->kc);
    SAME(k.kg, v->kg);
    SAME(k.iv, v->iv);
    CHECK_EQ(k.suite, 1);
    CHECK_EQ(pq_session_oscore(ms, salt, &t, ss), PQ_OK);
    SAME(ms, v->oscore_ms);
    SAME(salt, v->oscore_salt);
}

static pq_keys keys_of(const struct vector *v)
{
    uint8_t pin[32];
    pq_keys k;
    pq_transcript t = transcript(v, pin);
    CHECK_EQ(pq_session_derive(&k, &t, v->ss.p), PQ_OK);
    return k;
}

static void test_records(const struct vector *v)
{
    pq_keys k = keys_of(v);
    binding b;
    uint8_t n0[PQ_NONCE_SIZE], n1[PQ_NONCE_SIZE], out[64], data[64];
    make_nonce(n0, k.sid, 0);
    SAME(n0, v->N0);
    record_bind(&b, &k, n0, NULL);
    CHECK_EQ(b.aad_len, v->aad0.n);
    CHECK(memcmp(b.aad, v->aad0.p, v->aad0.n) == 0);
    record_bind(&b, &k, n0, n0);
    CHECK_EQ(b.aad_len, v->aadr.n);
    CHECK(memcmp(b.aad, v->aadr.p, v->aadr.n) == 0);

    pq_client c;
    pq_server s;
    pq_client_init(&c, &k, 0);
    pq_server_init(&s, &k, 0);
    CHECK_EQ(pq_client_seal(&c, out, n0, span(v->plaintext)), v->rec0.n);
    CHECK(memcmp(out, v->rec0.p, v->rec0.n) == 0);
    CHECK_EQ(pq_server_open(&s, data, span(v->rec0)), v->plaintext.n);
    CHECK(memcmp(data, v->plaintext.p, v->plaintext.n) == 0);
    CHECK_EQ(pq_server_seal(&s, out, n0, span(v->response_plaintext)), v->resp0.n);
    CHECK(memcmp(out, v->resp0.p, v->resp0.n) == 0);
    CHECK(!pq_client_confirmed(&c));
    CHECK_EQ(pq_client_open(&c, data, n0, span(v->resp0)), v->response_plaintext.n);
    CHECK(memcmp(data, v->response_plaintext.p, v->response_plaintext.n) == 0);
    CHECK(pq_client_confirmed(&c));
    /* the record in place of its data */
    memcpy(out + PQ_NONCE_SIZE, v->plaintext.p, v->plaintext.n);
    pq_span there = {out + PQ_NONCE_SIZE, v->plaintext.n};
    CHECK_EQ(pq_client_seal(&c, out, n1, there), v->rec1.n);
    CHECK(memcmp(out, v->rec1.p, v->rec1.n) == 0);
    CHECK_EQ(pq_server_open(&s, data, span(v->rec1)), v->plaintext.n);
    CHECK_EQ(pq_server_open(&s, data, span(v->rec1)), PQ_ERR_REPLAY);
    CHECK_EQ(pq_server_open(&s, data, span(v->rec0)), PQ_ERR_REPLAY);
}

static void test_transcript_limits(const struct vector *v)
{
    uint8_t pin[32], long_kid[33] = {0}, echo[41] = {0};
    pq_keys k;
    pq_transcript t = transcript(v, pin), bad;
#define REFUSES(change)                                                                            \
    do {                                                                                           \
        bad = t;                                                                                   \
        change;                                                                                    \
        memset(&k, 1, sizeof k);                                                                   \
        CHECK_EQ(pq_session_derive(&k, &bad, v->ss.p), PQ_ERR_ARG);                                \
        CHECK(all_zero(&k, sizeof k));                                                             \
    } while (0)
    REFUSES(bad.suite = 0);
    REFUSES(bad.suite = 4);
    REFUSES(bad.kid.len = 0);
    REFUSES(bad.kid = BYTES(long_kid, 33));
    REFUSES(bad.psk.len = 31);
    REFUSES(bad.psk = BYTES(NULL, 0)); /* a kid and no PSK */
    REFUSES(bad.echo = BYTES(echo, 41));
    /* every part of the transcript makes other keys */
    pq_keys first = keys_of(v);
    uint8_t other_pin[32] = {1}, other_echo[12] = {1}, other_psk[32] = {1}, ss[32] = {1};
    pq_transcript others[] = {t, t, t, t, t, t};
    others[0].suite = 2;
    others[1].kid = TEXT("k2");
    others[2].pin = other_pin;
    others[3].echo = BYTES(other_echo, 12);
    others[4].psk = BYTES(other_psk, 32);
    others[5].psk = others[5].kid = BYTES(NULL, 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        CHECK_EQ(pq_session_derive(&k, &others[i], v->ss.p), PQ_OK);
        CHECK(memcmp(k.kc, first.kc, 16) != 0 && memcmp(k.kg, first.kg, 16) != 0 &&
              memcmp(k.iv, first.iv, 13) != 0);
    }
    CHECK_EQ(pq_session_derive(&k, &t, ss), PQ_OK);
    CHECK(memcmp(k.kc, first.kc, 16) != 0);
}

/* A record of the sender with any number. */
static int forge(const pq_keys *k, uint8_t *out, uint64_t seq, pq_span data)
{
    binding b;
    make_nonce(out, k->sid, (uint32_t)seq);
    out[8] = (uint8_t)(seq >> 32);
    record_bind(&b, k, out, NULL);
    return record_seal(out, k->kc, &b, data);
}

static void test_server_refuses(const struct vector *v)
{
    pq_keys k = keys_of(v);
    pq_server s, before;
    uint8_t rec[64], data[64];
    pq_server_init(&s, &k, 0);
    CHECK_EQ(pq_server_open(&s, data, span(v->rec0)), v->plaintext.n);
    for (size_t bit = 0; bit < 8 * v->rec1.n; bit++) { /* not one bit may change */
        uint8_t bad[64];
        memcpy(bad, v->rec1.p, v->rec1.n);
        bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
        before = s;
        memset(data, 1, sizeof data);
        int err = pq_server_open(&s, data, BYTES(bad, v->rec1.n));
        CHECK(err == (bit / 8 < 8         ? PQ_ERR_FORMAT
                      : bit == 8 * 12 + 0 ? PQ_ERR_REPLAY /* SEQ 1 becomes 0 */
                                          : PQ_ERR_TAG));
        CHECK(all_zero(data, v->plaintext.n) && data[v->plaintext.n] == 1);
        CHECK(memcmp(&s.window, &before.window, sizeof s.window) == 0);
        CHECK_EQ(s.failed, before.failed + (err == PQ_ERR_TAG));
    }
    for (size_t n = 0; n < PQ_RECORD_OVERHEAD; n++)
        CHECK_EQ(pq_server_open(&s, data, BYTES(v->rec1.p, n)), PQ_ERR_LENGTH);

    int n = forge(&k, rec, (1ull << 40) - 1, TEXT("x"));
    rec[20] ^= 1;
    before = s;
    CHECK_EQ(pq_server_open(&s, data, BYTES(rec, (size_t)n)), PQ_ERR_TAG);
    CHECK(memcmp(&s.window, &before.window, sizeof s.window) == 0);
    n = forge(&k, rec, PQ_MAX_SESSION_SEQ, TEXT("x"));
    CHECK_EQ(pq_server_open(&s, data, BYTES(rec, (size_t)n)), 1);
    n = forge(&k, rec, PQ_MAX_SESSION_SEQ + 1, TEXT("x"));
    before = s;
    data[0] = 1;
    CHECK_EQ(pq_server_open(&s, data, BYTES(rec, (size_t)n)), PQ_ERR_ENDED);
    CHECK_EQ(data[0], 0);
    CHECK(memcmp(&s.window, &before.window, sizeof s.window) == 0);

    CHECK(!pq_server_ended(&s, PQ_SESSION_MAX_AGE_S * 1000000ull - 1));
    CHECK(pq_server_ended(&s, PQ_SESSION_MAX_AGE_S * 1000000ull));
    s.failed = PQ_SESSION_MAX_FAILED - 1;
    CHECK(!pq_server_ended(&s, 0));
    s.failed++;
    CHECK(pq_server_ended(&s, 0));
    s.next = PQ_MAX_SESSION_SEQ + 1;
    CHECK_EQ(pq_server_seal(&s, rec, rec, TEXT("x")), PQ_ERR_ENDED);
}

static void test_client_refuses(const struct vector *v)
{
    static uint8_t big[PQ_MAX_DATA + 1 + PQ_RECORD_OVERHEAD];
    pq_keys k = keys_of(v);
    pq_client c;
    pq_server s;
    uint8_t n0[13], n1[13], out[64], data[64], answer[2][64];
    pq_client_init(&c, &k, 0);
    pq_server_init(&s, &k, 0);
    CHECK_EQ(pq_client_seal(&c, big, n0, BYTES(big, PQ_MAX_FIRST_DATA + 1)), PQ_ERR_LENGTH);
    CHECK_EQ(pq_client_seal(&c, big, n0, BYTES(big, PQ_MAX_FIRST_DATA)),
             PQ_MAX_FIRST_DATA + PQ_RECORD_OVERHEAD);
    CHECK_EQ(pq_client_seal(&c, big, n1, BYTES(big, PQ_MAX_DATA + 1)), PQ_ERR_LENGTH);
    CHECK_EQ(pq_client_seal(&c, big, n1, BYTES(big, PQ_MAX_DATA)),
             PQ_MAX_DATA + PQ_RECORD_OVERHEAD);
    CHECK_EQ(pq_nonce_seq(n1), 1); /* what was refused used no number up */
    size_t n = 0;
    for (int i = 0; i < 2; i++)
        n = (size_t)pq_server_seal(&s, answer[i], i == 0 ? n0 : n1, TEXT("ok"));

    CHECK_EQ(pq_client_open(&c, data, n1, BYTES(answer[0], n)), PQ_ERR_TAG); /* swapped */
    CHECK_EQ(pq_client_open(&c, data, n0, BYTES(answer[1], n)), PQ_ERR_TAG);
    CHECK_EQ(c.failed, 2);
    CHECK(!pq_client_confirmed(&c));
    CHECK_EQ(pq_client_open(&c, data, n1, BYTES(answer[1], n)), 2);
    CHECK_EQ(pq_client_open(&c, data, n1, BYTES(answer[1], n)), PQ_ERR_REPLAY);
    CHECK_EQ(pq_client_open(&c, data, n0, BYTES(answer[0], n)), PQ_ERR_REPLAY);
    CHECK_EQ(pq_client_open(&c, data, n0, span(v->rec1)), PQ_ERR_REPLAY);
    answer[1][1] ^= 1;
    CHECK_EQ(pq_client_open(&c, data, n0, BYTES(answer[1], n)), PQ_ERR_FORMAT);
    CHECK_EQ(pq_client_open(&c, data, n0, BYTES(answer[1], PQ_RECORD_OVERHEAD - 1)), PQ_ERR_LENGTH);

    int sent = pq_client_seal(&c, out, n1, TEXT("ok"));
    CHECK_EQ(pq_client_open(&c, data, n1, BYTES(out, (size_t)sent)), PQ_ERR_TAG); /* reflected */
    c.next = PQ_MAX_SESSION_SEQ;
    CHECK(!pq_client_ended(&c, 0));
    CHECK(pq_client_seal(&c, out, n1, TEXT("x")) > 0);
    CHECK_EQ(pq_nonce_seq(n1), PQ_MAX_SESSION_SEQ);
    CHECK_EQ(pq_client_seal(&c, out, n1, TEXT("x")), PQ_ERR_ENDED);
    CHECK(pq_client_ended(&c, 0));
    c.failed = PQ_SESSION_MAX_FAILED;
    int got = pq_server_seal(&s, out, n0, TEXT("ok"));
    CHECK_EQ(pq_client_open(&c, data, n0, BYTES(out, (size_t)got)), PQ_ERR_ENDED);
}

/* The window against a table of all numbers. */
static void test_window(void)
{
    static bool used[1200];
    uint64_t highest = 0, rng = 1;
    bool any = false;
    pq_window w = {0, 0};
    for (int i = 0; i < 20000; i++) {
        rng = rng * 6364136223846793005u + 1442695040888963407u;
        uint64_t seq = any ? highest + 3 : 0;
        seq -= (rng >> 40) % 80 < seq ? (rng >> 40) % 80 : seq;
        if ((rng >> 33) % 97 == 0)
            seq += 60 + (rng >> 50) % 10;
        if (seq >= sizeof used)
            break;
        bool fresh = !used[seq] && (!any || seq > highest || highest - seq < 64);
        CHECK_EQ(pq_window_fresh(&w, seq), fresh);
        if (fresh && (rng & 1u << 30) != 0) {
            pq_window_accept(&w, seq);
            used[seq] = any = true;
            highest = seq > highest ? seq : highest;
        }
    }
    CHECK(highest > 1000);
    pq_window far = {0, 0};
    pq_window_accept(&far, 5);
    pq_window_accept(&far, 1ull << 39);
    CHECK(!pq_window_fresh(&far, 5) && !pq_window_fresh(&far, 1ull << 39));
    CHECK(pq_window_fresh(&far, (1ull << 39) - 63) && !pq_window_fresh(&far, (1ull << 39) - 64));
}

static void test_echo(void)
{
    const uint8_t key[PQ_ECHO_KEY_SIZE] = {1, 2, 3}, other[PQ_ECHO_KEY_SIZE] = {9};
    pq_endpoint at = {{192, 0, 2, 1}, 4, 5683}, port = at, addr = at, six = at;
    port.port++;
    addr.addr[3]++;
    six.addr_len = 16;
    uint8_t e[PQ_ECHO_SIZE + 1] = {0};
    CHECK_EQ(pq_echo_mint(e, key, 0x01020304, &at), PQ_OK);
    CHECK_EQ(pq_load32_be(e), 0x01020304);
    pq_span echo = {e, PQ_ECHO_SIZE};
    CHECK(pq_echo_fresh(echo, key, 0x01020304, &at));
    CHECK(pq_echo_fresh(echo, key, 0x01020304 + PQ_ECHO_LIFETIME, &at));
    CHECK(!pq_echo_fresh(echo, key, 0x01020304 + PQ_ECHO_LIFETIME + 1, &at));
    CHECK(!pq_echo_fresh(echo, key, 0x01020303, &at));
    CHECK(!pq_echo_fresh(echo, other, 0x01020304, &at));
    CHECK(!pq_echo_fresh(echo, key, 0x01020304, &port));
    CHECK(!pq_echo_fresh(echo, key, 0x01020304, &addr));
    CHECK(!pq_echo_fresh(echo, key, 0x01020304, &six));
    CHECK(!pq_echo_fresh((pq_span){e, PQ_ECHO_SIZE - 1}, key, 0x01020304, &at));
    CHECK(!pq_echo_fresh((pq_span){e, PQ_ECHO_SIZE + 1}, key, 0x01020304, &at));
    CHECK(!pq_echo_fresh((pq_span){NULL, 0}, key, 0x01020304, &at));
    for (size_t bit = 0; bit < 8 * PQ_ECHO_SIZE; bit++) {
        e[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(!pq_echo_fresh(echo, key, 0x01020310, &at));
        e[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    CHECK(VECTORS >= 1);
    for (size_t i = 0; i < VECTORS; i++) {
        test_key_schedule(&vectors[i]);
        test_records(&vectors[i]);
        test_transcript_limits(&vectors[i]);
        test_server_refuses(&vectors[i]);
        test_client_refuses(&vectors[i]);
    }
    test_window();
    test_echo();
    return check_done("session");
}
