/* Somebody on the way between a sender and its gateway, who holds no key: the input
 * says what becomes of each answer. Whatever he does,
 *   - the sender sends well-formed CoAP only, and to a gateway with the pinned key only
 *     records that verify;
 *   - a session or a message it believes in is one that the gateway has accepted;
 *   - each message ends, once, within its time;
 *   - once he is gone, the next message arrives. */
#include "world.h"

#include <string.h>

#include "../../fuzz/fuzz.h"

#define QUEUED 3u
#define LIMIT  100000000ull /* µs, for one message */

enum {
    PASS,
    DROP,
    DUPLICATE,
    FLIP,
    CUT,
    EXTEND,
    RAW,
    REPLAY,
    REFUSE,
    SEPARATE,
    RETYPE,
    REBOOT,
    LATE,
    OPS
};

static input in;
static uint8_t kept[WORLD_PACKET];
static size_t kept_len;

static size_t refuse(const pq_coap *request, uint8_t *answer)
{
    pq_coap_writer c;
    uint8_t code = take8(&in), options = take8(&in);
    size_t n;
    const uint8_t *value = take_bytes(&in, options % 48, &n);
    pq_coap_begin(&c, answer, WORLD_PACKET, PQ_COAP_ACK, code, request->mid, request->token);
    if (options & 0x40)
        pq_coap_option_uint(&c, PQ_COAP_CONTENT_FORMAT,
                            code & 1 ? PQ_CONTENT_FORMAT_RECORD : PQ_CONTENT_FORMAT_KEY);
    pq_coap_option_uint(&c, PQ_COAP_MAX_AGE, take8(&in));
    if (options & 0x80)
        pq_coap_option(&c, PQ_COAP_ECHO, value, n);
    uint8_t *p = pq_coap_payload(&c, n);
    if (p != NULL)
        memcpy(p, value, n);
    int len = pq_coap_end(&c);
    MUST(len > 0);
    return (size_t)len;
}

static size_t raw(const pq_coap *request, uint8_t *answer)
{
    size_t n;
    const uint8_t *bytes = take_bytes(&in, take8(&in), &n);
    memcpy(answer, bytes, n);
    if (n >= 8 && (answer[0] & 15) == 4) { /* of the right message id and token */
        answer[2] = (uint8_t)(request->mid >> 8);
        answer[3] = (uint8_t)request->mid;
        memcpy(answer + 4, request->token.data, request->token.len);
    }
    return n;
}

static size_t change(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    uint8_t ack[4];
    switch (take8(&in) % OPS) {
    case DROP:
        return 0;
    case DUPLICATE:
        world_arrive(w, answer, len);
        return len;
    case FLIP:
        for (unsigned n = 1 + take8(&in) % 4u; n > 0; n--) {
            /* near the head or anywhere */
            size_t at = take16(&in);
            at = at & 0x8000 ? at % 40 : at;
            answer[at % len] ^= (uint8_t)(take8(&in) | 1);
        }
        return len;
    case CUT:
        return take16(&in) % len;
    case EXTEND: {
        size_t n;
        const uint8_t *bytes = take_bytes(&in, take8(&in), &n);
        memcpy(answer + len, bytes, n);
        return len + n;
    }
    case RAW:
        return raw(request, answer);
    case REPLAY: /* an old payload under the new head */
        if (kept_len > 8 && len > 8)
            memcpy(answer + 8, kept + 8, kept_len - 8);
        return kept_len > 8 ? kept_len : len;
    case REFUSE: {
        uint8_t forged[WORLD_PACKET];
        size_t n = refuse(request, forged);
        world_arrive(w, forged, n);
        return take8(&in) & 1 ? len : 0;
    }
    case SEPARATE:
        pq_coap_empty(ack, PQ_COAP_ACK, request->mid);
        world_arrive(w, ack, sizeof ack);
        answer[0] = (uint8_t)((answer[0] & 0xcf) | (take8(&in) & 1) << 4);
        return len;
    case RETYPE:
        answer[0] = (uint8_t)((answer[0] & 0xcf) | (take8(&in) & 3) << 4);
        return len;
    case REBOOT:
        world_reboot(w);
        return len;
    case LATE:
        w->now += take16(&in) * 1000ull;
        return len;
    default:
        return len;
    }
}

static size_t tap(world *w, const pq_coap *request, uint8_t *answer, size_t len)
{
    uint8_t genuine[WORLD_PACKET];
    memcpy(genuine, answer, len);
    size_t n = in.n > 0 ? change(w, request, answer, len) : len;
    if (len > 8) {
        memcpy(kept, genuine, len);
        kept_len = len;
    }
    return n;
}

static void send_one(world *w)
{
    unsigned over = w->kinds[PQ_EVENT_MESSAGE] + w->kinds[PQ_EVENT_FAILED];
    uint64_t began = w->now;
    MUST(world_send(w, "x") == PQ_OK);
    MUST(w->kinds[PQ_EVENT_MESSAGE] + w->kinds[PQ_EVENT_FAILED] == over + 1);
    /* LATE moves time by 65.5 s at most while it does not look */
    MUST(w->now - began <= LIMIT + 66000000);
    MUST(w->kinds[PQ_EVENT_MESSAGE] <= w->accepted_len);
    MUST(w->kinds[PQ_EVENT_SESSION] <= w->sessions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    in = (input){data, size};
    kept_len = 0;
    world *w = world_new(&pq_kem_512);
    w->keep_log = false;
    uint8_t flags = take8(&in);
    bool trusts = flags & 2;
    if (flags & 1)
        w->config.psk = &w->psk;
    w->config.trust_on_first_use = trusts;
    world_boot_sender(w);
    if (flags & 4)
        send_one(w); /* a session is open already */
    w->tap = tap;
    for (unsigned i = 0; i < QUEUED; i++)
        send_one(w);
    MUST(trusts || w->bad_tags == 0);
    w->tap = NULL;
    w->queue_len = 0;
    unsigned before = w->kinds[PQ_EVENT_MESSAGE];
    send_one(w);
    MUST(w->kinds[PQ_EVENT_MESSAGE] == before + 1);
    return 0;
}
