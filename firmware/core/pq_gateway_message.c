#include <string.h>

#include "pq_gateway_private.h"
#include "pq_secret.h"

static const char no_context[] = "Security context not found"; /* RFC 8613 §8.2 */
static const char replay[] = "Replay detected";
static const char forged[] = "Decryption failed";

static size_t bad_request(pq_gateway *g, request *r, const char *why)
{
    return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_BAD_REQUEST, .text = "fmt"}, why);
}

static size_t unauthorized(pq_gateway *g, request *r, const char *text)
{
    return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_UNAUTHORIZED, .text = text}, text);
}

/* Tells a message, and wipes it from where its answer comes to stand. */
static void deliver(pq_gateway *g, request *r, const pq_gateway_slot *s, uint64_t seq, size_t len)
{
    pq_event e = {.kind = PQ_EVENT_MESSAGE, .seq = seq, .text = {r->out, len}};
    memcpy(e.sid, s->server.keys.sid, PQ_SID_SIZE);
    if (seq > 0 || len > 0) /* a handshake need not bring a message */
        pq_gateway_tell(g, r, &e);
    pq_wipe(r->out, len);
}

static size_t gone(pq_gateway *g, request *r, pq_gateway_slot *s)
{
    pq_gateway_close(g, r, s, "session reached its limit");
    return unauthorized(g, r, no_context);
}

/* 5.00: the crypto library gave up, which says nothing about the request. */
static size_t internal(pq_gateway *g, request *r)
{
    return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_INTERNAL_ERROR}, "5.00 crypto library");
}

/* The 2.04 to a verified record. */
static size_t sealed(pq_gateway *g, request *r, pq_gateway_slot *s,
                     const uint8_t nonce[PQ_NONCE_SIZE])
{
    static const uint8_t ok[] = {'o', 'k'};
    pq_coap_writer w;
    pq_gateway_begin(g, r, &(reply){.code = PQ_COAP_CHANGED, .format = PQ_CONTENT_FORMAT_RECORD},
                     &w);
    uint8_t *at = pq_coap_payload(&w, sizeof ok + PQ_RECORD_OVERHEAD);
    uint64_t since = pq_port_time_us();
    int n = at == NULL ? PQ_ERR_LENGTH
                       : pq_server_seal(&s->server, at, nonce, (pq_span){ok, sizeof ok});
    pq_gateway_timed(g, r, "ccm.seal", since);
    if (n == PQ_ERR_ENDED)
        return gone(g, r, s);
    if (n < 0)
        return internal(g, r);
    r->keep = &s->answer;
    return pq_gateway_end(r, &w);
}

/* --- Handshake */

/* What can be judged without a key: layout, session id, number. */
static bool well_formed(const pq_kem_params *p, pq_span body)
{
    uint8_t sid[PQ_SID_SIZE];
    pq_span ct = {body.data, p->ct_bytes};
    if (body.len < (size_t)p->ct_bytes + PQ_RECORD_OVERHEAD)
        return false;
    pq_span record = {body.data + p->ct_bytes, body.len - p->ct_bytes};
    return pq_record_check(record) == PQ_OK && pq_nonce_seq(record.data) == 0 &&
           pq_session_id(sid, ct) == PQ_OK && memcmp(sid, record.data + 1, PQ_SID_SIZE) == 0;
}

/* The number of a kid's PSK; PQ_GATEWAY_PSKS where there is none. */
static uint8_t psk_of(const pq_gateway *g, pq_span kid)
{
    for (uint8_t i = 0; kid.data != NULL && i < g->c.psk_count; i++)
        if (g->c.psks[i].kid_len == kid.len && memcmp(g->c.psks[i].kid, kid.data, kid.len) == 0)
            return i;
    return PQ_GATEWAY_PSKS;
}

/* Decapsulates, derives and verifies; the record's data goes to r->out. Returns
 * its length or PQ_ERR_*. */
static int verify(pq_gateway *g, request *r, pq_span body, pq_transcript *t, pq_server *s)
{
    uint8_t ss[PQ_KEM_SS_BYTES];
    pq_keys keys;
    size_t ct_len = g->c.params->ct_bytes;
    uint64_t since = pq_port_time_us();
    int err = pq_kem_decaps(g->c.params, ss, body.data, g->c.dk);
    pq_gateway_timed(g, r, "kem.decaps", since);
    if (err < 0)
        return err;
    since = pq_port_time_us();
    err = pq_session_derive(&keys, t, ss);
    pq_gateway_timed(g, r, "hkdf", since);
    pq_wipe(ss, sizeof ss);
    if (err < 0)
        return err;
    pq_server_init(s, &keys, r->now);
    pq_wipe(&keys, sizeof keys);
    since = pq_port_time_us();
    err = pq_server_open(s, r->out, (pq_span){body.data + ct_len, body.len - ct_len});
    pq_gateway_timed(g, r, "ccm.open", since);
    return err;
}

/* Puts a verified session into its slot. */
static pq_gateway_slot *commit(pq_gateway *g, request *r, const pq_server *server, uint8_t psk)
{
    pq_gateway_slot *s = pq_gateway_room(g, r, psk);
    pq_event e = {.kind = PQ_EVENT_SESSION};
    if (s->live)
        pq_gateway_close(g, r, s, "session's slot went to a new one");
    *s = (pq_gateway_slot){.server = *server,
                           .last = r->now,
                           .live = true,
                           .psk = psk,
                           .echo_at = pq_load32_be(r->m.echo.data)};
    memcpy(e.sid, server->keys.sid, PQ_SID_SIZE);
    pq_gateway_tell(g, r, &e);
    return s;
}

static size_t decapsulate(pq_gateway *g, request *r, pq_span body, pq_span kid, uint8_t psk)
{
    pq_server server;
    uint8_t nonce[PQ_NONCE_SIZE];
    const uint8_t *key = psk < PQ_GATEWAY_PSKS ? g->c.psks[psk].key : g->dummy_psk;
    pq_transcript t = {.suite = pq_suite(g->c.params), .echo = r->m.echo, .pin = g->pin};
    t.ct = (pq_span){body.data, g->c.params->ct_bytes};
    if (kid.data != NULL) {
        t.kid = kid;
        t.psk = (pq_span){key, PQ_PSK_SIZE};
    }
    memcpy(nonce, body.data + t.ct.len, sizeof nonce);
    int n = verify(g, r, body, &t, &server);
    size_t len = 0;
    if (n >= 0) {
        pq_gateway_slot *s = commit(g, r, &server, psk);
        deliver(g, r, s, 0, (size_t)n);
        len = sealed(g, r, s, nonce);
    } else if (n == PQ_ERR_TAG) {
        len = pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_BAD_REQUEST, .text = forged},
                                "4.00 Decryption failed");
    } else {
        len = internal(g, r);
    }
    pq_wipe(&server, sizeof server);
    return len;
}

size_t pq_gateway_handshake(pq_gateway *g, request *r, pq_span body, pq_span kid)
{
    const pq_kem_params *p = g->c.params;
    if (body.len > (size_t)p->ct_bytes + PQ_RECORD_OVERHEAD + PQ_MAX_FIRST_DATA)
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_TOO_LARGE}, "4.13 handshake");
    if (!well_formed(p, body))
        return bad_request(g, r, "4.00 layout of a handshake");
    if (!pq_gateway_fresh_echo(g, r))
        return pq_gateway_need_echo(g, r);
    if (g->c.require_psk && kid.data == NULL)
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_FORBIDDEN, .text = "psk"},
                                 "4.03 no PSK");
    if (pq_gateway_knows(g, r, body.data + p->ct_bytes + 1))
        return unauthorized(g, r, replay);
    uint8_t psk = psk_of(g, kid);
    if (pq_gateway_room(g, r, psk) == NULL)
        return pq_gateway_busy(g, r, "5.03 every session slot is taken");
    if (!pq_gateway_take_decaps(g, r))
        return pq_gateway_busy(g, r, "5.03 too many handshakes");
    return decapsulate(g, r, body, kid, psk);
}

/* --- Record */

size_t pq_gateway_record(pq_gateway *g, request *r)
{
    pq_span record = r->m.payload;
    if (pq_record_check(record) < 0)
        return bad_request(g, r, "4.00 layout of a record");
    pq_gateway_slot *s = pq_gateway_find(g, r, record.data + 1);
    if (s == NULL)
        return unauthorized(g, r, no_context);
    if (!pq_server_fresh(&s->server, record.data))
        return unauthorized(g, r, replay);
    if (!pq_bucket_ready(s->failed, pq_rate_failed, r->now)) {
        pq_gateway_refused(g, r, "dropped unopened: too many failed tags in its session");
        return 0;
    }
    uint64_t since = pq_port_time_us();
    int n = pq_server_open(&s->server, r->out, record);
    pq_gateway_timed(g, r, "ccm.open", since);
    if (n == PQ_ERR_ENDED)
        return gone(g, r, s);
    if (n == PQ_ERR_TAG) {
        pq_bucket_take(&s->failed, pq_rate_failed, r->now);
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_BAD_REQUEST, .text = forged},
                                 "4.00 Decryption failed");
    }
    if (n < 0)
        return internal(g, r);
    s->last = r->now;
    deliver(g, r, s, pq_nonce_seq(record.data), (size_t)n);
    return sealed(g, r, s, record.data);
}

/* --- POST /msg */

/* The PSK's name; NULL: none. False if there is any query but one well-formed k=. */
static bool kid_of(const pq_coap *m, pq_span *kid)
{
    *kid = (pq_span){NULL, 0};
    if (m->queries == 0)
        return true;
    if (m->queries > 1 || m->query.len < 3 || m->query.len > 2 + PQ_MAX_KID ||
        memcmp(m->query.data, "k=", 2) != 0)
        return false;
    *kid = (pq_span){m->query.data + 2, m->query.len - 2};
    return true;
}

size_t pq_gateway_message(pq_gateway *g, request *r)
{
    const pq_coap *m = &r->m;
    bool handshake = m->content_format == pq_suite_format(pq_suite(g->c.params));
    pq_span kid;
    if (!handshake && m->content_format != PQ_CONTENT_FORMAT_RECORD)
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_UNSUPPORTED_FORMAT},
                                 "4.15 Content-Format");
    if (m->accept >= 0 && m->accept != PQ_CONTENT_FORMAT_RECORD)
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_NOT_ACCEPTABLE}, "4.06 Accept");
    if (!kid_of(m, &kid) || (kid.data != NULL && !handshake))
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_BAD_OPTION}, "4.02 Uri-Query");
    if (m->payload.len > PQ_COAP_MAX_BODY)
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_TOO_LARGE}, "4.13 body");
    if (m->block1.data != NULL)
        return pq_gateway_blocks(g, r, kid, handshake);
    return handshake ? pq_gateway_handshake(g, r, m->payload, kid) : pq_gateway_record(g, r);
}
