#include <string.h>

#include "pq_secret.h"
#include "pq_sender_internal.h"

/* --- The handshake */

void pq_sender_shake(pq_sender *s)
{
    s->phase = PQ_SENDER_SHAKES;
    s->waiting = false;
    s->repeats = 0;
    s->offered = false;
}

void pq_sender_shake_repeat(pq_sender *s)
{
    s->offered = false;
}

void pq_sender_shake_end(pq_sender *s)
{
    pq_wipe(s->ss, sizeof s->ss);
    pq_wipe(s->offers, sizeof s->offers);
    s->offers_len = 0;
    s->encapsulated = false;
}

static int encapsulate(pq_sender *s)
{
    uint64_t began = pq_port_time_us();
    int err = pq_kem_encaps(s->c.params, s->body, s->ss, s->ek, pq_sender_random, NULL);
    if (err != PQ_OK)
        return err;
    pq_sender_timing(s, "kem.encaps", began);
    s->encapsulated = true;
    return PQ_OK;
}

/* Derives the keys for the Echo that we hold and seals the first record, behind the
 * ciphertext. */
static int make_offer(pq_sender *s)
{
    pq_sender_offer *o = &s->offers[s->offers_len];
    size_t ct_len = s->c.params->ct_bytes;
    pq_transcript t = {
        .suite = pq_suite(s->c.params),
        .echo = {s->echo, s->echo_len},
        .pin = s->key_hash,
        .ct = {s->body, ct_len},
    };
    if (s->c.psk != NULL) {
        t.kid = (pq_span){s->c.psk->kid, s->c.psk->kid_len};
        t.psk = (pq_span){s->c.psk->key, sizeof s->c.psk->key};
    }
    pq_keys keys;
    uint64_t began = pq_port_time_us();
    int rc = pq_session_derive(&keys, &t, s->ss);
    if (rc != PQ_OK)
        return rc;
    pq_sender_timing(s, "hkdf", began);
    pq_client_init(&o->client, &keys, pq_port_time_us());
    pq_wipe(&keys, sizeof keys);
    o->complete = false;
    began = pq_port_time_us();
    rc = pq_client_seal(&o->client, s->body + ct_len, s->nonce, pq_sender_text(s));
    if (rc < 0)
        return rc;
    pq_sender_timing(s, "ccm.seal", began);
    s->body_len = (uint16_t)(ct_len + (size_t)rc);
    s->block = (pq_coap_block){.szx = PQ_COAP_MAX_SZX};
    s->offers_len++;
    s->offered = true;
    return pq_port_random(s->request_tag, sizeof s->request_tag);
}

static void handshake_options(const pq_sender *s, pq_coap_writer *w, bool blockwise)
{
    pq_coap_option(w, PQ_COAP_URI_PATH, "msg", 3);
    pq_coap_option_uint(w, PQ_COAP_CONTENT_FORMAT, pq_suite_format(pq_suite(s->c.params)));
    if (s->c.psk != NULL) {
        uint8_t query[2 + PQ_MAX_KID] = {'k', '='};
        memcpy(query + 2, s->c.psk->kid, s->c.psk->kid_len);
        pq_coap_option(w, PQ_COAP_URI_QUERY, query, 2u + s->c.psk->kid_len);
    }
    if (blockwise)
        pq_coap_option_block(w, PQ_COAP_BLOCK1, &s->block);
    if (s->echo_len > 0)
        pq_coap_option(w, PQ_COAP_ECHO, s->echo, s->echo_len);
    if (blockwise)
        pq_coap_option(w, PQ_COAP_REQUEST_TAG, s->request_tag, sizeof s->request_tag);
}

int pq_sender_shake_write(pq_sender *s)
{
    int err = s->encapsulated ? PQ_OK : encapsulate(s);
    if (err == PQ_OK && !s->offered)
        err = make_offer(s);
    if (err != PQ_OK)
        return err;
    size_t at = pq_coap_block_offset(&s->block), len = s->body_len - at;
    s->block.more = len > PQ_COAP_MAX_BODY;
    if (s->block.more)
        len = PQ_COAP_MAX_BODY;

    pq_coap_writer w;
    pq_coap_begin(&w, s->packet, sizeof s->packet, PQ_COAP_CON, PQ_COAP_POST, s->request.mid,
                  (pq_span){s->request.token, sizeof s->request.token});
    handshake_options(s, &w, s->body_len > PQ_COAP_MAX_BODY);
    uint8_t *payload = pq_coap_payload(&w, len);
    if (payload != NULL)
        memcpy(payload, s->body + at, len);
    if (!s->block.more) {
        s->offers[s->offers_len - 1].request = s->request;
        s->offers[s->offers_len - 1].complete = true;
    }
    return pq_coap_end(&w);
}

/* --- Answers under the session's key */

/* Verifies a 2.04 as the answer to the record with nonce; returns the length of its
 * data in out, PQ_MAX_DATA bytes, or negative. */
static int verify(pq_sender *s, pq_client *c, const uint8_t *nonce, const pq_coap *m, uint8_t *out)
{
    if (m->code != PQ_COAP_CHANGED || m->content_format != PQ_CONTENT_FORMAT_RECORD ||
        m->payload.data == NULL || m->payload.len > PQ_MAX_DATA + PQ_RECORD_OVERHEAD)
        return PQ_ERR_FORMAT;
    uint64_t began = pq_port_time_us();
    int n = pq_client_open(c, out, nonce, m->payload);
    if (n >= 0)
        pq_sender_timing(s, "ccm.open", began);
    return n;
}

/* Makes a confirmed offer the session. */
static void opened(pq_sender *s, const pq_sender_offer *o)
{
    s->client = o->client;
    s->open = true;
    pq_event e = {.kind = PQ_EVENT_SESSION};
    memcpy(e.sid, s->client.keys.sid, sizeof e.sid);
    pq_sender_emit(s, &e);
    if (!s->c.trust_on_first_use)
        return;
    s->c.trust_on_first_use = false;
    memcpy(s->c.pin, s->key_hash, sizeof s->c.pin);
    e.kind = PQ_EVENT_PINNED;
    e.text = (pq_span){s->c.pin, sizeof s->c.pin};
    pq_sender_emit(s, &e);
}

pq_sender_verdict pq_sender_shake_judge(pq_sender *s, const pq_coap *m, pq_sender_offer *o)
{
    if (o == NULL && s->block.more) {
        if (m->code != PQ_COAP_CONTINUE)
            return PQ_SENDER_HINT;
        s->block.num++;
        s->waiting = false;
        return PQ_SENDER_ANSWERED;
    }
    if (o == NULL)
        o = &s->offers[s->offers_len - 1];
    uint8_t answer[PQ_MAX_DATA];
    int n = verify(s, &o->client, s->nonce, m, answer);
    if (n < 0)
        return PQ_SENDER_HINT;
    opened(s, o);
    if (s->queue[s->first].len > 0) {
        pq_sender_done(s, 0, (pq_span){answer, (size_t)n});
    } else { /* a handshake without data carries no message, an empty record does */
        pq_sender_shake_end(s);
        s->phase = PQ_SENDER_SENDS;
        s->waiting = false;
    }
    return PQ_SENDER_ANSWERED;
}

/* --- Records */

int pq_sender_record_write(pq_sender *s)
{
    pq_span text = pq_sender_text(s);
    pq_coap_writer w;
    pq_coap_begin(&w, s->packet, sizeof s->packet, PQ_COAP_CON, PQ_COAP_POST, s->request.mid,
                  (pq_span){s->request.token, sizeof s->request.token});
    pq_coap_option(&w, PQ_COAP_URI_PATH, "msg", 3);
    pq_coap_option_uint(&w, PQ_COAP_CONTENT_FORMAT, PQ_CONTENT_FORMAT_RECORD);
    uint8_t *payload = pq_coap_payload(&w, text.len + PQ_RECORD_OVERHEAD);
    if (payload == NULL)
        return PQ_ERR_LENGTH;
    uint64_t began = pq_port_time_us();
    int n = pq_client_seal(&s->client, payload, s->nonce, text);
    if (n < 0)
        return n;
    pq_sender_timing(s, "ccm.seal", began);
    return pq_coap_end(&w);
}

pq_sender_verdict pq_sender_record_judge(pq_sender *s, const pq_coap *m)
{
    uint8_t answer[PQ_MAX_DATA];
    int n = verify(s, &s->client, s->nonce, m, answer);
    if (n < 0)
        return PQ_SENDER_HINT;
    pq_sender_done(s, pq_nonce_seq(s->nonce), (pq_span){answer, (size_t)n});
    return PQ_SENDER_ANSWERED;
}
