#include "gateway.h"

#include <string.h>

#include "pq_crypto.h"
#include "pq_secret.h"

/* --- The long-term key */

/* Makes the seed, once in the life of a gateway. */
static int make_seed(pq_gateway_role *r)
{
    pq_settings s = r->node.settings;
    int err = pq_port_random(s.seed, sizeof s.seed);
    if (err != PQ_OK) {
        pq_node_say(&r->node, "error: the random generator failed; no key was made");
    } else {
        s.has_seed = true;
        s.suite = r->node.suite;
        err = pq_node_keep(&r->node, &s);
        if (err == PQ_OK)
            pq_node_say(&r->node, "a new key was made");
    }
    pq_wipe(&s, sizeof s);
    return err;
}

static int expand_seed(pq_gateway_role *r)
{
    const pq_kem_params *p = r->node.params;
    uint64_t start = pq_port_time_us();
    int err = pq_kem_keypair_derand(p, r->in.ek, r->dk, r->node.settings.seed);
    pq_event timing = {.kind = PQ_EVENT_TIMING,
                       .name = "kem.keypair",
                       .us = (uint32_t)(pq_port_time_us() - start)};
    if (err == PQ_OK)
        err = pq_sha256(r->pin, &(pq_span){r->in.ek, p->ek_bytes}, 1);
    if (err != PQ_OK)
        return err;
    pq_node_event(&r->node, &timing);
    pq_text *t = pq_console_begin(&r->node.console);
    pq_text_str(t, "pin ");
    pq_text_hex(t, r->pin, sizeof r->pin);
    pq_console_end(&r->node.console);
    return PQ_OK;
}

static void prepare_key(pq_gateway_role *r)
{
    pq_node *n = &r->node;
    bool usable = n->store == PQ_OK || n->store == PQ_ERR_EMPTY;
    if (usable && n->settings.has_seed && n->settings.suite != n->suite) {
        pq_node_say(n, "error: the key in the store is for another parameter set than this "
                       "firmware's; to make a new one: reset all");
        usable = false;
    }
    r->has_key =
        usable && (n->settings.has_seed || make_seed(r) == PQ_OK) && expand_seed(r) == PQ_OK;
    if (!r->has_key)
        pq_light_steady(&n->light, PQ_LED_RED);
}

/* --- The application */

static void on_event(void *ctx, const pq_event *e)
{
    pq_gateway_role *r = ctx;
    pq_node_event(&r->node, e);
    if (e->kind == PQ_EVENT_MESSAGE)
        pq_node_display(&r->node, e->text);
}

static void start(pq_gateway_role *r)
{
    const pq_settings *s = &r->node.settings;
    pq_gateway_config c = {.params = r->node.params,
                           .dk = r->dk,
                           .psks = s->psks,
                           .psk_count = s->psk_count,
                           .require_psk = s->require_psk,
                           .event = on_event,
                           .ctx = r};
    bool again = r->running;
    r->node.stale = false;
    int err = again ? PQ_OK : pq_port_udp_open(PQ_COAP_PORT);
    if (err != PQ_OK) {
        pq_node_say(&r->node, "error: UDP port 5683 cannot be opened");
        r->has_key = false;
        return;
    }
    r->running = pq_gateway_init(&r->gateway, &c) == PQ_OK;
    if (!r->running) {
        pq_node_say(&r->node, "error: the gateway cannot start");
        r->has_key = false;
        pq_light_steady(&r->node.light, PQ_LED_RED);
    } else {
        pq_node_say(&r->node, again ? "all sessions have ended" : "ready");
    }
}

static void serve(pq_gateway_role *r)
{
    pq_endpoint from;
    int n;
    while ((n = pq_port_udp_receive(&from, r->in.datagram, sizeof r->in.datagram)) >= 0 ||
           n == PQ_ERR_LENGTH) {
        size_t len = n >= 0 ? (size_t)n : sizeof r->in.datagram;
        size_t answer = pq_gateway_receive(&r->gateway, &from, r->in.datagram, len, r->answer);
        if (answer > 0) /* a lost answer is the sender's to ask for again */
            (void)pq_port_udp_send(&from, r->answer, answer);
    }
}

static void show(void *role, pq_text *t)
{
    const pq_gateway_role *r = role;
    pq_text_str(t, "\r\npin ");
    if (r->has_key)
        pq_text_hex(t, r->pin, sizeof r->pin);
    else
        pq_text_str(t, "none: there is no key");
}

int pq_role_gateway(pq_gateway_role *r, const pq_board *board, uint8_t suite)
{
    static const pq_node_kind kind = {PQ_ROLE_GATEWAY, "gateway", show, NULL};
    pq_wipe(r, sizeof *r);
    int err = pq_node_start(&r->node, &kind, r, board, suite);
    if (err != PQ_OK)
        return err;
    prepare_key(r);
    uint32_t us;
    do {
        pq_node_begin(&r->node);
        if (r->has_key && r->node.ready && (!r->running || r->node.stale))
            start(r);
        if (r->running)
            serve(r);
        us = pq_node_end(&r->node);
    } while (pq_port_wait(us) != PQ_PORT_STOP);
    pq_wipe(r, sizeof *r);
    return PQ_OK;
}
