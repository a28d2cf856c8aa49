#include <string.h>

#include "pq_secret.h"
#include "pq_sender_internal.h"

_Static_assert(sizeof((pq_sender *)0)->body >= PQ_KEM_MAX_EK_BYTES, "body takes a key");

void pq_sender_fetch(pq_sender *s)
{
    pq_sender_shake_end(s);
    pq_wipe(&s->client, sizeof s->client);
    s->open = false;
    s->phase = PQ_SENDER_FETCHES;
    s->waiting = false;
    s->repeats = 0;
    s->echo_len = 0;
    s->body_len = 0;
    s->block = (pq_coap_block){0};
}

int pq_sender_fetch_write(pq_sender *s)
{
    pq_coap_writer w;
    pq_coap_begin(&w, s->packet, sizeof s->packet, PQ_COAP_CON, PQ_COAP_GET, s->request.mid,
                  (pq_span){s->request.token, sizeof s->request.token});
    if (s->has_key && s->body_len == 0)
        pq_coap_option(&w, PQ_COAP_ETAG, s->key_hash, PQ_ETAG_SIZE);
    pq_coap_option(&w, PQ_COAP_URI_PATH, "pk", 2);
    if (s->body_len > 0)
        pq_coap_option_block(&w, PQ_COAP_BLOCK2, &s->block);
    if (s->echo_len > 0)
        pq_coap_option(&w, PQ_COAP_ECHO, s->echo, s->echo_len);
    return pq_coap_end(&w);
}

/* Takes the payload of a 2.05, whole or one block of it. false if it is no part of
 * the key that we are fetching; *more if others follow. */
static bool add(pq_sender *s, const pq_coap *m, bool *more)
{
    pq_coap_block b = {.szx = PQ_COAP_MAX_SZX};
    if (m->block2.data != NULL && pq_coap_block_parse(&b, m->block2) != PQ_OK)
        return false;
    bool first = s->body_len == 0;
    if (pq_coap_block_offset(&b) != s->body_len ||
        (b.more && m->payload.len != pq_coap_block_size(&b)) ||
        m->payload.len > s->c.params->ek_bytes - (size_t)s->body_len)
        return false;
    if (first) {
        s->etag_len = m->etag.len <= sizeof s->etag ? (uint8_t)m->etag.len : 0;
        if (s->etag_len > 0)
            memcpy(s->etag, m->etag.data, s->etag_len);
    } else if (m->etag.len != s->etag_len ||
               (s->etag_len > 0 && memcmp(m->etag.data, s->etag, s->etag_len) != 0)) {
        return false; /* it changed between two blocks */
    }
    if (m->payload.len > 0)
        memcpy(s->body + s->body_len, m->payload.data, m->payload.len);
    s->body_len = (uint16_t)(s->body_len + m->payload.len);
    *more = b.more;
    s->block = (pq_coap_block){.num = b.num + 1, .szx = b.szx};
    return true;
}

/* Checks the key against the pin, then as FIPS 203 §7.2 asks. Returns why it cannot
 * be used, or NULL. */
static const char *adopt(pq_sender *s)
{
    uint8_t hash[32];
    pq_span key = {s->body, s->body_len};
    if (s->body_len != s->c.params->ek_bytes)
        return PQ_SENDER_KEY;
    if (pq_sha256(hash, &key, 1) != PQ_OK)
        return PQ_SENDER_FAULT;
    if (!s->c.trust_on_first_use && pq_ct_diff(hash, s->c.pin, sizeof hash) != 0)
        return PQ_SENDER_PIN;
    if (pq_kem_check_ek(s->c.params, s->body, s->body_len) != PQ_OK)
        return PQ_SENDER_KEY;
    s->has_key = true;
    memcpy(s->ek, s->body, s->body_len);
    memcpy(s->key_hash, hash, sizeof hash);
    return NULL;
}

pq_sender_verdict pq_sender_fetch_judge(pq_sender *s, const pq_coap *m)
{
    if (m->code == PQ_COAP_VALID && s->has_key && s->body_len == 0 &&
        pq_coap_has_etag(m, s->key_hash, PQ_ETAG_SIZE)) {
        (void)pq_sender_take_echo(s, m);
        pq_sender_shake(s);
        return PQ_SENDER_ANSWERED;
    }
    if (m->code != PQ_COAP_CONTENT || m->content_format != PQ_CONTENT_FORMAT_KEY)
        return PQ_SENDER_HINT;
    bool more;
    if (!add(s, m, &more)) {
        pq_sender_fail(s, PQ_SENDER_KEY);
        return PQ_SENDER_ANSWERED;
    }
    (void)pq_sender_take_echo(s, m);
    if (more) {
        s->waiting = false;
        return PQ_SENDER_ANSWERED;
    }
    const char *wrong = adopt(s);
    if (wrong != NULL)
        pq_sender_fail(s, wrong);
    else
        pq_sender_shake(s);
    return PQ_SENDER_ANSWERED;
}
