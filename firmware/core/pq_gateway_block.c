#include <string.h>

#include "pq_gateway_private.h"

#define TRANSFER_US 10000000u /* a transfer without a block for so long is gone */

/* What tells transfers apart is the endpoint and the Request-Tag (RFC 9175 §3.3). */
static bool is_its(const pq_gateway_transfer *t, const request *r)
{
    pq_span tag = r->m.request_tag;
    return pq_gateway_same_peer(&t->from, &r->from) && t->tagged == (tag.data != NULL) &&
           t->tag_len == tag.len && (tag.data == NULL || memcmp(t->tag, tag.data, tag.len) == 0);
}

static void start(pq_gateway_transfer *t, const request *r)
{
    pq_span tag = r->m.request_tag;
    t->active = true;
    t->len = 0;
    t->from = r->from;
    t->tagged = tag.data != NULL;
    t->tag_len = (uint8_t)tag.len; /* at most 8: pq_coap_parse has seen to it */
    if (tag.data != NULL)
        memcpy(t->tag, tag.data, tag.len);
}

/* Puts a block behind those before it. Returns 0, or the code of what is wrong. */
static uint8_t add(pq_gateway_transfer *t, const request *r)
{
    const pq_coap_block *b = &r->block;
    size_t n = r->m.payload.len, size = pq_coap_block_size(b);
    if (n > size || (b->more && n != size))
        return PQ_COAP_BAD_REQUEST;
    if (!t->active || pq_coap_block_offset(b) != t->len)
        return PQ_COAP_INCOMPLETE;
    if (n > sizeof t->body - t->len)
        return PQ_COAP_TOO_LARGE;
    if (n > 0)
        memcpy(t->body + t->len, r->m.payload.data, n);
    t->len = (uint16_t)(t->len + n);
    t->last = r->now;
    return 0;
}

static size_t reassemble(pq_gateway *g, request *r, pq_span kid)
{
    pq_gateway_transfer *t = &g->transfer;
    if (t->active && r->now - t->last >= TRANSFER_US)
        t->active = false;
    if (t->active && !is_its(t, r))
        return pq_gateway_busy(g, r, "5.03 another block-wise transfer is under way");
    if (r->block.num == 0) {
        if (!pq_gateway_fresh_echo(g, r))
            return pq_gateway_need_echo(g, r);
        start(t, r);
    }
    if (t->active)
        r->keep = &t->answer;
    uint8_t code = add(t, r);
    if (code != 0) {
        t->active = false;
        return pq_gateway_refuse(g, r, &(reply){.code = code}, "block-wise transfer dropped");
    }
    if (r->block.more) {
        pq_coap_writer w;
        pq_gateway_begin(g, r, &(reply){.code = PQ_COAP_CONTINUE}, &w);
        return pq_gateway_end(r, &w);
    }
    t->active = false;
    return pq_gateway_handshake(g, r, (pq_span){t->body, t->len}, kid);
}

size_t pq_gateway_blocks(pq_gateway *g, request *r, pq_span kid, bool handshake)
{
    if (pq_coap_block_parse(&r->block, r->m.block1) < 0)
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_BAD_REQUEST, .text = "fmt"},
                                 "4.00 Block1");
    bool whole = r->block.num == 0 && !r->block.more;
    if (!handshake && !whole) /* a record fits into one message */
        return pq_gateway_refuse(g, r, &(reply){.code = PQ_COAP_TOO_LARGE},
                                 "4.13 record in blocks");
    r->in_blocks = true;
    if (!handshake)
        return pq_gateway_record(g, r);
    return whole ? pq_gateway_handshake(g, r, r->m.payload, kid) : reassemble(g, r, kid);
}
