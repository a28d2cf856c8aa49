/* The sender and a gateway that means well, in virtual time: every timer to the
 * microsecond. sender_attack_test.c has the others. */
#include "world.h"

#include <stdlib.h>

#include "../../unit/check.h"

#define SECOND 1000000ull
#define CT     768 /* bytes of an ML-KEM-512 ciphertext */

static const pq_kem_params *const sets[] = {&pq_kem_512, &pq_kem_768, &pq_kem_1024};

/* --- Conversation */

static void conversation(void)
{
    for (unsigned i = 0; i < 6; i++) {
        world *w = world_new(sets[i % 3]);
        if (i >= 3) {
            w->config.psk = &w->psk;
            world_boot_sender(w);
        }
        uint64_t began = w->now;
        CHECK_EQ(world_send(w, "first"), PQ_OK);
        CHECK_EQ(world_send(w, "second"), PQ_OK);
        CHECK_EQ(world_send(w, "third"), PQ_OK);
        CHECK(world_accepted(w, 0, "first") && world_accepted(w, 1, "second") &&
              world_accepted(w, 2, "third"));
        CHECK_EQ(w->accepted_len, 3);
        CHECK_EQ(w->sessions, 1);
        CHECK_EQ(w->kinds[PQ_EVENT_SESSION], 1);
        CHECK_EQ(w->kinds[PQ_EVENT_MESSAGE], 3);
        CHECK_EQ(w->kinds[PQ_EVENT_REFUSED], 0);
        CHECK(w->now - began < SECOND / 10);
        for (unsigned n = 0; n < 3; n++) {
            const world_event *e = world_told(w, PQ_EVENT_MESSAGE, n);
            CHECK(e != NULL && e->seq == n && e->len == 2 && memcmp(e->text, "ok", 2) == 0);
            CHECK(e != NULL && memcmp(e->sid, w->server.keys.sid, PQ_SID_SIZE) == 0);
        }
        /* kem.encaps, hkdf, 3 × ccm.seal, 3 × ccm.open */
        CHECK_EQ(w->kinds[PQ_EVENT_TIMING], 8);
    }
}

/* What a watcher sees: the shapes of the table at the head of session.md. */
static void on_the_wire(void)
{
    world *w = world_new(&pq_kem_512);
    world_send(w, "x");
    world_send(w, "y");
    pq_coap get = world_parsed(world_sent(w, PQ_COAP_GET, 0));
    CHECK_EQ(get.path.len, 2);
    CHECK(get.etag.data == NULL && get.payload.data == NULL && get.echo.data == NULL);
    pq_coap shake = world_parsed(world_sent(w, PQ_COAP_POST, 0));
    CHECK_EQ(shake.content_format, PQ_CONTENT_FORMAT_HANDSHAKE_512);
    CHECK_EQ(shake.payload.len, CT + PQ_RECORD_OVERHEAD + 1);
    CHECK_EQ(shake.echo.len, PQ_ECHO_SIZE);
    CHECK(shake.query.data == NULL && shake.block1.data == NULL);
    pq_coap record = world_parsed(world_sent(w, PQ_COAP_POST, 1));
    CHECK_EQ(record.content_format, PQ_CONTENT_FORMAT_RECORD);
    CHECK_EQ(record.payload.len, PQ_RECORD_OVERHEAD + 1);
    CHECK(record.echo.data == NULL);
    CHECK_EQ(w->log_len, 3);
    /* Each request has a token of its own. */
    CHECK(memcmp(shake.token.data, record.token.data, 4) != 0);
}

/* The longest message with the largest options is one datagram of ML-KEM-512, and
 * goes by blocks with the others. */
static void longest(void)
{
    char text[PQ_MAX_FIRST_DATA + 2] = {0};
    memset(text, 'a', PQ_MAX_FIRST_DATA);
    for (unsigned i = 0; i < 3; i++) {
        world *w = world_new(sets[i]);
        w->psk.kid_len = PQ_MAX_KID;
        w->config.psk = &w->psk;
        world_boot_sender(w);
        CHECK_EQ(world_send(w, text), PQ_OK);
        CHECK_EQ(world_send(w, text), PQ_OK);
        CHECK_EQ(w->accepted_len, 2);
        CHECK_EQ(world_count(w, PQ_COAP_POST), i == 0 ? 2 : 3);
        for (unsigned n = 0; n < w->log_len; n++)
            CHECK(world_parsed(&w->log[n]).payload.len <= PQ_COAP_MAX_BODY);
    }
    text[PQ_MAX_FIRST_DATA] = 'a';
    CHECK_EQ(world_send(&the_world, text), PQ_ERR_LENGTH);
}

/* An empty message is one: the handshake cannot carry it, a record does. */
static void empty_message(void)
{
    world *w = world_new(&pq_kem_512);
    world_send(w, "");
    CHECK_EQ(w->kinds[PQ_EVENT_MESSAGE], 1);
    CHECK_EQ(w->accepted_len, 1);
    CHECK_EQ(world_told(w, PQ_EVENT_MESSAGE, 0)->seq, 1);
}

static size_t nothing(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    (void)w, (void)request, (void)answer, (void)len;
    return 0;
}

static void queue(void)
{
    world *w = world_new(&pq_kem_512);
    for (unsigned round = 0; round < 3; round++) {
        char text[] = "0";
        for (unsigned i = 0; i < PQ_SENDER_QUEUE; i++) {
            text[0] = (char)('0' + i);
            CHECK_EQ(pq_sender_send(&w->sender, (pq_span){(uint8_t *)text, 1}), PQ_OK);
        }
        CHECK_EQ(pq_sender_send(&w->sender, (pq_span){(uint8_t *)text, 1}), PQ_ERR_FULL);
        world_run(w, UINT64_MAX);
        CHECK_EQ(pq_sender_poll(&w->sender), PQ_SENDER_IDLE);
        for (unsigned i = 0; i < PQ_SENDER_QUEUE; i++) {
            text[0] = (char)('0' + i);
            CHECK(world_accepted(w, round * PQ_SENDER_QUEUE + i, text));
        }
    }
    CHECK_EQ(w->sessions, 1);
    CHECK(world_all_zero(w->sender.queue, sizeof w->sender.queue));
    /* What fails does so in order, and says which it was. */
    w->tap = nothing;
    for (const char *text = "ab"; *text != 0; text++)
        CHECK_EQ(pq_sender_send(&w->sender, (pq_span){(const uint8_t *)text, 1}), PQ_OK);
    world_run(w, UINT64_MAX);
    CHECK_EQ(w->kinds[PQ_EVENT_FAILED], 2);
    CHECK(world_told(w, PQ_EVENT_FAILED, 0)->text[0] == 'a');
    CHECK(world_told(w, PQ_EVENT_FAILED, 1)->text[0] == 'b');
}

static void bad_config(void)
{
    world *w = world_new(&pq_kem_512);
    pq_sender_config c = w->config;
    c.params = NULL;
    CHECK_EQ(pq_sender_init(&w->sender, &c), PQ_ERR_ARG);
    c = w->config;
    c.gateway.addr_len = 0;
    CHECK_EQ(pq_sender_init(&w->sender, &c), PQ_ERR_ARG);
    c = w->config;
    c.gateway.port = 0;
    CHECK_EQ(pq_sender_init(&w->sender, &c), PQ_ERR_ARG);
    w->psk.kid_len = 0;
    c = w->config;
    c.psk = &w->psk;
    CHECK_EQ(pq_sender_init(&w->sender, &c), PQ_ERR_ARG);
    w->random_fails = true;
    CHECK_EQ(pq_sender_init(&w->sender, &w->config), PQ_ERR_RANDOM);
    CHECK(world_all_zero(&w->sender, sizeof w->sender));
}

/* --- Timers */

/* RFC 7252 §4.2: the first time-out lies in 2–3 s, each doubles the last, and after
 * the fourth retransmission's it is over at once. */
static void retransmission(void)
{
    uint64_t least = UINT64_MAX, most = 0;
    for (unsigned i = 0; i < 200; i++) {
        world *w = world_new(&pq_kem_512);
        w->random += i * 0x9e3779b97f4a7c15u;
        w->tap = nothing;
        uint64_t began = w->now;
        world_send(w, "x");
        CHECK_EQ(w->log_len, 5);
        uint64_t first = w->log[1].at - w->log[0].at;
        CHECK(first >= 2 * SECOND && first <= 3 * SECOND);
        for (unsigned n = 1; n < 4; n++) {
            CHECK_EQ(w->log[n + 1].at - w->log[n].at, first << n);
            CHECK(w->log[n].len == w->log[0].len &&
                  memcmp(w->log[n].bytes, w->log[0].bytes, w->log[0].len) == 0);
        }
        CHECK_EQ(w->now - began, 31 * first);
        CHECK(world_failed_as(w, PQ_SENDER_NO_ANSWER));
        least = first < least ? first : least;
        most = first > most ? first : most;
    }
    CHECK(least < 2050000 && most > 2950000);
}

static size_t forbid_posts(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    (void)w;
    return request->code == PQ_COAP_POST ? world_answer(answer, request, PQ_COAP_FORBIDDEN, "psk")
                                         : len;
}

/* Refusals are waited out for 2, 4, 8 … 60 s, to the microsecond, and each is
 * followed by a handshake of its own; the total time-out ends it. */
static void back_off(void)
{
    world *w = world_new(&pq_kem_512);
    w->tap = forbid_posts;
    w->config.timeout_s = 1000;
    world_boot_sender(w);
    uint64_t began = w->now;
    world_send(w, "x");
    CHECK(world_failed_as(w, PQ_SENDER_TIMEOUT));
    CHECK_EQ(w->now - began, 1000 * SECOND);
    static const uint32_t want[] = {2, 4, 8, 16, 32, 60, 60, 60};
    for (unsigned i = 0; i < 8; i++) {
        const world_event *e = world_told(w, PQ_EVENT_REFUSED, i);
        CHECK(e != NULL && e->us == want[i] * SECOND && strcmp(e->name, "4.03") == 0);
        CHECK(e != NULL && e->len == 3 && memcmp(e->text, "psk", 3) == 0);
        const world_packet *get = world_sent(w, PQ_COAP_GET, i + 1);
        CHECK(get != NULL && e != NULL && get->at - e->at == want[i] * SECOND);
    }
    CHECK_EQ(w->kinds[PQ_EVENT_SESSION], 0);
    /* A new handshake has a new ciphertext, and its GET asks only whether the key is
     * still the same. */
    CHECK(world_parsed(world_sent(w, PQ_COAP_GET, 1)).etag.len == PQ_ETAG_SIZE);
    pq_coap first = world_parsed(world_sent(w, PQ_COAP_POST, 0)), next = first;
    for (unsigned i = 1; next.mid == first.mid; i++)
        next = world_parsed(world_sent(w, PQ_COAP_POST, i));
    CHECK(memcmp(first.payload.data, next.payload.data, CT) != 0);
    w->tap = NULL;
    world_send(w, "y");
    CHECK_EQ(w->kinds[PQ_EVENT_MESSAGE], 1);
    CHECK_EQ(w->sender.backoff, 2 * SECOND); /* what verifies sets it back */
}

static size_t unavailable(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    if (request->code != PQ_COAP_POST)
        return len;
    pq_coap_writer c;
    pq_coap_begin(&c, answer, WORLD_PACKET, PQ_COAP_ACK, PQ_COAP_UNAVAILABLE, request->mid,
                  request->token);
    pq_coap_option_uint(&c, PQ_COAP_MAX_AGE, w->step++ % 2 == 0 ? 10 : 604800);
    return (size_t)pq_coap_end(&c);
}

static void max_age(void)
{
    world *w = world_new(&pq_kem_512);
    w->tap = unavailable;
    world_send(w, "x");
    CHECK_EQ(world_told(w, PQ_EVENT_REFUSED, 0)->us, 10 * SECOND);
    CHECK_EQ(world_told(w, PQ_EVENT_REFUSED, 1)->us, 60 * SECOND); /* not a week */
    CHECK(world_failed_as(w, PQ_SENDER_TIMEOUT));
}

/* --- Separate responses (§5.2.2) */

static size_t separately(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    uint8_t ack[4];
    pq_coap_empty(ack, PQ_COAP_ACK, request->mid);
    world_arrive(w, ack, sizeof ack);
    answer[0] = (uint8_t)((answer[0] & 0xcf) | PQ_COAP_CON << 4);
    answer[2] = 0x77;
    answer[3] = (uint8_t)w->step++;
    world_arrive(w, answer, len);
    return len; /* and once more: its acknowledgement was lost */
}

static void separate_response(void)
{
    world *w = world_new(&pq_kem_512);
    w->tap = separately;
    world_send(w, "0");
    world_send(w, "1");
    CHECK(world_accepted(w, 0, "0") && world_accepted(w, 1, "1") && w->accepted_len == 2);
    CHECK_EQ(w->kinds[PQ_EVENT_MESSAGE], 2);
    unsigned acks = 0;
    for (unsigned i = 0; i < w->log_len; i++) {
        CHECK(w->log[i].bytes[0] >> 4 != 7); /* no Reset */
        acks += w->log[i].len == 4 && w->log[i].bytes[0] == 0x60;
    }
    world_run(w, w->now + SECOND);
    CHECK_EQ(acks, 6); /* two for each of three requests */
    CHECK_EQ(w->log[w->log_len - 1].bytes[0], 0x60);
}

/* After an empty ACK nothing is retransmitted, but the time is bounded. */
static size_t only_ack(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    (void)w, (void)len;
    pq_coap_empty(answer, PQ_COAP_ACK, request->mid);
    return 4;
}

static void silence_after_ack(void)
{
    world *w = world_new(&pq_kem_512);
    w->tap = only_ack;
    uint64_t began = w->now;
    world_send(w, "x");
    CHECK_EQ(w->log_len, 1);
    CHECK(world_failed_as(w, PQ_SENDER_NO_ANSWER));
    CHECK_EQ(w->now - began, 93 * SECOND + WORLD_DELAY);
}

/* --- Sessions end */

/* The gateway forgets; the sender finds out, waits, and shakes hands afresh. */
static void reboot(void)
{
    world *w = world_new(&pq_kem_512);
    world_send(w, "0");
    world_send(w, "1");
    world_reboot(w);
    uint64_t began = w->now;
    world_send(w, "2");
    CHECK_EQ(w->now - began, 2 * SECOND + 3 * WORLD_DELAY);
    const world_event *e = world_told(w, PQ_EVENT_REFUSED, 0);
    CHECK(e != NULL && strcmp(e->name, "4.01") == 0 && e->len == 26);
    world_send(w, "3");
    CHECK(world_accepted(w, 2, "2") && world_accepted(w, 3, "3") && w->accepted_len == 4);
    CHECK_EQ(w->sessions, 2);
    CHECK_EQ(world_count(w, PQ_COAP_GET), 2);
    pq_coap refresh = world_parsed(world_sent(w, PQ_COAP_GET, 1));
    CHECK(refresh.etag.len == PQ_ETAG_SIZE && refresh.echo.data == NULL);
}

/* A session that was given up is never used again, not even when the handshake after it
 * has failed. */
static void given_up(void)
{
    world *w = world_new(&pq_kem_512);
    world_send(w, "0");
    w->tap = forbid_posts;
    world_send(w, "1");
    CHECK(world_failed_as(w, PQ_SENDER_TIMEOUT));
    CHECK(world_all_zero(&w->sender.client, sizeof w->sender.client));
    w->tap = NULL;
    unsigned posts = world_count(w, PQ_COAP_POST);
    world_send(w, "2");
    CHECK_EQ(world_parsed(world_sent(w, PQ_COAP_POST, posts)).content_format,
             PQ_CONTENT_FORMAT_HANDSHAKE_512);
    CHECK_EQ(w->kinds[PQ_EVENT_MESSAGE], 2);
}

static void limits(void)
{
    world *w = world_new(&pq_kem_512);
    world_send(w, "0");
    w->sender.client.next = PQ_MAX_SESSION_SEQ; /* as if records 1 … 2^20 − 1 had left */
    w->server.window.next = PQ_MAX_SESSION_SEQ;
    world_send(w, "1");
    CHECK_EQ(world_told(w, PQ_EVENT_MESSAGE, 1)->seq, PQ_MAX_SESSION_SEQ);
    CHECK_EQ(w->sessions, 1);
    world_send(w, "2");
    CHECK_EQ(w->sessions, 2);
    w->now += PQ_SESSION_MAX_AGE_S * SECOND - SECOND;
    world_send(w, "3");
    CHECK_EQ(w->sessions, 2);
    w->now += SECOND;
    world_send(w, "4");
    CHECK_EQ(w->sessions, 3);
    w->sender.client.failed = PQ_SESSION_MAX_FAILED;
    world_send(w, "5");
    CHECK_EQ(w->sessions, 4);
    CHECK_EQ(w->accepted_len, 6);
    CHECK_EQ(w->kinds[PQ_EVENT_REFUSED], 0);
    CHECK_EQ(w->kinds[PQ_EVENT_FAILED], 0);
}

/* --- Message ids */

static uint64_t used_at[65536];
static uint64_t soonest;

static size_t note_mid(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    (void)answer;
    uint64_t last = used_at[request->mid];
    if (last != 0 && w->now - last < soonest)
        soonest = w->now - last;
    used_at[request->mid] = w->now;
    return len;
}

/* 200,000 messages as fast as they go: no id comes twice in EXCHANGE_LIFETIME (§4.4),
 * and no message fails for want of one. */
static void message_ids(void)
{
    world *w = world_new(&pq_kem_512);
    w->keep_log = false;
    w->tap = note_mid;
    soonest = UINT64_MAX;
    uint64_t began = w->now;
    for (unsigned i = 0; i < 200000; i++)
        world_send(w, "x");
    CHECK_EQ(w->kinds[PQ_EVENT_MESSAGE], 200000);
    CHECK(soonest >= PQ_COAP_EXCHANGE_LIFETIME * SECOND);
    /* Nor is it much slower than it must be. */
    CHECK(w->now - began < 4 * PQ_COAP_EXCHANGE_LIFETIME * SECOND);
}

/* --- The board's own faults */

static void no_random(void)
{
    world *w = world_new(&pq_kem_512);
    w->random_fails = true;
    world_send(w, "x");
    CHECK(world_failed_as(w, PQ_SENDER_FAULT));
    CHECK_EQ(w->log_len, 0);
    w->random_fails = false;
    world_send(w, "y");
    CHECK_EQ(w->kinds[PQ_EVENT_MESSAGE], 1);
}

static size_t random_ends(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    (void)request, (void)answer;
    w->random_fails = true;
    return len;
}

/* Without randomness there is no encapsulation. */
static void no_random_to_encapsulate(void)
{
    world *w = world_new(&pq_kem_512);
    w->tap = random_ends;
    world_send(w, "x");
    CHECK(world_failed_as(w, PQ_SENDER_FAULT));
    CHECK_EQ(world_count(w, PQ_COAP_POST), 0);
}

int main(void)
{
    conversation();
    on_the_wire();
    longest();
    empty_message();
    queue();
    bad_config();
    retransmission();
    back_off();
    max_age();
    separate_response();
    silence_after_ack();
    reboot();
    given_up();
    limits();
    message_ids();
    no_random();
    no_random_to_encapsulate();
    return check_done("sender");
}
