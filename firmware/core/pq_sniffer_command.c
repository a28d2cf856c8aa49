/* What the sniffer does for each command of the host. A command has two
 * halves: set, which changes something or refuses and then changes nothing,
 * and value, which tells what is in force afterwards. */
#include "pq_sniffer.h"

#include <string.h>

/* How a port's answer is told to the host. */
static uint8_t status_of(int err)
{
    switch (err) {
    case PQ_OK:
        return PQ_REPLY_DONE;
    case PQ_ERR_BUSY:
        return PQ_REPLY_BUSY;
    default:
        return PQ_REPLY_NOT_SUPPORTED;
    }
}

static bool is_channel(uint8_t c)
{
    return c >= PQ_CHANNEL_MIN && c <= PQ_CHANNEL_MAX;
}

static uint8_t say_hello(pq_sniffer *s, const uint8_t *body, size_t len)
{
    (void)body, (void)len;
    s->due |= PQ_SNIFFER_DUE_HELLO;
    return PQ_REPLY_DONE;
}

static uint8_t status_now(pq_sniffer *s, const uint8_t *body, size_t len)
{
    (void)body, (void)len;
    pq_sniffer_status(s);
    return PQ_REPLY_DONE;
}

static size_t no_value(const pq_sniffer *s, uint8_t *out)
{
    (void)s, (void)out;
    return 0;
}

static uint8_t set_channel(pq_sniffer *s, const uint8_t *body, size_t len)
{
    if (len < 1 || !is_channel(body[0]))
        return PQ_REPLY_BAD_VALUE;
    int err = pq_sniffer_tune(s, body[0]);
    if (err == PQ_OK)
        s->hop.n = 0; /* who asks for a channel wants to stay there */
    return status_of(err);
}

static size_t channel(const pq_sniffer *s, uint8_t *out)
{
    out[0] = s->channel;
    return 1;
}

static bool parse_hop(pq_sniffer_hop *hop, const uint8_t *body, size_t len)
{
    if (len < 3 || body[2] > PQ_HOP_MAX_CHANNELS || len < 3u + body[2])
        return false;
    *hop = (pq_sniffer_hop){.dwell = pq_load16(body), .n = body[2]};
    for (size_t i = 0; i < hop->n; i++) {
        hop->channel[i] = body[3 + i];
        if (!is_channel(hop->channel[i]))
            return false;
    }
    return hop->n == 0 || hop->dwell > 0;
}

static uint8_t set_hop(pq_sniffer *s, const uint8_t *body, size_t len)
{
    pq_sniffer_hop want;
    if (!parse_hop(&want, body, len))
        return PQ_REPLY_BAD_VALUE;
    int err = want.n == 0 ? PQ_OK : pq_sniffer_tune(s, want.channel[0]);
    if (err == PQ_OK) {
        s->hop = want;
        s->hop_at = 0;
        s->next_hop = pq_port_time_us() + (uint64_t)want.dwell * 1000;
    }
    return status_of(err);
}

static size_t hop(const pq_sniffer *s, uint8_t *out)
{
    pq_store16(out, s->hop.n > 0 ? s->hop.dwell : 0);
    out[2] = s->hop.n;
    memcpy(out + 3, s->hop.channel, s->hop.n);
    return 3u + s->hop.n;
}

static uint8_t set_snap(pq_sniffer *s, const uint8_t *body, size_t len)
{
    if (len < 2)
        return PQ_REPLY_BAD_VALUE;
    s->wanted.snap = pq_load16(body);
    pq_sniffer_publish_rules(s);
    return PQ_REPLY_DONE;
}

static size_t snap(const pq_sniffer *s, uint8_t *out)
{
    pq_store16(out, s->wanted.snap);
    return 2;
}

static uint8_t set_filter(pq_sniffer *s, const uint8_t *body, size_t len)
{
    pq_filter want;
    if (pq_filter_parse(&want, body, len) != PQ_OK)
        return PQ_REPLY_BAD_VALUE;
    s->wanted.filter = want;
    pq_sniffer_publish_rules(s);
    return PQ_REPLY_DONE;
}

static size_t filter(const pq_sniffer *s, uint8_t *out)
{
    return pq_filter_write(&s->wanted.filter, out);
}

static uint8_t set_baud(pq_sniffer *s, const uint8_t *body, size_t len)
{
    if (len < 4 || !pq_port_uart_can_baud(pq_load32(body)))
        return PQ_REPLY_BAD_VALUE;
    s->next_baud = pq_load32(body); /* in force once the reply has left */
    return PQ_REPLY_DONE;
}

static size_t baud(const pq_sniffer *s, uint8_t *out)
{
    pq_store32(out, s->next_baud != 0 ? s->next_baud : s->baud);
    return 4;
}

static uint8_t set_echo(pq_sniffer *s, const uint8_t *body, size_t len)
{
    s->echo_len = len < sizeof s->echo ? 0 : sizeof s->echo;
    memcpy(s->echo, body, s->echo_len);
    return s->echo_len > 0 ? PQ_REPLY_DONE : PQ_REPLY_BAD_VALUE;
}

static size_t echo(const pq_sniffer *s, uint8_t *out)
{
    memcpy(out, s->echo, s->echo_len);
    return s->echo_len;
}

static const struct {
    uint8_t type;
    uint32_t cap; /* PQ_CAP_…, 0 = every board */
    uint8_t (*set)(pq_sniffer *s, const uint8_t *body, size_t len); /* PQ_REPLY_… */
    size_t (*value)(const pq_sniffer *s, uint8_t *out);
} commands[] = {
    {PQ_TYPE_SAY_HELLO, 0, say_hello, no_value},
    {PQ_TYPE_CHANNEL, PQ_CAP_CHANNEL, set_channel, channel},
    {PQ_TYPE_HOP, PQ_CAP_HOP, set_hop, hop},
    {PQ_TYPE_SNAP_LEN, PQ_CAP_SNAP_LEN, set_snap, snap},
    {PQ_TYPE_FILTER, PQ_CAP_FILTER, set_filter, filter},
    {PQ_TYPE_BAUD, PQ_CAP_BAUD, set_baud, baud},
    {PQ_TYPE_TIME_ECHO, PQ_CAP_TIME_ECHO, set_echo, echo},
    {PQ_TYPE_STATUS_NOW, 0, status_now, no_value},
};

void pq_sniffer_command(pq_sniffer *s, const pq_header *h, const uint8_t *body)
{
    /* Types below come from boards: the host's terminal echoes us. An answer
     * would be echoed too, without end. */
    if (h->type < PQ_TYPE_SAY_HELLO)
        return;
    uint8_t status = PQ_REPLY_UNKNOWN;
    size_t n = 0;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (commands[i].type != h->type)
            continue;
        status = PQ_REPLY_NOT_SUPPORTED;
        s->echo_len = 0;
        if ((s->board.caps & commands[i].cap) == commands[i].cap)
            status = commands[i].set(s, body, h->len);
        n = commands[i].value(s, s->reply + PQ_REPLY_HEAD_SIZE);
    }
    pq_store16(s->reply, h->seq);
    s->reply[2] = h->type;
    s->reply[3] = status;
    s->reply_len = (uint8_t)(PQ_REPLY_HEAD_SIZE + n);
    s->due |= PQ_SNIFFER_DUE_REPLY;
}
