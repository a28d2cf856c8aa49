#include "sender.h"

#include <string.h>

#include "pq_secret.h"

#define STATUS_MAX 64 /* bytes of a status message */

/* --- Settings */

/* What the sender cannot do without; NULL if all is there. */
static const char *missing(const pq_settings *s)
{
    if (s->gateway.addr_len == 0)
        return "no gateway is set: gateway IP";
    if (!s->has_pin && !s->trust_on_first_use)
        return "no pin is set: pin HEX, as the gateway prints it, or pin first-use";
    return NULL;
}

/* The first key was trusted: from now on no other will be. */
static void keep_pin(pq_sender_role *r, pq_span pin)
{
    pq_settings s = r->node.settings;
    if (pin.len != sizeof s.pin)
        return;
    memcpy(s.pin, pin.data, sizeof s.pin);
    s.has_pin = true;
    s.trust_on_first_use = false;
    if (pq_node_keep(&r->node, &s) != PQ_OK)
        pq_node_say(&r->node, "error: the pin is not kept: after a reboot the first key is "
                              "trusted again");
    pq_wipe(&s, sizeof s);
}

/* --- The application */

static void on_event(void *ctx, const pq_event *e)
{
    pq_sender_role *r = ctx;
    pq_node_event(&r->node, e);
    if (e->kind == PQ_EVENT_PINNED)
        keep_pin(r, e->text);
    if (e->kind == PQ_EVENT_MESSAGE)
        pq_node_display(&r->node, e->text);
}

static void start(pq_sender_role *r)
{
    const pq_settings *s = &r->node.settings;
    const char *what = missing(s);
    r->running = false;
    if (what != NULL) {
        if (!r->told || r->node.stale)
            pq_node_say(&r->node, what);
        r->told = true;
        r->node.stale = false;
        return;
    }
    pq_sender_config c = {.params = r->node.params,
                          .gateway = s->gateway,
                          .trust_on_first_use = !s->has_pin,
                          .psk = s->psk_count > 0 ? &s->psks[0] : NULL,
                          .event = on_event,
                          .ctx = r};
    memcpy(c.pin, s->pin, sizeof c.pin);
    r->node.stale = false;
    r->running =
        (r->open || pq_port_udp_open(0) == PQ_OK) && pq_sender_init(&r->sender, &c) == PQ_OK;
    r->open = r->open || r->running;
    r->told = true;
    r->next = pq_port_time_us();
    if (r->running)
        pq_node_say(&r->node, "ready");
    else
        pq_node_say(&r->node, "error: the sender cannot start");
}

static const char *send(void *role, pq_span text)
{
    pq_sender_role *r = role;
    if (!r->running)
        return r->node.ready ? "error: the sender is not set up; see show"
                             : "error: there is no network yet";
    if (pq_sender_send(&r->sender, text) != PQ_OK)
        return "error: 4 messages wait already; try again later";
    r->messages++;
    return NULL;
}

/* Queues the status message if it is due. Returns µs until the next. */
static uint32_t status(pq_sender_role *r)
{
    uint64_t now = pq_port_time_us(), every = r->node.settings.interval * 1000000ull;
    if (every == 0)
        return UINT32_MAX;
    if (r->next > now + every) /* the interval has become shorter */
        r->next = now + every;
    if (now >= r->next) {
        char b[STATUS_MAX];
        pq_text t;
        pq_text_init(&t, b, sizeof b);
        pq_text_str(&t, "up ");
        pq_text_number(&t, now / 1000000);
        pq_text_str(&t, " s, message ");
        pq_text_number(&t, r->messages + 1);
        const char *error = send(r, (pq_span){(const uint8_t *)b, t.len});
        if (error != NULL)
            pq_node_say(&r->node, error);
        r->next = now + every;
    }
    return r->next - now < UINT32_MAX ? (uint32_t)(r->next - now) : UINT32_MAX;
}

static uint32_t work(pq_sender_role *r)
{
    pq_endpoint from;
    int n;
    while ((n = pq_port_udp_receive(&from, r->datagram, sizeof r->datagram)) >= 0 ||
           n == PQ_ERR_LENGTH)
        if (n >= 0)
            pq_sender_receive(&r->sender, &from, r->datagram, (size_t)n);
    uint32_t us = status(r);
    return pq_sooner(us, pq_sender_poll(&r->sender));
}

int pq_role_sender(pq_sender_role *r, const pq_board *board, uint8_t suite)
{
    static const pq_node_kind kind = {PQ_ROLE_SENDER, "sender", NULL, send};
    pq_wipe(r, sizeof *r);
    int err = pq_node_start(&r->node, &kind, r, board, suite);
    if (err != PQ_OK)
        return err;
    uint32_t us;
    do {
        pq_node_begin(&r->node);
        if (r->node.ready && (!r->told || r->node.stale))
            start(r);
        us = r->running ? work(r) : UINT32_MAX;
        us = pq_sooner(us, pq_node_end(&r->node));
    } while (pq_port_wait(us) != PQ_PORT_STOP);
    pq_wipe(r, sizeof *r);
    return PQ_OK;
}
