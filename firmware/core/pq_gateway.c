#include "pq_gateway.h"

#include <string.h>

#include "pq_gateway_private.h"
#include "pq_secret.h"

#define KEY_MAX_AGE  60 /* s: how long a sender may keep the key without asking */
#define BUSY_MAX_AGE 10 /* s: when a sender that got 5.03 may come again */

_Static_assert(sizeof(void *) != 4 || sizeof(pq_gateway) == PQ_GATEWAY_RAM,
               "PQ_GATEWAY_RAM says something else");

/* --- Events */

void pq_gateway_tell(const pq_gateway *g, const request *r, const pq_event *e)
{
    pq_event whole = *e;
    whole.peer = r->from;
    if (g->c.event != NULL)
        g->c.event(g->c.ctx, &whole);
}

void pq_gateway_refused(const pq_gateway *g, const request *r, const char *why)
{
    pq_gateway_tell(g, r, &(pq_event){.kind = PQ_EVENT_REFUSED, .name = why});
}

void pq_gateway_timed(const pq_gateway *g, const request *r, const char *step, uint64_t since)
{
    uint32_t us = (uint32_t)(pq_port_time_us() - since);
    pq_gateway_tell(g, r, &(pq_event){.kind = PQ_EVENT_TIMING, .name = step, .us = us});
}

/* --- Answers */

uint32_t pq_gateway_uptime(const request *r)
{
    return (uint32_t)(r->now / 1000000);
}

bool pq_gateway_fresh_echo(const pq_gateway *g, const request *r)
{
    return pq_echo_fresh(r->m.echo, g->echo_key, pq_gateway_uptime(r), &r->from) &&
           pq_load32_be(r->m.echo.data) >= g->echo_floor;
}

void pq_gateway_begin(pq_gateway *g, const request *r, const reply *p, pq_coap_writer *w)
{
    bool con = r->m.type == PQ_COAP_CON;
    pq_coap_begin(w, r->out, PQ_GATEWAY_ANSWER_MAX, con ? PQ_COAP_ACK : PQ_COAP_NON, p->code,
                  con ? r->m.mid : ++g->mid, r->m.token);
    if (p->etag)
        pq_coap_option(w, PQ_COAP_ETAG, g->pin, PQ_ETAG_SIZE);
    if (p->format != 0)
        pq_coap_option_uint(w, PQ_COAP_CONTENT_FORMAT, p->format);
    if (p->max_age != 0)
        pq_coap_option_uint(w, PQ_COAP_MAX_AGE, p->max_age);
    if (p->block2 != NULL)
        pq_coap_option_block(w, PQ_COAP_BLOCK2, p->block2);
    if (r->in_blocks && p->code != PQ_COAP_INCOMPLETE)
        pq_coap_option_block(w, PQ_COAP_BLOCK1, &r->block);
    if (p->echo) {
        uint8_t echo[PQ_ECHO_SIZE];
        pq_echo_mint(echo, g->echo_key, pq_gateway_uptime(r), &r->from);
        pq_coap_option(w, PQ_COAP_ECHO, echo, sizeof echo);
    }
    if (p->text != NULL)
        memcpy(pq_coap_payload(w, strlen(p->text)), p->text, strlen(p->text));
}

size_t pq_gateway_end(request *r, pq_coap_writer *w)
{
    int n = pq_coap_end(w);
    if (n < 0)
        return 0;
    if (r->keep != NULL && n <= PQ_GATEWAY_KEPT) {
        pq_gateway_answer *a = r->keep;
        a->at = r->now;
        a->from = r->from;
        a->mid = r->m.mid;
        a->len = (uint8_t)n;
        memcpy(a->bytes, r->out, (size_t)n);
    }
    return (size_t)n;
}

size_t pq_gateway_refuse(pq_gateway *g, request *r, const reply *p, const char *why)
{
    pq_coap_writer w;
    pq_gateway_refused(g, r, why);
    pq_gateway_begin(g, r, p, &w);
    return pq_gateway_end(r, &w);
}

size_t pq_gateway_need_echo(pq_gateway *g, request *r)
{
    reply p = {.code = PQ_COAP_UNAUTHORIZED, .echo = true, .text = "echo"};
    return pq_gateway_refuse(g, r, &p, "4.01 no fresh Echo");
}

size_t pq_gateway_busy(pq_gateway *g, request *r, const char *why)
{
    reply p = {.code = PQ_COAP_UNAVAILABLE, .max_age = BUSY_MAX_AGE};
    return pq_gateway_refuse(g, r, &p, why);
}

/* --- Duplicates */

/* A retransmission has its request's token: under another it is a new request of
 * a sender that started over with its message ids. */
static bool answers(const pq_gateway_answer *a, const request *r)
{
    pq_span token = r->m.token;
    return a->len > 0 && a->mid == r->m.mid && pq_gateway_same_peer(&a->from, &r->from) &&
           r->now - a->at < PQ_COAP_EXCHANGE_LIFETIME * 1000000ull &&
           (size_t)(a->bytes[0] & 15) == token.len &&
           (token.len == 0 || memcmp(a->bytes + PQ_COAP_HEADER_SIZE, token.data, token.len) == 0);
}

/* The answer that a retransmitted request got already (RFC 7252 §4.5). */
static const pq_gateway_answer *duplicate(const pq_gateway *g, const request *r)
{
    for (size_t i = 0; i < PQ_GATEWAY_SLOTS; i++)
        if (g->slots[i].live && answers(&g->slots[i].answer, r))
            return &g->slots[i].answer;
    return answers(&g->transfer.answer, r) ? &g->transfer.answer : NULL;
}

/* --- GET /pk */

static size_t send_key(pq_gateway *g, request *r, pq_coap_block block, bool asked)
{
    const pq_kem_params *p = g->c.params;
    const uint8_t *ek = g->c.dk + 384 * p->k; /* FIPS 203 Algorithm 16: dk = dk_PKE ‖ ek ‖ … */
    size_t at = pq_coap_block_offset(&block), n = p->ek_bytes - at;
    bool in_blocks = asked || p->ek_bytes > pq_coap_block_size(&block);
    pq_coap_writer w;
    block.more = n > pq_coap_block_size(&block);
    if (block.more)
        n = pq_coap_block_size(&block);
    reply answer = {.code = PQ_COAP_CONTENT,
                    .etag = true,
                    .format = PQ_CONTENT_FORMAT_KEY,
                    .max_age = KEY_MAX_AGE,
                    .block2 = in_blocks ? &block : NULL,
                    .echo = true};
    pq_gateway_begin(g, r, &answer, &w);
    uint8_t *to = pq_coap_payload(&w, n);
    if (to != NULL)
        memcpy(to, ek + at, n);
    return pq_gateway_end(r, &w);
}

static size_t key(pq_gateway *g, request *r)
{
    const pq_coap *m = &r->m;
    pq_coap_block block = {0, false, PQ_COAP_MAX_SZX};
    pq_coap_writer w;
    if (m->queries > 0)
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_BAD_OPTION}, "4.02 Uri-Query");
    if (m->accept >= 0 && m->accept != PQ_CONTENT_FORMAT_KEY)
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_NOT_ACCEPTABLE}, "4.06 Accept");
    bool asked = m->block2.data != NULL;
    bool bad = asked && pq_coap_block_parse(&block, m->block2) < 0;
    if (!bad && block.num == 0 && pq_coap_has_etag(m, g->pin, PQ_ETAG_SIZE)) {
        pq_gateway_begin(g, r, &(reply){.code = PQ_COAP_VALID, .etag = true, .echo = true}, &w);
        return pq_gateway_end(r, &w);
    }
    if (bad || pq_coap_block_offset(&block) >= g->c.params->ek_bytes)
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_BAD_REQUEST, .text = "fmt"},
                                 "4.00 Block2");
    /* Without an Echo a GET is an amplifier (RFC 9175 §2.4). */
    if (!pq_gateway_fresh_echo(g, r) && !pq_bucket_take(&g->keys, pq_rate_keys, r->now))
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_UNAUTHORIZED, .echo = true},
                                 "4.01 key not repeated so soon without Echo");
    return send_key(g, r, block, asked);
}

/* --- Requests */

static bool path_is(const pq_coap *m, const char *path)
{
    return m->path_segments == 1 && m->path.len == strlen(path) &&
           memcmp(m->path.data, path, m->path.len) == 0;
}

static size_t route(pq_gateway *g, request *r)
{
    const pq_coap *m = &r->m;
    bool pk = path_is(m, "pk"), msg = path_is(m, "msg");
    if (m->unrecognised != 0)
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_BAD_OPTION},
                                 "4.02 critical option");
    if (!pk && !msg)
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_NOT_FOUND}, "4.04 path");
    if (m->code != (pk ? PQ_COAP_GET : PQ_COAP_POST))
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_METHOD_NOT_ALLOWED}, "4.05 method");
    return pk ? key(g, r) : pq_gateway_message(g, r);
}

/* IPv4 in IPv6's clothes is IPv4: a source has one name. */
static pq_endpoint unmapped(const pq_endpoint *from)
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    pq_endpoint e = *from;
    if (e.addr_len == 16 && memcmp(e.addr, prefix, sizeof prefix) == 0) {
        memcpy(e.addr, from->addr + 12, 4);
        memset(e.addr + 4, 0, 12);
        e.addr_len = 4;
    }
    return e;
}

size_t pq_gateway_receive(pq_gateway *g, const pq_endpoint *from, const uint8_t *datagram,
                          size_t len, uint8_t *out)
{
    request r = {.from = unmapped(from), .now = pq_port_time_us(), .out = out};
    int err = pq_coap_parse(&r.m, datagram, len);
    bool con = r.m.type == PQ_COAP_CON;
    if (err == PQ_ERR_FORMAT)
        pq_gateway_refused(g, &r, "message format error");
    if ((err < 0 && err != PQ_ERR_FORMAT) || r.m.type > PQ_COAP_NON)
        return 0;
    /* A ping, or a response that nobody asked for (RFC 7252 §4.2, §4.3). */
    if (err < 0 || r.m.code == PQ_COAP_EMPTY || r.m.code > 31) {
        if (!con)
            return 0;
        pq_coap_empty(out, PQ_COAP_RST, r.m.mid);
        return PQ_COAP_HEADER_SIZE;
    }
    const pq_gateway_answer *a = duplicate(g, &r);
    if (a == NULL)
        return route(g, &r);
    if (!con) /* RFC 7252 §4.5 */
        return 0;
    memcpy(out, a->bytes, a->len);
    return a->len;
}

/* --- Start */

static int set_up(pq_gateway *g, const pq_gateway_config *c)
{
    uint8_t mid[2];
    for (size_t i = 0; i < c->psk_count; i++)
        if (i >= PQ_GATEWAY_PSKS || c->psks[i].kid_len < 1 || c->psks[i].kid_len > PQ_MAX_KID)
            return PQ_ERR_ARG;
    int err = pq_kem_check_dk(c->params, c->dk, c->params->dk_bytes);
    pq_span ek = {c->dk + 384 * c->params->k, c->params->ek_bytes};
    if (err == PQ_OK)
        err = pq_sha256(g->pin, &ek, 1);
    if (err == PQ_OK)
        err = pq_port_random(g->echo_key, sizeof g->echo_key);
    if (err == PQ_OK)
        err = pq_port_random(g->dummy_psk, sizeof g->dummy_psk);
    if (err == PQ_OK)
        err = pq_port_random(mid, sizeof mid);
    g->c = *c;
    g->mid = err == PQ_OK ? pq_load16(mid) : 0;
    return err;
}

int pq_gateway_init(pq_gateway *g, const pq_gateway_config *c)
{
    pq_wipe(g, sizeof *g);
    int err = set_up(g, c);
    if (err < 0)
        pq_wipe(g, sizeof *g);
    return err;
}

const uint8_t *pq_gateway_pin(const pq_gateway *g)
{
    return g->pin;
}
