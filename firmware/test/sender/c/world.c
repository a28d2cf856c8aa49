#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "pq_secret.h"

world the_world;

static const pq_endpoint gateway = {{192, 0, 2, 7}, 4, 5683};

/* --- The port */

uint64_t pq_port_time_us(void)
{
    return the_world.now;
}

int pq_port_random(uint8_t *out, size_t n)
{
    world *w = &the_world;
    for (size_t i = 0; i < n; i++) { /* xorshift64 */
        w->random ^= w->random << 13;
        w->random ^= w->random >> 7;
        w->random ^= w->random << 17;
        out[i] = w->random_fails ? 0 : (uint8_t)(w->random >> 32);
    }
    return w->random_fails ? PQ_ERR_RANDOM : PQ_OK;
}

int pq_port_udp_send(const pq_endpoint *to, const uint8_t *p, size_t n)
{
    world *w = &the_world;
    if (memcmp(to, &gateway, sizeof gateway) != 0 || n > WORLD_PACKET)
        abort();
    if (w->keep_log && w->log_len < WORLD_LOG) {
        world_packet *l = &w->log[w->log_len++];
        l->at = w->now;
        l->len = n;
        memcpy(l->bytes, p, n);
    }
    uint8_t answer[WORLD_PACKET];
    size_t len = world_gateway(w, p, n, answer);
    if (len > 0)
        world_arrive(w, answer, len);
    return PQ_OK;
}

/* --- The gateway */

static void head(pq_coap_writer *w, uint8_t *out, const pq_coap *request, uint8_t code)
{
    pq_coap_begin(w, out, WORLD_PACKET, PQ_COAP_ACK, code, request->mid, request->token);
}

static size_t finish(pq_coap_writer *w)
{
    int n = pq_coap_end(w);
    if (n < 0)
        abort();
    return (size_t)n;
}

size_t world_answer(uint8_t *out, const pq_coap *request, uint8_t code, const char *payload)
{
    pq_coap_writer w;
    head(&w, out, request, code);
    uint8_t *p = pq_coap_payload(&w, strlen(payload));
    if (p != NULL)
        memcpy(p, payload, strlen(payload));
    return finish(&w);
}

static size_t answer_key(world *g, const pq_coap *m, uint8_t *out)
{
    pq_coap_writer w;
    bool held = pq_coap_has_etag(m, g->pin, PQ_ETAG_SIZE);
    head(&w, out, m, held ? PQ_COAP_VALID : PQ_COAP_CONTENT);
    pq_coap_option(&w, PQ_COAP_ETAG, g->pin, PQ_ETAG_SIZE);
    size_t at = 0, len = g->config.params->ek_bytes;
    if (!held) {
        pq_coap_option_uint(&w, PQ_COAP_CONTENT_FORMAT, PQ_CONTENT_FORMAT_KEY);
        pq_coap_option_uint(&w, PQ_COAP_MAX_AGE, 60);
        if (len > PQ_COAP_MAX_BODY) {
            pq_coap_block b = {.szx = PQ_COAP_MAX_SZX};
            if (m->block2.data != NULL && pq_coap_block_parse(&b, m->block2) != PQ_OK)
                abort();
            at = pq_coap_block_offset(&b);
            b.more = len - at > PQ_COAP_MAX_BODY;
            len = b.more ? PQ_COAP_MAX_BODY : len - at;
            pq_coap_option_block(&w, PQ_COAP_BLOCK2, &b);
        }
    }
    pq_coap_option(&w, PQ_COAP_ECHO, g->echo, sizeof g->echo);
    uint8_t *p = held ? NULL : pq_coap_payload(&w, len);
    if (p != NULL)
        memcpy(p, g->ek + at, len);
    return finish(&w);
}

static size_t accept(world *g, const pq_coap *m, pq_span record, uint8_t *out)
{
    uint8_t text[PQ_MAX_DATA];
    int n = pq_server_open(&g->server, text, record);
    if (n == PQ_ERR_REPLAY)
        return world_answer(out, m, PQ_COAP_UNAUTHORIZED, "Replay detected");
    if (n < 0) {
        g->bad_tags++;
        return world_answer(out, m, PQ_COAP_BAD_REQUEST, "Decryption failed");
    }
    if (n > 0 || pq_nonce_seq(record.data) > 0) {
        unsigned at = g->accepted_len++ % 64;
        memset(g->accepted[at], 0, sizeof g->accepted[at]);
        memcpy(g->accepted[at], text, n < 15 ? (size_t)n : 15);
    }
    pq_coap_writer w;
    head(&w, out, m, PQ_COAP_CHANGED);
    pq_coap_option_uint(&w, PQ_COAP_CONTENT_FORMAT, PQ_CONTENT_FORMAT_RECORD);
    uint8_t *p = pq_coap_payload(&w, 2 + PQ_RECORD_OVERHEAD);
    if (p == NULL ||
        pq_server_seal(&g->server, p, record.data, (pq_span){(const uint8_t *)"ok", 2}) < 0)
        abort();
    return finish(&w);
}

static size_t need_echo(world *g, const pq_coap *m, uint8_t *out)
{
    pq_coap_writer w;
    head(&w, out, m, PQ_COAP_UNAUTHORIZED);
    pq_coap_option(&w, PQ_COAP_ECHO, g->echo, sizeof g->echo);
    uint8_t *p = pq_coap_payload(&w, 4);
    memcpy(p, "echo", 4);
    return finish(&w);
}

static size_t answer_handshake(world *g, const pq_coap *m, uint8_t *out)
{
    size_t ct_len = g->config.params->ct_bytes;
    if (m->echo.len != sizeof g->echo || memcmp(m->echo.data, g->echo, sizeof g->echo) != 0)
        return need_echo(g, m, out);
    pq_coap_block b = {0};
    if (m->block1.data != NULL && pq_coap_block_parse(&b, m->block1) != PQ_OK)
        abort();
    size_t at = pq_coap_block_offset(&b);
    if (at > g->body_len || at + m->payload.len > sizeof g->body)
        return world_answer(out, m, PQ_COAP_INCOMPLETE, "");
    memcpy(g->body + at, m->payload.data, m->payload.len);
    g->body_len = at + m->payload.len;
    if (b.more)
        return world_answer(out, m, PQ_COAP_CONTINUE, "");
    pq_transcript t = {.suite = pq_suite(g->config.params),
                       .echo = {g->echo, sizeof g->echo},
                       .pin = g->pin,
                       .ct = {g->body, ct_len}};
    if (m->query.data != NULL) {
        t.kid = (pq_span){m->query.data + 2, m->query.len - 2};
        t.psk = (pq_span){g->psk.key, sizeof g->psk.key};
    }
    uint8_t ss[PQ_KEM_SS_BYTES];
    pq_keys keys;
    if (pq_kem_decaps(g->config.params, ss, g->body, g->dk) != PQ_OK ||
        pq_session_derive(&keys, &t, ss) != PQ_OK)
        abort();
    g->decapsulations++;
    pq_server_init(&g->server, &keys, g->now);
    g->live = true;
    g->sessions++;
    return accept(g, m, (pq_span){g->body + ct_len, g->body_len - ct_len}, out);
}

static size_t respond(world *g, const pq_coap *m, uint8_t *out)
{
    if (m->code == PQ_COAP_GET)
        return answer_key(g, m, out);
    if (m->content_format == pq_suite_format(pq_suite(g->config.params)))
        return answer_handshake(g, m, out);
    if (!g->live || memcmp(m->payload.data + 1, g->server.keys.sid, PQ_SID_SIZE) != 0)
        return world_answer(out, m, PQ_COAP_UNAUTHORIZED, "Security context not found");
    return accept(g, m, m->payload, out);
}

size_t world_gateway(world *w, const uint8_t *request, size_t len, uint8_t *out)
{
    pq_coap m;
    if (pq_coap_parse(&m, request, len) != PQ_OK)
        abort(); /* the sender must not send such */
    if (m.code != PQ_COAP_GET && m.code != PQ_COAP_POST)
        return 0;
    if (!w->answered || w->answered_mid != m.mid) { /* else a retransmission */
        w->answer.len = respond(w, &m, w->answer.bytes);
        w->answered = true;
        w->answered_mid = m.mid;
    }
    size_t n = w->answer.len;
    memcpy(out, w->answer.bytes, n);
    return w->tap != NULL ? w->tap(w, &m, out, n) : n;
}

/* --- The test's side */

static void note(void *ctx, const pq_event *e)
{
    world *w = ctx;
    w->kinds[e->kind]++;
    if (!w->keep_log || w->events_len == WORLD_EVENTS)
        return;
    world_event *n = &w->events[w->events_len++];
    *n = (world_event){.kind = e->kind, .name = e->name, .seq = e->seq, .at = w->now, .us = e->us};
    memcpy(n->sid, e->sid, sizeof n->sid);
    n->len = e->text.len < sizeof n->text ? e->text.len : sizeof n->text;
    if (n->len > 0)
        memcpy(n->text, e->text.data, n->len);
}

/* The gateway's key, made anew only for another parameter set. */
static void make_key(world *w, const pq_kem_params *p)
{
    static const uint8_t seed[PQ_KEM_SEED_BYTES] = {1, 2, 3};
    static const pq_kem_params *made;
    static uint8_t ek[PQ_KEM_MAX_EK_BYTES], dk[PQ_KEM_MAX_DK_BYTES];
    if ((made == NULL || made != p) && pq_kem_keypair_derand(p, ek, dk, seed) != PQ_OK)
        abort();
    made = p;
    memcpy(w->ek, ek, sizeof ek);
    memcpy(w->dk, dk, sizeof dk);
    if (pq_sha256(w->pin, &(pq_span){w->ek, p->ek_bytes}, 1) != PQ_OK)
        abort();
}

world *world_new(const pq_kem_params *p)
{
    world *w = &the_world;
    memset(w, 0, offsetof(world, log));
    w->random = 88172645463325252u;
    w->now = 1000000;
    w->keep_log = true;
    make_key(w, p);
    memcpy(w->echo, "abcdefghijkl", sizeof w->echo);
    w->psk = (pq_psk){.kid_len = 2, .kid = "k1", .key = {7}};
    w->config = (pq_sender_config){.params = p, .gateway = gateway, .event = note, .ctx = w};
    memcpy(w->config.pin, w->pin, sizeof w->pin);
    world_boot_sender(w);
    return w;
}

void world_boot_sender(world *w)
{
    if (pq_sender_init(&w->sender, &w->config) != PQ_OK)
        abort();
}

void world_reboot(world *w)
{
    w->live = false;
    w->echo[0]++;
}

void world_arrive(world *w, const uint8_t *bytes, size_t len)
{
    if (w->queue_len == WORLD_QUEUE)
        return;
    world_packet *q = &w->queue[(w->queue_first + w->queue_len++) % WORLD_QUEUE];
    q->at = w->now + WORLD_DELAY;
    q->len = len;
    memcpy(q->bytes, bytes, len);
}

void world_run(world *w, uint64_t limit_us)
{
    for (;;) {
        uint32_t wait = pq_sender_poll(&w->sender);
        const world_packet *q = &w->queue[w->queue_first];
        if (w->queue_len > 0 && q->at <= w->now + wait) {
            w->now = q->at > w->now ? q->at : w->now;
            /* A copy of just its size, so that a read past its end is seen. */
            uint8_t *copy = malloc(q->len > 0 ? q->len : 1);
            if (copy == NULL)
                abort();
            memcpy(copy, q->bytes, q->len);
            size_t len = q->len;
            w->queue_first = (w->queue_first + 1) % WORLD_QUEUE;
            w->queue_len--;
            pq_sender_receive(&w->sender, &gateway, copy, len);
            free(copy);
        } else if (wait == PQ_SENDER_IDLE || w->now + wait > limit_us) {
            return;
        } else {
            w->now += wait;
        }
    }
}

int world_send(world *w, const char *text)
{
    int err = pq_sender_send(&w->sender, (pq_span){(const uint8_t *)text, strlen(text)});
    if (err == PQ_OK)
        world_run(w, UINT64_MAX);
    return err;
}

const world_packet *world_sent(const world *w, uint8_t code, unsigned n)
{
    for (unsigned i = 0; i < w->log_len; i++) {
        if (w->log[i].bytes[1] == code && n-- == 0)
            return &w->log[i];
    }
    return NULL;
}

unsigned world_count(const world *w, uint8_t code)
{
    unsigned n = 0;
    while (world_sent(w, code, n) != NULL)
        n++;
    return n;
}

const world_event *world_told(const world *w, pq_event_kind kind, unsigned n)
{
    for (unsigned i = 0; i < w->events_len; i++) {
        if (w->events[i].kind == kind && n-- == 0)
            return &w->events[i];
    }
    return NULL;
}

pq_coap world_parsed(const world_packet *p)
{
    pq_coap m;
    if (p == NULL || pq_coap_parse(&m, p->bytes, p->len) != PQ_OK)
        abort();
    return m;
}

bool world_accepted(const world *w, unsigned i, const char *text)
{
    return i < w->accepted_len && strcmp(w->accepted[i % 64], text) == 0;
}

bool world_failed_as(const world *w, const char *why)
{
    const world_event *e = world_told(w, PQ_EVENT_FAILED, 0);
    return e != NULL && strcmp(e->name, why) == 0 && w->kinds[PQ_EVENT_FAILED] == 1;
}

bool world_all_zero(const void *p, size_t n)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++) {
        if (b[i] != 0)
            return false;
    }
    return true;
}
