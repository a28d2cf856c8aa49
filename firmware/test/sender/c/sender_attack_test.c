/* The sender against bad keys, forged, replayed and broken answers, in virtual time:
 * the sender's rows of the protocol's survival table, and more. */
#include "world.h"

#include "../../unit/check.h"

#define SECOND 1000000ull
#define CT     768 /* bytes of an ML-KEM-512 ciphertext */

static const pq_kem_params *const sets[] = {&pq_kem_512, &pq_kem_768, &pq_kem_1024};

/* --- The key (session.md: at the sender, ek ≠ pin, a coefficient ≥ q, wrong length) */

static uint8_t bad_key[PQ_KEM_MAX_EK_BYTES + 1];
static size_t bad_len;

static size_t serve_bad_key(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    (void)w;
    if (request->code != PQ_COAP_GET)
        return len;
    pq_coap_writer c;
    pq_coap_begin(&c, answer, WORLD_PACKET, PQ_COAP_ACK, PQ_COAP_CONTENT, request->mid,
                  request->token);
    pq_coap_option_uint(&c, PQ_COAP_CONTENT_FORMAT, PQ_CONTENT_FORMAT_KEY);
    uint8_t *p = pq_coap_payload(&c, bad_len);
    if (p != NULL)
        memcpy(p, bad_key, bad_len);
    return (size_t)pq_coap_end(&c);
}

/* Nothing is sent to a gateway whose key is not the right one. */
static void refuses_key(const char *why, bool pinned)
{
    world *w = &the_world;
    w->tap = serve_bad_key;
    if (pinned)
        CHECK_EQ(pq_sha256(w->config.pin, &(pq_span){bad_key, bad_len}, 1), PQ_OK);
    world_boot_sender(w);
    uint64_t began = w->now;
    world_send(w, "secret");
    CHECK(world_failed_as(w, why));
    CHECK(w->now - began < SECOND); /* hard: no second try */
    CHECK_EQ(world_count(w, PQ_COAP_POST), 0);
    CHECK_EQ(world_count(w, PQ_COAP_GET), 1);
}

static void bad_keys(void)
{
    for (unsigned i = 0; i < 6; i++) {
        world *w = world_new(&pq_kem_512);
        bad_len = 800;
        memcpy(bad_key, w->ek, sizeof bad_key - 1);
        switch (i) {
        case 0: /* another key */
            bad_key[799] ^= 1;
            refuses_key(PQ_SENDER_PIN, false);
            break;
        case 1: /* a coefficient of 3329 = q, the first */
            bad_key[0] = 0x01, bad_key[1] = (uint8_t)((bad_key[1] & 0xf0) | 0x0d);
            refuses_key(PQ_SENDER_KEY, true);
            break;
        case 2: /* and 4095, the last */
            bad_key[766] |= 0xf0, bad_key[767] = 0xff;
            refuses_key(PQ_SENDER_KEY, true);
            break;
        default: /* cut, empty, long */
            bad_len = i == 3 ? 799 : i == 4 ? 0 : 801;
            refuses_key(PQ_SENDER_KEY, true);
        }
    }
}

/* The ETag of the second block is another's, or the block is not the one asked for. */
static size_t changed_blocks(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    pq_coap_block b;
    if (request->block2.data != NULL && pq_coap_block_parse(&b, request->block2) == PQ_OK) {
        pq_coap m;
        CHECK_EQ(pq_coap_parse(&m, answer, len), PQ_OK);
        const uint8_t *change = w->step == 0 ? m.etag.data : m.block2.data;
        answer[change - answer] ^= w->step == 0 ? 1 : 0x10;
    }
    return len;
}

static void key_in_blocks(void)
{
    for (unsigned i = 0; i < 2; i++) {
        world *w = world_new(&pq_kem_1024);
        w->tap = changed_blocks;
        w->step = i;
        world_send(w, "x");
        CHECK(world_failed_as(w, PQ_SENDER_KEY));
        CHECK_EQ(world_count(w, PQ_COAP_POST), 0);
        CHECK_EQ(world_count(w, PQ_COAP_GET), 2);
    }
}

static size_t shakes_only_badly(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    (void)w;
    if (request->code == PQ_COAP_POST)
        answer[len - 1] ^= 1;
    return len;
}

/* Trust on first use: pinned once the session is confirmed, and not before. */
static void first_use(void)
{
    world *w = world_new(&pq_kem_512);
    w->config.trust_on_first_use = true;
    memset(w->config.pin, 0, sizeof w->config.pin);
    world_boot_sender(w);
    w->tap = shakes_only_badly;
    world_send(w, "x");
    CHECK_EQ(w->kinds[PQ_EVENT_PINNED], 0);
    w->tap = NULL;
    world_send(w, "y");
    const world_event *e = world_told(w, PQ_EVENT_PINNED, 0);
    CHECK(e != NULL && e->len == 32 && memcmp(e->text, w->pin, 32) == 0);
    CHECK_EQ(w->kinds[PQ_EVENT_PINNED], 1);
    /* From now on it is this key or none. */
    unsigned posts = world_count(w, PQ_COAP_POST);
    memcpy(bad_key, w->ek, sizeof bad_key - 1);
    bad_key[799] ^= 1;
    bad_len = 800;
    w->tap = serve_bad_key;
    w->now += PQ_SESSION_MAX_AGE_S * SECOND;
    world_send(w, "z");
    CHECK(strcmp(world_told(w, PQ_EVENT_FAILED, 1)->name, PQ_SENDER_PIN) == 0);
    CHECK_EQ(world_count(w, PQ_COAP_POST), posts);
}

/* --- Echo */

static size_t stale_once(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    (void)answer;
    if (request->code == PQ_COAP_GET)
        w->echo[11]++; /* the Echo in this very answer is stale already */
    return len;
}

/* 4.01 + Echo: the same ciphertext at once, under other keys. */
static void stale_echo(void)
{
    for (unsigned i = 0; i < 3; i++) {
        world *w = world_new(sets[i]);
        w->tap = stale_once;
        uint64_t began = w->now;
        world_send(w, "x");
        CHECK(w->now - began < SECOND / 10);
        CHECK(world_accepted(w, 0, "x"));
        CHECK_EQ(w->kinds[PQ_EVENT_REFUSED], 0);
        pq_coap a = world_parsed(world_sent(w, PQ_COAP_POST, 0)),
                b = world_parsed(world_sent(w, PQ_COAP_POST, 1));
        CHECK(a.mid != b.mid && memcmp(a.token.data, b.token.data, 4) != 0);
        CHECK(memcmp(a.payload.data, b.payload.data, CT) == 0);
        if (i == 0) {
            CHECK(memcmp(a.payload.data, b.payload.data, CT + PQ_NONCE_SIZE) == 0);
            CHECK(memcmp(a.payload.data + CT + PQ_NONCE_SIZE, b.payload.data + CT + PQ_NONCE_SIZE,
                         PQ_TAG_SIZE + 1) != 0);
        } else { /* a Request-Tag of its own */
            CHECK(memcmp(a.request_tag.data, b.request_tag.data, 4) != 0);
        }
    }
}

static size_t echo_for_ever(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    if ((request->code == PQ_COAP_POST) == (w->step == 0)) {
        pq_coap_writer c;
        pq_coap_begin(&c, answer, WORLD_PACKET, PQ_COAP_ACK, PQ_COAP_UNAUTHORIZED, request->mid,
                      request->token);
        pq_coap_option(&c, PQ_COAP_ECHO, "another echo", 12);
        return (size_t)pq_coap_end(&c);
    }
    return len;
}

/* At most three repeats; then it is a hint like another. */
static void echo_limit(void)
{
    world *w = world_new(&pq_kem_512);
    w->tap = echo_for_ever;
    world_send(w, "x");
    CHECK(world_failed_as(w, PQ_SENDER_TIMEOUT));
    unsigned posts = world_count(w, PQ_COAP_POST);
    CHECK(posts >= 8);
    for (unsigned i = 0, n = 0, last = 0; i < posts; i++) {
        pq_coap m = world_parsed(world_sent(w, PQ_COAP_POST, i));
        if (i > 0 && m.mid == last)
            continue; /* a retransmission during the back-off */
        last = m.mid;
        bool same =
            n > 0 && memcmp(m.payload.data,
                            world_parsed(world_sent(w, PQ_COAP_POST, i - 1)).payload.data, CT) == 0;
        n = same ? n + 1 : 1;
        CHECK(n <= 4);
        CHECK(same || i == 0 || n == 1);
    }
    w = world_new(&pq_kem_512);
    w->tap = echo_for_ever;
    w->step = 1; /* to GET */
    world_send(w, "x");
    CHECK_EQ(world_count(w, PQ_COAP_POST), 0);
    CHECK_EQ(world_parsed(world_sent(w, PQ_COAP_GET, 3)).echo.len, 12);
    CHECK(world_sent(w, PQ_COAP_GET, 4)->at - world_sent(w, PQ_COAP_GET, 3)->at >= 2 * SECOND);
}

/* A forged 4.01 + Echo makes the sender repeat; the genuine answer to the first
 * offer counts nevertheless. */
static size_t forged_echo_first(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    (void)answer;
    if (request->code != PQ_COAP_POST)
        return len;
    if (w->step++ == 0) {
        uint8_t forged[WORLD_PACKET];
        w->step = 0;
        world_arrive(w, forged, echo_for_ever(w, request, forged, 0));
        w->step = 1;
        return len;
    }
    return 0; /* whatever the gateway says to the second */
}

static void earlier_offer(void)
{
    world *w = world_new(&pq_kem_512);
    w->tap = forged_echo_first;
    uint64_t began = w->now;
    world_send(w, "x");
    CHECK_EQ(w->kinds[PQ_EVENT_MESSAGE], 1);
    CHECK_EQ(world_count(w, PQ_COAP_POST), 2);
    CHECK(w->now - began < SECOND / 10);
    w->tap = NULL;
    world_send(w, "y");
    CHECK(world_accepted(w, 1, "y") && w->sessions == 1);
    CHECK(world_all_zero(w->sender.ss, sizeof w->sender.ss));
    CHECK(world_all_zero(w->sender.offers, sizeof w->sender.offers));
}
/* --- Answers that nothing authenticates */

/* Where a payload begins in an answer. */
static size_t payload_at(const uint8_t *answer, size_t len)
{
    pq_coap m;
    CHECK_EQ(pq_coap_parse(&m, answer, len), PQ_OK);
    return m.payload.data == NULL ? len : (size_t)(m.payload.data - answer);
}

enum {
    BAD_TAG,
    BAD_NONCE,
    OTHER_REQUEST, /* right under the keys, but bound to another N_req */
    PREVIOUS,      /* the answer to the message before */
    NO_FORMAT,
    SHORT_RECORD,
    LONG_RECORD,
    NOT_FOUND_CONTEXT,
    FORBIDDEN,
    RESET,
    NOISE,
    CRITICAL_OPTION,
    OTHER_TOKEN,
    OTHER_MID,
    FORGERIES,
};

static unsigned forgery;
static uint8_t previous[WORLD_PACKET];
static size_t previous_len;

/* The genuine record, but not said to be one. */
static size_t without_format(const pq_coap *request, uint8_t *answer, size_t len)
{
    uint8_t record[WORLD_PACKET];
    size_t at = payload_at(answer, len);
    memcpy(record, answer + at, len - at);
    pq_coap_writer c;
    pq_coap_begin(&c, answer, WORLD_PACKET, PQ_COAP_ACK, PQ_COAP_CHANGED, request->mid,
                  request->token);
    uint8_t *p = pq_coap_payload(&c, len - at);
    if (p != NULL)
        memcpy(p, record, len - at);
    return (size_t)pq_coap_end(&c);
}

/* Makes the forgery out of the genuine answer. */
static size_t forge(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    size_t at = payload_at(answer, len);
    uint8_t nonce[PQ_NONCE_SIZE];
    switch (forgery) {
    case BAD_TAG:
        answer[len - 1] ^= 1;
        return len;
    case BAD_NONCE:
        answer[at + PQ_NONCE_SIZE - 1] ^= 1;
        return len;
    case OTHER_REQUEST:
        memcpy(nonce, request->payload.data + request->payload.len - PQ_RECORD_OVERHEAD - 1,
               sizeof nonce);
        nonce[12] ^= 1;
        CHECK(pq_server_seal(&w->server, answer + at, nonce, (pq_span){(uint8_t *)"no", 2}) > 0);
        return len;
    case PREVIOUS:
        if (previous_len == 0)
            return 0;
        memcpy(answer + at, previous, previous_len);
        return at + previous_len;
    case NO_FORMAT:
        return without_format(request, answer, len);
    case SHORT_RECORD:
        return at + 20;
    case LONG_RECORD:
        memset(answer + len, 0, 1200);
        return len + 1200;
    case NOT_FOUND_CONTEXT:
        return world_answer(answer, request, PQ_COAP_UNAUTHORIZED, "Security context not found");
    case FORBIDDEN:
        return world_answer(answer, request, PQ_COAP_FORBIDDEN, "psk");
    case RESET:
        pq_coap_empty(answer, PQ_COAP_RST, request->mid);
        return 4;
    case NOISE:
        answer[8] = 0xf0;
        return len;
    case CRITICAL_OPTION: /* Content-Format becomes If-None-Match, 5 */
        answer[8] = (uint8_t)((answer[8] & 0x0f) | 0x50);
        return len;
    case OTHER_TOKEN:
        answer[7] ^= 1;
        return len;
    default:
        answer[3] ^= 1;
        return len;
    }
}

/* The forgery, and then the genuine answer. */
static size_t forged_ahead(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    if (request->code != PQ_COAP_POST)
        return len;
    uint8_t forged[WORLD_PACKET];
    memcpy(forged, answer, len);
    size_t n = forge(w, request, forged, len);
    if (n > 0)
        world_arrive(w, forged, n);
    size_t at = payload_at(answer, len);
    previous_len = len - at;
    memcpy(previous, answer + at, previous_len);
    return len;
}

/* What nothing authenticates neither is believed nor keeps the genuine answer from
 * being heard, nor does it make a second session. */
static void genuine_after_forged(void)
{
    for (forgery = 0; forgery < FORGERIES; forgery++) {
        world *w = world_new(&pq_kem_512);
        previous_len = 0;
        w->tap = forged_ahead;
        uint64_t began = w->now;
        char text[] = "0";
        for (; text[0] < '5'; text[0]++) {
            world_send(w, text);
            CHECK(world_accepted(w, (unsigned)(text[0] - '0'), text));
        }
        CHECK_EQ(w->accepted_len, 5);
        CHECK_EQ(w->kinds[PQ_EVENT_MESSAGE], 5);
        CHECK_EQ(w->sessions, 1);
        CHECK(w->now - began < SECOND);
        for (unsigned i = 0; i < 5; i++)
            CHECK(memcmp(world_told(w, PQ_EVENT_MESSAGE, i)->text, "ok", 2) == 0);
    }
}

static size_t forged_instead(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    return request->code == PQ_COAP_POST ? forge(w, request, answer, len) : len;
}

/* If nothing else comes it is never believed; the sender backs off and begins afresh,
 * with another ciphertext, and always with its PSK. */
static void nothing_but_forged(void)
{
    for (forgery = 0; forgery < FORGERIES; forgery++) {
        world *w = world_new(&pq_kem_512);
        w->config.psk = &w->psk;
        world_boot_sender(w);
        previous_len = 0;
        w->tap = forged_instead;
        uint64_t began = w->now;
        world_send(w, "x");
        CHECK_EQ(w->kinds[PQ_EVENT_MESSAGE] + w->kinds[PQ_EVENT_SESSION], 0);
        CHECK_EQ(w->kinds[PQ_EVENT_FAILED], 1);
        CHECK(w->now - began <= 100 * SECOND);
        bool unheard = forgery >= NOISE || forgery == PREVIOUS;
        CHECK(world_failed_as(w, unheard ? PQ_SENDER_NO_ANSWER : PQ_SENDER_TIMEOUT));
        for (unsigned i = 0; i < world_count(w, PQ_COAP_POST); i++) {
            pq_coap m = world_parsed(world_sent(w, PQ_COAP_POST, i));
            CHECK(m.query.len == 4 && m.content_format == PQ_CONTENT_FORMAT_HANDSHAKE_512);
        }
        /* The back-off shows in the time between two GETs. */
        for (unsigned i = 0; !unheard && i < 4; i++) {
            uint64_t gap =
                world_sent(w, PQ_COAP_GET, i + 1)->at - world_sent(w, PQ_COAP_GET, i)->at;
            CHECK_EQ(gap, (2 * SECOND << i) + 2 * WORLD_DELAY);
        }
        w->tap = NULL;
        world_send(w, "y");
        CHECK(world_accepted(w, w->accepted_len - 1, "y") && w->kinds[PQ_EVENT_MESSAGE] == 1);
    }
}

/* The same in an open session: the message goes again in a fresh handshake. */
static void forged_in_session(void)
{
    for (forgery = 0; forgery < FORGERIES; forgery++) {
        world *w = world_new(&pq_kem_512);
        world_send(w, "0");
        w->tap = forged_instead;
        previous_len = 0;
        uint64_t limit = w->now + SECOND;
        CHECK_EQ(pq_sender_send(&w->sender, (pq_span){(const uint8_t *)"1", 1}), PQ_OK);
        world_run(w, limit);
        CHECK_EQ(w->kinds[PQ_EVENT_MESSAGE], 1);
        w->tap = NULL;
        world_run(w, UINT64_MAX);
        CHECK_EQ(w->kinds[PQ_EVENT_MESSAGE], 2);
        CHECK_EQ(w->kinds[PQ_EVENT_FAILED], 0);
    }
}

/* Who is not the gateway is not heard, whatever he knows. */
static void other_source(void)
{
    world *w = world_new(&pq_kem_512);
    CHECK_EQ(pq_sender_send(&w->sender, (pq_span){(const uint8_t *)"x", 1}), PQ_OK);
    (void)pq_sender_poll(&w->sender);
    CHECK_EQ(w->queue_len, 1);
    world_packet p = w->queue[w->queue_first];
    w->queue_len = 0;
    pq_endpoint other[] = {w->config.gateway, w->config.gateway, w->config.gateway};
    other[0].port ^= 1;
    other[1].addr[3] ^= 1;
    other[2].addr_len = 16;
    for (unsigned i = 0; i < 3; i++)
        pq_sender_receive(&w->sender, &other[i], p.bytes, p.len);
    (void)pq_sender_poll(&w->sender);
    CHECK_EQ(world_count(w, PQ_COAP_POST), 0);
    CHECK_EQ(w->log_len, 1); /* no Reset either */
    pq_sender_receive(&w->sender, &w->config.gateway, p.bytes, p.len);
    world_run(w, UINT64_MAX);
    CHECK_EQ(w->kinds[PQ_EVENT_MESSAGE], 1);
}

/* A CON that is none of ours is rejected, anything else passed over (§4.2, §4.3). */
static void strangers(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool reset;
    } all[] = {
        {"\x40\x00\x12\x34", 4, true},       /* ping */
        {"\x40\x01\x12\x34\xb2pk", 7, true}, /* a request */
        {"\x44\x44\x12\x34"
         "abcd",
         8, true},                      /* a response to nobody */
        {"\x49\x00\x12\x34", 4, true},  /* a format error */
        {"\x50\x01\x12\x34", 4, false}, /* the same as NON, ACK, RST */
        {"\x60\x44\x12\x34", 4, false},
        {"\x70\x00\x12\x34", 4, false},
        {"\x80\x00\x12\x34", 4, false}, /* version 2 */
        {"\x40\x00\x12", 3, false},
        {"", 0, false},
    };
    for (unsigned open = 0; open < 2; open++) {
        world *w = world_new(&pq_kem_512);
        if (open)
            world_send(w, "x");
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            unsigned before = w->log_len;
            world_arrive(w, (const uint8_t *)all[i].bytes, all[i].len);
            world_run(w, w->now + SECOND);
            CHECK_EQ(w->log_len - before, all[i].reset);
            if (all[i].reset)
                CHECK(memcmp(w->log[before].bytes, "\x70\x00\x12\x34", 4) == 0);
        }
    }
}

int main(void)
{
    bad_keys();
    key_in_blocks();
    first_use();
    stale_echo();
    echo_limit();
    earlier_offer();
    genuine_after_forged();
    nothing_but_forged();
    forged_in_session();
    other_source();
    strangers();
    return check_done("sender attack");
}
