/* Any mixture of requests, whole or mutated, from several sources, blocks,
 * duplicates and passing time, against a gateway with one session in being.
 *
 * Whatever comes: each answer is a message that belongs to its request; what was
 * mutated is never accepted, what was accepted is never accepted again; the
 * buckets hold; and in the end the session still works. */
#include "fuzz.h"

#include <string.h>

#include "fake_port.h"
#include "gateway_rig.h"

#define SECOND  1000000u
#define SOURCES 4
#define SEQS    256
#define HOST    200 /* of the session in being */

static struct {
    rig_key key;
    pq_gateway gateway; /* with the session open */
    rig_peer peer;
} prepared[3];
static const rig_key *key;
static pq_gateway g;
static rig_told told;
static rig_peer peers[SOURCES], owner;
static bool accepted[SEQS];
static uint8_t in_flight[PQ_GATEWAY_DATAGRAM_MAX + 1024], last_answer[PQ_GATEWAY_ANSWER_MAX];
static size_t in_flight_len, last_len;
static const rig_peer *last_from;
static int last_genuine;

static void prepare(void)
{
    const pq_kem_params *all[3] = {&pq_kem_512, &pq_kem_768, &pq_kem_1024};
    for (size_t i = 0; i < 3; i++) {
        rig_key_make(&prepared[i].key, all[i]);
        pq_gateway_config c = rig_config(&prepared[i].key, &told);
        fake.now = 100 * SECOND;
        MUST(pq_gateway_init(&prepared[i].gateway, &c) == PQ_OK);
        prepared[i].peer = rig_peer_at(HOST);
        MUST(rig_open(&prepared[i].gateway, &prepared[i].peer, &prepared[i].key, 0, "") ==
             PQ_COAP_CHANGED);
    }
}

/* Gives the datagram in in_flight to the gateway. genuine: the number of its
 * record in the session of owner, −1 if it is none. */
static void deliver(const rig_peer *from, int genuine)
{
    unsigned messages = told.messages;
    memset(rig_answer, 0x5a, sizeof rig_answer);
    uint8_t *exact = malloc(in_flight_len > 0 ? in_flight_len : 1); /* ASan sees its end */
    MUST(exact != NULL);
    memcpy(exact, in_flight, in_flight_len);
    size_t n = pq_gateway_receive(&g, &from->at, exact, in_flight_len, rig_answer);
    free(exact);
    MUST(n <= PQ_GATEWAY_ANSWER_MAX);
    memcpy(last_answer, rig_answer, n);
    last_len = n;
    last_from = from;
    last_genuine = genuine;
    if (n > 0) {
        pq_coap m;
        MUST(pq_coap_parse(&m, rig_answer, n) == PQ_OK && m.unrecognised == 0);
        bool con = (in_flight[0] >> 4 & 3) == PQ_COAP_CON;
        MUST(m.type == (m.code == 0 ? PQ_COAP_RST : con ? PQ_COAP_ACK : PQ_COAP_NON));
        MUST(!con || memcmp(rig_answer + 2, in_flight + 2, 2) == 0);
        MUST(m.code == 0 || (m.token.len == (in_flight[0] & 15u) &&
                             memcmp(m.token.data, in_flight + 4, m.token.len) == 0));
        MUST(m.code != PQ_COAP_UNAUTHORIZED || n <= PQ_GATEWAY_KEPT);
    }
    if (told.messages == messages)
        return;
    MUST(told.messages == messages + 1);
    if (genuine >= 0) {
        MUST(told.seq == (uint64_t)genuine && !accepted[genuine]);
        accepted[genuine] = true;
    } else {
        MUST(told.seq == 0); /* of a handshake */
    }
}

/* Changes some bytes behind the token; returns whether it did. */
static bool mutate(input *in)
{
    uint8_t before[sizeof in_flight];
    memcpy(before, in_flight, in_flight_len);
    size_t was = in_flight_len;
    uint8_t how = take8(in);
    for (int i = how & 3; i > 0 && in_flight_len > 0; i--)
        in_flight[take16(in) % in_flight_len] ^= take8(in);
    if (how & 4)
        in_flight_len = take16(in) % (in_flight_len + 1);
    if (how & 8) {
        size_t n;
        const uint8_t *more = take_bytes(in, take8(in), &n);
        if (n > 0)
            memcpy(in_flight + in_flight_len, more, n);
        in_flight_len += n;
    }
    return was != in_flight_len || memcmp(before, in_flight, was) != 0;
}

static bool seldom(input *in)
{
    return take8(in) % 4 == 0;
}

static void raw(input *in, rig_peer *p)
{
    size_t n;
    const uint8_t *b = take_bytes(in, take8(in) * 6u, &n);
    if (n > 0)
        memcpy(in_flight, b, n);
    in_flight_len = n;
    deliver(p, -1);
}

static void get(input *in, rig_peer *p)
{
    uint8_t how = take8(in);
    pq_coap_block b = {take8(in) % 8, false, take8(in) % 7};
    rig_request r = {.code = how & 1 ? PQ_COAP_GET : take8(in) & 31, .format = -1};
    r.etag = how & 2;
    r.echo = how & 4;
    r.block2 = how & 8 ? &b : NULL;
    p->type = how & 16 ? PQ_COAP_NON : PQ_COAP_CON;
    in_flight_len = rig_build(in_flight, p, key, &r);
    if (seldom(in))
        mutate(in);
    deliver(p, -1);
    pq_coap m;
    if (last_len > 0 && pq_coap_parse(&m, last_answer, last_len) == PQ_OK &&
        m.echo.len == PQ_ECHO_SIZE)
        memcpy(p->echo, m.echo.data, PQ_ECHO_SIZE);
}

/* A record with any of the first numbers, by whoever. */
static void record(input *in, rig_peer *p)
{
    uint8_t seq = take8(in), how = take8(in), nonce[PQ_NONCE_SIZE], text[40] = {0};
    uint8_t body[sizeof text + PQ_RECORD_OVERHEAD];
    pq_client c = owner.client;
    c.next = seq;
    int n = pq_client_seal(&c, body, nonce, (pq_span){text, how % sizeof text});
    rig_request r = {
        .code = PQ_COAP_POST, .format = PQ_CONTENT_FORMAT_RECORD, .body = {body, (size_t)n}};
    pq_coap_block whole = {0, false, 6};
    r.block1 = how & 64 ? &whole : NULL;
    p->type = how & 128 ? PQ_COAP_NON : PQ_COAP_CON;
    in_flight_len = rig_build(in_flight, p, key, &r);
    bool changed = false;
    if (seldom(in)) {
        size_t at = in_flight_len - (size_t)n + take8(in) % (size_t)n;
        uint8_t by = take8(in);
        in_flight[at] ^= by; /* inside of the record: it must not pass */
        changed = by != 0;
    } else if (seldom(in)) {
        mutate(in);
    }
    unsigned before = told.messages;
    deliver(p, seq);
    MUST(!changed || told.messages == before);
}

static void handshake(input *in, rig_peer *p)
{
    static uint8_t body[PQ_KEM_MAX_CT_BYTES + PQ_MAX_FIRST_DATA + PQ_RECORD_OVERHEAD];
    uint8_t how = take8(in), ct = 1 + take8(in) % (RIG_CTS - 1), text[PQ_MAX_FIRST_DATA] = {0};
    p->psk = how & 1 ? take8(in) % PQ_GATEWAY_PSKS : PQ_GATEWAY_PSKS;
    if (how & 2)
        rig_refresh(&g, p, key);
    rig_peer who = *p;
    size_t n = rig_handshake(body, &who, key, ct, (pq_span){text, take8(in) % sizeof text});
    if (how & 4)
        body[take16(in) % n] ^= take8(in);
    if (how & 8) /* a session id that fits the ciphertext again */
        pq_session_id(body + key->params->ct_bytes + 1, (pq_span){body, key->params->ct_bytes});
    uint8_t szx = how & 16 ? 6 : take8(in) % 7;
    bool blocks = n > 1024 || how & 32;
    rig_request r = {.code = PQ_COAP_POST,
                     .format = pq_suite_format(pq_suite(key->params)),
                     .kid = how & 1,
                     .echo = true,
                     .body = {body, n}};
    pq_coap_block b = {0, false, blocks ? szx : 6};
    r.tag = (pq_span){how & 64 ? body : NULL, how & 64 ? 2 : 0};
    p->type = PQ_COAP_CON;
    for (size_t at = 0, size = pq_coap_block_size(&b); at < n; at += size, b.num++) {
        b.more = blocks && n - at > size;
        if (blocks) {
            r.block1 = &b;
            r.body = (pq_span){body + at, b.more ? size : n - at};
        }
        if (take8(in) % 16 == 1)
            continue; /* lost */
        in_flight_len = rig_build(in_flight, p, key, &r);
        if (take8(in) % 16 == 1)
            mutate(in);
        deliver(p, -1);
        if (!blocks || (last_len > 0 && last_answer[1] != PQ_COAP_CONTINUE))
            break;
    }
}

/* The last datagram again: if it was accepted the answer is the same. */
static void again(void)
{
    if (last_from == NULL)
        return;
    uint8_t before[PQ_GATEWAY_ANSWER_MAX];
    size_t n = last_len;
    unsigned messages = told.messages, decaps = told.decaps;
    memcpy(before, last_answer, n);
    deliver(last_from, last_genuine);
    if (n > 0 && before[1] == PQ_COAP_CHANGED) {
        bool con = (before[0] >> 4 & 3) == PQ_COAP_ACK;
        MUST(told.messages == messages && told.decaps == decaps);
        MUST(con ? last_len == n && memcmp(before, last_answer, n) == 0 : last_len == 0);
    }
}

/* In the end: time for the buckets, a record that is fresh for certain. */
static void works(void)
{
    fake.now += 2 * SECOND;
    owner.client.next = 5000;
    owner.mid = 0x7000;
    owner.type = PQ_COAP_CON;
    MUST(rig_send(&g, &owner, key, "still here") == PQ_COAP_CHANGED);
    MUST(told.seq == 5000 && told.len == 10);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (prepared[0].key.params == NULL)
        prepare();
    input in = {data, size};
    size_t which = take8(&in) % 8; /* the small set is the fast one */
    which = which > 2 ? 0 : which;
    key = &prepared[which].key;
    g = prepared[which].gateway;
    owner = prepared[which].peer;
    memset(accepted, 0, sizeof accepted);
    accepted[0] = true;
    memset(&told, 0, sizeof told);
    fake.now = 100 * SECOND;
    last_from = NULL;
    for (uint8_t i = 0; i < SOURCES; i++)
        peers[i] = rig_peer_at((uint8_t)(i + 1));
    uint64_t began = fake.now;
    for (int steps = 0; in.n > 0 && steps < 60 && fake.now - began < 40 * SECOND; steps++) {
        uint8_t op = take8(&in);
        rig_peer *p = op & 128 ? &owner : &peers[op >> 4 & 3];
        switch (op % 8) {
        case 0:
            raw(&in, p);
            break;
        case 1:
            get(&in, p);
            break;
        case 2:
        case 3:
            record(&in, p);
            break;
        case 4:
        case 5:
            handshake(&in, p);
            break;
        case 6:
            again();
            break;
        default:
            fake.now += (uint64_t)take8(&in) * 20000;
            break;
        }
        owner.psk = PQ_GATEWAY_PSKS;
    }
    MUST(told.decaps <= 10 + 10 * (fake.now - began) / SECOND);
    works();
    return 0;
}
