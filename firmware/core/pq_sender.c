#include "pq_sender_internal.h"

#include <string.h>

#include "pq_secret.h"

/* RFC 7252 §4.8; the first time-out lies between ACK_TIMEOUT and ACK_TIMEOUT times
 * ACK_RANDOM_FACTOR, 1.5. */
#define ACK_TIMEOUT_US    2000000u
#define ACK_SPREAD_US     1000000u
#define MAX_RETRANSMIT    4
#define TRANSMIT_WAIT_US  93000000u /* §4.8.2: for a separate response */
#define MID_LIFETIME_US   (PQ_COAP_EXCHANGE_LIFETIME * (uint64_t)1000000)
#define MID_PART          (65536u / PQ_SENDER_MID_PARTS)
#define BACKOFF_FIRST_US  2000000u
#define BACKOFF_LONGEST_S 60u

int pq_sender_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    return pq_port_random(out, len);
}

int pq_sender_init(pq_sender *s, const pq_sender_config *c)
{
    pq_wipe(s, sizeof *s);
    if (c->params == NULL || c->gateway.port == 0 ||
        (c->gateway.addr_len != 4 && c->gateway.addr_len != 16) ||
        (c->psk != NULL && (c->psk->kid_len < 1 || c->psk->kid_len > PQ_MAX_KID)))
        return PQ_ERR_ARG;
    uint8_t mid[2];
    int err = pq_port_random(mid, sizeof mid);
    if (err != PQ_OK)
        return err;
    s->c = *c;
    if (s->c.timeout_s == 0)
        s->c.timeout_s = PQ_SENDER_TIMEOUT_S;
    s->next_mid = pq_load16(mid);
    s->backoff = BACKOFF_FIRST_US;
    return PQ_OK;
}

int pq_sender_send(pq_sender *s, pq_span text)
{
    if (text.len > PQ_MAX_FIRST_DATA)
        return PQ_ERR_LENGTH;
    if (s->count == PQ_SENDER_QUEUE)
        return PQ_ERR_FULL;
    unsigned at = (s->first + s->count) % PQ_SENDER_QUEUE;
    s->queue[at].len = (uint8_t)text.len;
    if (text.len > 0)
        memcpy(s->queue[at].text, text.data, text.len);
    s->count++;
    return PQ_OK;
}

/* --- Events, and the end of a message */

void pq_sender_emit(pq_sender *s, pq_event *e)
{
    e->peer = s->c.gateway;
    if (s->c.event != NULL)
        s->c.event(s->c.ctx, e);
}

void pq_sender_timing(pq_sender *s, const char *step, uint64_t began_us)
{
    pq_event e = {.kind = PQ_EVENT_TIMING, .name = step};
    e.us = (uint32_t)(pq_port_time_us() - began_us);
    pq_sender_emit(s, &e);
}

/* The event is told while the message is still in its place, so that text holds;
 * what the role queues meanwhile goes behind it. */
static void end(pq_sender *s, pq_event *e)
{
    pq_sender_shake_end(s);
    s->phase = PQ_SENDER_RESTS;
    s->waiting = false;
    pq_sender_emit(s, e);
    pq_wipe(&s->queue[s->first], sizeof s->queue[s->first]);
    s->first = (uint8_t)((s->first + 1) % PQ_SENDER_QUEUE);
    s->count--;
}

void pq_sender_fail(pq_sender *s, const char *why)
{
    pq_event e = {.kind = PQ_EVENT_FAILED, .name = why, .text = pq_sender_text(s)};
    end(s, &e);
}

void pq_sender_done(pq_sender *s, uint64_t seq, pq_span answer)
{
    pq_event e = {.kind = PQ_EVENT_MESSAGE, .seq = seq, .text = answer};
    memcpy(e.sid, s->client.keys.sid, sizeof e.sid);
    s->backoff = BACKOFF_FIRST_US;
    end(s, &e);
}

/* --- One exchange (RFC 7252 §4.2) */

/* Each message id is used at most once in EXCHANGE_LIFETIME (§4.4). They are kept
 * count of in parts; a part opens again that long after its last use. Returns for how
 * many µs there is none. */
static uint64_t no_mid_for(const pq_sender *s, uint64_t now)
{
    uint64_t free_at = s->mid_free[s->next_mid / MID_PART];
    bool enters = s->next_mid % MID_PART == 0;
    return enters && now < free_at ? free_at - now : 0;
}

static uint16_t take_mid(pq_sender *s, uint64_t now)
{
    s->mid_free[s->next_mid / MID_PART] = now + MID_LIFETIME_US;
    return s->next_mid++;
}

/* A send that fails is a loss like any other. */
static void transmit(pq_sender *s)
{
    (void)pq_port_udp_send(&s->c.gateway, s->packet, s->packet_len);
}

static void reply_empty(pq_sender *s, uint8_t type, uint16_t mid)
{
    uint8_t out[PQ_COAP_HEADER_SIZE];
    pq_coap_empty(out, type, mid);
    (void)pq_port_udp_send(&s->c.gateway, out, sizeof out);
}

static int write_request(pq_sender *s)
{
    switch (s->phase) {
    case PQ_SENDER_FETCHES:
        return pq_sender_fetch_write(s);
    case PQ_SENDER_SHAKES:
        return pq_sender_shake_write(s);
    default:
        return pq_sender_record_write(s);
    }
}

/* Makes and sends the next request. Returns for how many µs it cannot. */
static uint64_t start_exchange(pq_sender *s, uint64_t now)
{
    uint64_t wait = no_mid_for(s, now);
    if (wait > 0)
        return wait;
    s->request.mid = take_mid(s, now);
    uint8_t jitter[2];
    if (pq_port_random(s->request.token, sizeof s->request.token) != PQ_OK ||
        pq_port_random(jitter, sizeof jitter) != PQ_OK) {
        pq_sender_fail(s, PQ_SENDER_FAULT);
        return 0;
    }
    int len = write_request(s);
    if (len == PQ_ERR_ENDED) { /* the session has; a new one then */
        pq_sender_fetch(s);
        return 0;
    }
    if (len < 0) {
        pq_sender_fail(s, len == PQ_ERR_KEY ? PQ_SENDER_KEY : PQ_SENDER_FAULT);
        return 0;
    }
    s->packet_len = (uint16_t)len;
    s->waiting = true;
    s->hinted = false;
    s->left = MAX_RETRANSMIT;
    s->interval =
        ACK_TIMEOUT_US + (uint32_t)((uint64_t)ACK_SPREAD_US * pq_load16(jitter) / UINT16_MAX);
    s->retransmit = pq_port_time_us() + s->interval; /* an encapsulation may have taken a while */
    transmit(s);
    return 0;
}

/* Handles the timers that have run out. */
static void expire(pq_sender *s, uint64_t now)
{
    if (s->hinted && now >= s->until) {
        pq_sender_fetch(s);
        return;
    }
    if (now < s->retransmit)
        return;
    if (s->left > 0) {
        s->left--;
        s->interval *= 2;
        s->retransmit = now + s->interval;
        transmit(s);
    } else if (s->hinted) {
        s->retransmit = s->deadline; /* only the back-off is left to wait for */
    } else {
        pq_sender_fail(s, PQ_SENDER_NO_ANSWER);
    }
}

static void next_message(pq_sender *s, uint64_t now)
{
    s->deadline = now + s->c.timeout_s * (uint64_t)1000000;
    if (s->open && !pq_client_ended(&s->client, now)) {
        s->phase = PQ_SENDER_SENDS;
        s->waiting = false;
    } else {
        pq_sender_fetch(s);
    }
}

/* µs from now to the earliest timer of the exchange. */
static uint64_t until_wake(const pq_sender *s, uint64_t now)
{
    uint64_t at = s->deadline < s->retransmit ? s->deadline : s->retransmit;
    if (s->hinted && s->until < at)
        at = s->until;
    return at > now ? at - now : 0;
}

/* What is done at now; returns for how many µs nothing is. */
static uint64_t step(pq_sender *s, uint64_t now)
{
    if (s->phase == PQ_SENDER_RESTS) {
        uint64_t wait = s->count > 0 ? no_mid_for(s, now) : PQ_SENDER_IDLE;
        if (wait > 0)
            return wait;
        next_message(s, now);
    }
    uint64_t wait = 0;
    if (now >= s->deadline) {
        pq_sender_fail(s, PQ_SENDER_TIMEOUT);
    } else if (s->waiting) {
        expire(s, now);
    } else {
        wait = start_exchange(s, now);
        if (wait > s->deadline - now)
            wait = s->deadline - now;
    }
    return s->waiting ? until_wake(s, now) : wait;
}

uint32_t pq_sender_poll(pq_sender *s)
{
    uint64_t wait = step(s, pq_port_time_us());
    return wait < PQ_SENDER_IDLE ? (uint32_t)wait : PQ_SENDER_IDLE;
}

/* --- What arrives */

static bool same_endpoint(const pq_endpoint *a, const pq_endpoint *b)
{
    return a->port == b->port && a->addr_len == b->addr_len &&
           memcmp(a->addr, b->addr, a->addr_len) == 0;
}

/* Whether m belongs to the request (§4.2, §5.3.2). */
static bool answers(const pq_coap *m, const pq_sender_request *r)
{
    if (m->code == PQ_COAP_EMPTY)
        return (m->type == PQ_COAP_ACK || m->type == PQ_COAP_RST) && m->mid == r->mid;
    bool same_token =
        m->token.len == sizeof r->token && memcmp(m->token.data, r->token, sizeof r->token) == 0;
    if (m->code < PQ_COAP_CODE(2, 0) || !same_token)
        return false;
    return m->type == PQ_COAP_CON || m->type == PQ_COAP_NON ||
           (m->type == PQ_COAP_ACK && m->mid == r->mid);
}

/* Finds the request that m answers: the one outstanding, or one that completed an
 * earlier offer of the same handshake (*offer). */
static bool match(pq_sender *s, const pq_coap *m, pq_sender_offer **offer)
{
    *offer = NULL;
    if (s->waiting && answers(m, &s->request))
        return true;
    for (uint8_t i = 0; s->phase == PQ_SENDER_SHAKES && i < s->offers_len; i++) {
        if (s->offers[i].complete && answers(m, &s->offers[i].request)) {
            *offer = &s->offers[i];
            return true;
        }
    }
    return false;
}

/* What a hint is called. */
static const char *name_of(const pq_coap *m)
{
    static const struct {
        uint8_t code;
        const char *name;
    } names[] = {
        {PQ_COAP_EMPTY, "a Reset"},
        {PQ_COAP_VALID, "2.03 that does not verify"},
        {PQ_COAP_CHANGED, "2.04 that does not verify"},
        {PQ_COAP_CONTENT, "2.05 that does not verify"},
        {PQ_COAP_BAD_REQUEST, "4.00"},
        {PQ_COAP_UNAUTHORIZED, "4.01"},
        {PQ_COAP_BAD_OPTION, "4.02"},
        {PQ_COAP_FORBIDDEN, "4.03"},
        {PQ_COAP_NOT_FOUND, "4.04"},
        {PQ_COAP_METHOD_NOT_ALLOWED, "4.05"},
        {PQ_COAP_INCOMPLETE, "4.08"},
        {PQ_COAP_TOO_LARGE, "4.13"},
        {PQ_COAP_UNSUPPORTED_FORMAT, "4.15"},
        {PQ_COAP_INTERNAL_ERROR, "5.00"},
        {PQ_COAP_UNAVAILABLE, "5.03"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].code == m->code)
            return names[i].name;
    }
    return "an answer of an unexpected code";
}

/* Waits from the first hint of an exchange on, while the genuine answer may still
 * come. Max-Age says when to come back in a 5.03 only (§5.9.3.4); elsewhere it is for
 * caches. */
static void back_off(pq_sender *s, const pq_coap *m)
{
    uint32_t max_age = m->code == PQ_COAP_UNAVAILABLE ? m->max_age : 0;
    if (max_age > BACKOFF_LONGEST_S)
        max_age = BACKOFF_LONGEST_S;
    pq_event e = {.kind = PQ_EVENT_REFUSED, .name = name_of(m), .us = s->backoff};
    if (e.us < max_age * 1000000u)
        e.us = max_age * 1000000u;
    if (m->code >= PQ_COAP_CODE(4, 0))
        e.text = m->payload;
    s->backoff = 2 * s->backoff < BACKOFF_LONGEST_S * 1000000u ? 2 * s->backoff
                                                               : BACKOFF_LONGEST_S * 1000000u;
    s->hinted = true;
    s->until = pq_port_time_us() + e.us;
    pq_sender_emit(s, &e);
}

bool pq_sender_take_echo(pq_sender *s, const pq_coap *m)
{
    if (m->echo.data == NULL || m->echo.len < 1 || m->echo.len > sizeof s->echo)
        return false;
    s->echo_len = (uint8_t)m->echo.len;
    memcpy(s->echo, m->echo.data, m->echo.len);
    return true;
}

static void take_hint(pq_sender *s, const pq_coap *m)
{
    bool repeatable = s->phase == PQ_SENDER_FETCHES || s->phase == PQ_SENDER_SHAKES;
    if (m->code == PQ_COAP_UNAUTHORIZED && repeatable && s->repeats < PQ_SENDER_MAX_REPEATS &&
        pq_sender_take_echo(s, m)) {
        s->repeats++;
        s->waiting = false;
        if (s->phase == PQ_SENDER_SHAKES)
            pq_sender_shake_repeat(s);
    } else if (!s->hinted) {
        back_off(s, m);
    }
}

static pq_sender_verdict judge(pq_sender *s, const pq_coap *m, pq_sender_offer *offer)
{
    switch (s->phase) {
    case PQ_SENDER_FETCHES:
        return pq_sender_fetch_judge(s, m);
    case PQ_SENDER_SHAKES:
        return pq_sender_shake_judge(s, m, offer);
    default:
        return pq_sender_record_judge(s, m);
    }
}

/* Acknowledges or rejects a CON (§4.2). A separate response that comes again is
 * acknowledged again, though its request is over. */
static void acknowledge(pq_sender *s, const pq_coap *m, bool matched)
{
    if (m->type != PQ_COAP_CON)
        return;
    if (matched) {
        s->acked = true;
        s->acked_mid = m->mid;
    }
    bool again = s->acked && s->acked_mid == m->mid && m->code >= PQ_COAP_CODE(2, 0);
    reply_empty(s, matched || again ? PQ_COAP_ACK : PQ_COAP_RST, m->mid);
}

void pq_sender_receive(pq_sender *s, const pq_endpoint *from, const uint8_t *datagram, size_t len)
{
    pq_coap m;
    if (!same_endpoint(from, &s->c.gateway))
        return;
    int err = pq_coap_parse(&m, datagram, len);
    if (err == PQ_ERR_FORMAT)
        acknowledge(s, &m, false);
    if (err != PQ_OK)
        return;
    pq_sender_offer *offer;
    /* A critical option that we do not know rejects a response (§5.4.1). */
    bool matched = match(s, &m, &offer) && m.unrecognised == 0;
    acknowledge(s, &m, matched);
    if (!matched)
        return;
    if (m.type == PQ_COAP_ACK &&
        m.code == PQ_COAP_EMPTY) { /* the response comes by itself, §5.2.2 */
        if (offer == NULL) {
            s->left = 0;
            s->retransmit = pq_port_time_us() + TRANSMIT_WAIT_US;
        }
        return;
    }
    /* What answers an earlier offer counts only if it is genuine. */
    if (judge(s, &m, offer) == PQ_SENDER_HINT && offer == NULL)
        take_hint(s, &m);
}
