#include "gateway_rig.h"

#include <stdlib.h>
#include <string.h>

uint8_t rig_answer[PQ_GATEWAY_ANSWER_MAX];

#define PSK(n)                                                                                     \
    {                                                                                              \
        2, {'k', '0' + (n)},                                                                       \
        {                                                                                          \
            n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, \
                n, n, n                                                                            \
        }                                                                                          \
    }
const pq_psk rig_psks[PQ_GATEWAY_PSKS] = {PSK(0), PSK(1), PSK(2), PSK(3),
                                          PSK(4), PSK(5), PSK(6), PSK(7)};

static void require(bool ok)
{
    if (!ok)
        abort();
}

void rig_key_make(rig_key *k, const pq_kem_params *params)
{
    uint8_t seed[PQ_KEM_SEED_BYTES] = {1}, m[PQ_KEM_MESSAGE_BYTES] = {2};
    k->params = params;
    require(pq_kem_keypair_derand(params, k->ek, k->dk, seed) == PQ_OK);
    pq_span ek = {k->ek, params->ek_bytes};
    require(pq_sha256(k->pin, &ek, 1) == PQ_OK);
    for (uint8_t i = 0; i < RIG_CTS; i++) {
        m[31] = i;
        require(pq_kem_encaps_derand(params, k->ct[i], k->ss[i], k->ek, m) == PQ_OK);
    }
}

void rig_event(void *ctx, const pq_event *e)
{
    rig_told *t = ctx;
    switch (e->kind) {
    case PQ_EVENT_SESSION:
        t->sessions++;
        break;
    case PQ_EVENT_MESSAGE:
        t->messages++;
        t->seq = e->seq;
        t->len = e->text.len;
        require(e->text.len <= sizeof t->text);
        memcpy(t->text, e->text.data, e->text.len);
        break;
    case PQ_EVENT_REFUSED:
        t->refused++;
        t->why = e->name;
        break;
    case PQ_EVENT_CLOSED:
        t->closed++;
        break;
    case PQ_EVENT_TIMING:
        t->decaps += strcmp(e->name, "kem.decaps") == 0;
        break;
    case PQ_EVENT_PINNED:
    case PQ_EVENT_FAILED:
        require(false); /* the sender's */
    }
}

pq_gateway_config rig_config(const rig_key *k, rig_told *told)
{
    return (pq_gateway_config){.params = k->params,
                               .dk = k->dk,
                               .psks = rig_psks,
                               .psk_count = PQ_GATEWAY_PSKS,
                               .event = rig_event,
                               .ctx = told};
}

rig_peer rig_peer_at(uint8_t host)
{
    return (rig_peer){
        .at = {{192, 0, 2, host}, 4, 5000}, .mid = (uint16_t)(host << 8), .psk = PQ_GATEWAY_PSKS};
}

size_t rig_build(uint8_t *out, rig_peer *p, const rig_key *k, const rig_request *r)
{
    static const uint8_t token[RIG_TOKEN] = {0xa1, 0xa2, 0xa3, 0xa4};
    pq_coap_writer w;
    pq_coap_begin(&w, out, PQ_GATEWAY_DATAGRAM_MAX + 1024, p->type, r->code, ++p->mid,
                  (pq_span){token, sizeof token});
    if (r->etag)
        pq_coap_option(&w, PQ_COAP_ETAG, k->pin, PQ_ETAG_SIZE);
    if (r->code == PQ_COAP_GET)
        pq_coap_option(&w, PQ_COAP_URI_PATH, "pk", 2);
    else
        pq_coap_option(&w, PQ_COAP_URI_PATH, "msg", 3);
    if (r->format >= 0)
        pq_coap_option_uint(&w, PQ_COAP_CONTENT_FORMAT, (uint32_t)r->format);
    if (r->kid) {
        uint8_t query[4] = {'k', '=', 'k', (uint8_t)('0' + p->psk)};
        pq_coap_option(&w, PQ_COAP_URI_QUERY, query, sizeof query);
    }
    if (r->block2 != NULL)
        pq_coap_option_block(&w, PQ_COAP_BLOCK2, r->block2);
    if (r->block1 != NULL)
        pq_coap_option_block(&w, PQ_COAP_BLOCK1, r->block1);
    if (r->echo)
        pq_coap_option(&w, PQ_COAP_ECHO, p->echo, sizeof p->echo);
    if (r->tag.data != NULL)
        pq_coap_option(&w, PQ_COAP_REQUEST_TAG, r->tag.data, r->tag.len);
    uint8_t *at = pq_coap_payload(&w, r->body.len);
    if (at != NULL && r->body.data != NULL)
        memcpy(at, r->body.data, r->body.len);
    int n = pq_coap_end(&w);
    require(n > 0);
    return (size_t)n;
}

size_t rig_handshake(uint8_t *out, rig_peer *p, const rig_key *k, unsigned ct, pq_span data)
{
    size_t n = k->params->ct_bytes;
    pq_keys keys;
    pq_transcript t = {.suite = pq_suite(k->params),
                       .echo = {p->echo, sizeof p->echo},
                       .pin = k->pin,
                       .ct = {k->ct[ct], n}};
    if (p->psk < PQ_GATEWAY_PSKS) {
        t.kid = (pq_span){rig_psks[p->psk].kid, 2};
        t.psk = (pq_span){rig_psks[p->psk].key, PQ_PSK_SIZE};
    }
    require(pq_session_derive(&keys, &t, k->ss[ct]) == PQ_OK);
    pq_client_init(&p->client, &keys, pq_port_time_us());
    memcpy(out, k->ct[ct], n);
    int len = pq_client_seal(&p->client, out + n, p->nonce, data);
    require(len > 0);
    return n + (size_t)len;
}

uint8_t rig_exchange(pq_gateway *g, rig_peer *p, const rig_key *k, const rig_request *r, pq_coap *m)
{
    static uint8_t in[PQ_GATEWAY_DATAGRAM_MAX + 1024];
    size_t n = rig_build(in, p, k, r);
    n = pq_gateway_receive(g, &p->at, in, n, rig_answer);
    if (n == 0)
        return 0;
    require(pq_coap_parse(m, rig_answer, n) == PQ_OK);
    return m->code;
}

bool rig_refresh(pq_gateway *g, rig_peer *p, const rig_key *k)
{
    pq_coap m;
    rig_request r = {.code = PQ_COAP_GET, .format = -1, .etag = true};
    if (rig_exchange(g, p, k, &r, &m) != PQ_COAP_VALID || m.echo.len != PQ_ECHO_SIZE)
        return false;
    memcpy(p->echo, m.echo.data, PQ_ECHO_SIZE);
    return true;
}

static uint8_t verified(rig_peer *p, const pq_coap *m, uint8_t code)
{
    uint8_t data[PQ_MAX_DATA];
    if (code == PQ_COAP_CHANGED && pq_client_open(&p->client, data, p->nonce, m->payload) < 0)
        return 0;
    return code;
}

static pq_span span(const char *text)
{
    return (pq_span){(const uint8_t *)text, strlen(text)};
}

uint8_t rig_open(pq_gateway *g, rig_peer *p, const rig_key *k, unsigned ct, const char *text)
{
    static uint8_t body[PQ_KEM_MAX_CT_BYTES + PQ_MAX_FIRST_DATA + PQ_RECORD_OVERHEAD];
    pq_coap m = {.code = 0};
    uint8_t code = 0;
    if (!rig_refresh(g, p, k))
        return 0;
    size_t n = rig_handshake(body, p, k, ct, span(text)), at = 0;
    rig_request r = {.code = PQ_COAP_POST,
                     .format = pq_suite_format(pq_suite(k->params)),
                     .kid = p->psk < PQ_GATEWAY_PSKS,
                     .echo = true};
    for (pq_coap_block b = {0, false, 6}; at < n; b.num++, at += r.body.len) {
        b.more = n - at > 1024;
        r.block1 = n > 1024 ? &b : NULL;
        r.body = (pq_span){body + at, b.more ? 1024 : n - at};
        code = rig_exchange(g, p, k, &r, &m);
        if (code != PQ_COAP_CONTINUE)
            break;
    }
    return verified(p, &m, code);
}

uint8_t rig_send(pq_gateway *g, rig_peer *p, const rig_key *k, const char *text)
{
    uint8_t body[PQ_MAX_DATA + PQ_RECORD_OVERHEAD];
    pq_coap m;
    int n = pq_client_seal(&p->client, body, p->nonce, span(text));
    require(n > 0);
    rig_request r = {
        .code = PQ_COAP_POST, .format = PQ_CONTENT_FORMAT_RECORD, .body = {body, (size_t)n}};
    return verified(p, &m, rig_exchange(g, p, k, &r, &m));
}
