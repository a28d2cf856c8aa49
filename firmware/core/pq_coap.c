#include "pq_coap.h"

#include <string.h>

/* What RFC 7252 §5.10, RFC 7959 §2.1 and RFC 9175 say of the options that we
 * know. */
static const struct rule {
    uint16_t number, min, max; /* bytes of a legal value */
    bool repeatable;
} rules[] = {
    {PQ_COAP_URI_HOST, 1, 255, false},
    {PQ_COAP_ETAG, 1, 8, true},
    {PQ_COAP_URI_PORT, 0, 2, false},
    {PQ_COAP_URI_PATH, 0, 255, true},
    {PQ_COAP_CONTENT_FORMAT, 0, 2, false},
    {PQ_COAP_MAX_AGE, 0, 4, false},
    {PQ_COAP_URI_QUERY, 0, 255, true},
    {PQ_COAP_ACCEPT, 0, 2, false},
    {PQ_COAP_BLOCK2, 0, 3, false},
    {PQ_COAP_BLOCK1, 0, 3, false},
    {PQ_COAP_ECHO, 1, 40, false},
    {PQ_COAP_REQUEST_TAG, 0, 8, true}, /* only an empty list can be told from one, RFC 9175 §3.2 */
};

static const struct rule *rule_of(uint16_t number)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].number == number)
            return &rules[i];
    return NULL;
}

typedef struct {
    uint16_t number;
    pq_span value;
} option;

/* Reads the extension of a delta or length nibble (§3.1). */
static int extended(uint8_t nibble, pq_span *in, uint32_t *out)
{
    size_t n = nibble == 13 ? 1 : nibble == 14 ? 2 : 0;
    if (nibble == 15 || in->len < n)
        return PQ_ERR_FORMAT;
    *out = n == 0 ? nibble : n == 1 ? in->data[0] + 13u : pq_load16_be(in->data) + 269u;
    in->data += n;
    in->len -= n;
    return PQ_OK;
}

/* Takes the next option from *in, which begins at one; o->number is that of the
 * option before. PQ_ERR_SHORT: there is none, *in begins at the payload marker or
 * is empty. */
static int next_option(option *o, pq_span *in)
{
    if (in->len == 0 || in->data[0] == 0xff)
        return PQ_ERR_SHORT;
    uint8_t head = in->data[0];
    uint32_t delta = 0, len = 0;
    in->data++;
    in->len--;
    if (extended(head >> 4, in, &delta) < 0 || extended(head & 15, in, &len) < 0 || in->len < len ||
        o->number + delta > 0xffff)
        return PQ_ERR_FORMAT;
    o->number = (uint16_t)(o->number + delta);
    o->value = (pq_span){in->data, len};
    in->data += len;
    in->len -= len;
    return PQ_OK;
}

static uint32_t uint_of(pq_span v)
{
    uint32_t u = 0;
    for (size_t i = 0; i < v.len; i++)
        u = u << 8 | v.data[i];
    return u;
}

static void count(uint8_t *n)
{
    if (*n < 255)
        ++*n;
}

/* The first of a kind is the one that counts. */
static void keep(pq_span *at, pq_span value)
{
    if (at->data == NULL)
        *at = value;
}

static void note(pq_coap *m, const option *o)
{
    switch (o->number) {
    case PQ_COAP_URI_PATH:
        count(&m->path_segments);
        m->path = o->value;
        break;
    case PQ_COAP_URI_QUERY:
        count(&m->queries);
        keep(&m->query, o->value);
        break;
    case PQ_COAP_CONTENT_FORMAT:
        if (m->content_format < 0)
            m->content_format = (int32_t)uint_of(o->value);
        break;
    case PQ_COAP_ACCEPT:
        if (m->accept < 0)
            m->accept = (int32_t)uint_of(o->value);
        break;
    case PQ_COAP_ETAG:
        keep(&m->etag, o->value);
        break;
    case PQ_COAP_BLOCK1:
        keep(&m->block1, o->value);
        break;
    case PQ_COAP_BLOCK2:
        keep(&m->block2, o->value);
        break;
    case PQ_COAP_ECHO:
        keep(&m->echo, o->value);
        break;
    case PQ_COAP_REQUEST_TAG:
        keep(&m->request_tag, o->value);
        break;
    default: /* Uri-Host and Uri-Port may say what they like; Max-Age: below */
        break;
    }
}

static int parse_options(pq_coap *m, pq_span *in)
{
    option o = {0, {NULL, 0}};
    bool aged = false;
    m->content_format = m->accept = -1;
    m->max_age = 60;
    m->options = *in;
    for (uint16_t previous = 0;; previous = o.number) {
        int err = next_option(&o, in);
        if (err == PQ_ERR_SHORT) {
            m->options.len = (size_t)(in->data - m->options.data);
            return PQ_OK;
        }
        if (err < 0)
            return err;
        const struct rule *r = rule_of(o.number);
        bool legal = r != NULL && o.value.len >= r->min && o.value.len <= r->max;
        bool critical = (o.number & 1) != 0;
        if (critical && (!legal || (o.number == previous && !r->repeatable))) {
            if (m->unrecognised == 0)
                m->unrecognised = o.number;
        } else if (legal && o.number == PQ_COAP_MAX_AGE && !aged) {
            m->max_age = uint_of(o.value);
            aged = true;
        } else if (legal) {
            note(m, &o);
        }
    }
}

/* Everything behind the header's four bytes. */
static int parse_body(pq_coap *m, uint8_t token_len, pq_span in)
{
    uint8_t class = m->code >> 5;
    if (token_len > PQ_COAP_MAX_TOKEN || in.len < token_len || class == 1 || class > 5 ||
        (m->code == PQ_COAP_EMPTY && in.len > 0))
        return PQ_ERR_FORMAT;
    m->token = (pq_span){in.data, token_len};
    in.data += token_len;
    in.len -= token_len;
    int err = parse_options(m, &in);
    if (err < 0)
        return err;
    if (in.len == 1)
        return PQ_ERR_FORMAT; /* a marker with nothing behind it */
    if (in.len > 1)
        m->payload = (pq_span){in.data + 1, in.len - 1};
    return PQ_OK;
}

int pq_coap_parse(pq_coap *out, const uint8_t *datagram, size_t len)
{
    memset(out, 0, sizeof *out);
    if (len < PQ_COAP_HEADER_SIZE)
        return PQ_ERR_SHORT;
    if (datagram[0] >> 6 != 1)
        return PQ_ERR_VERSION;
    out->type = datagram[0] >> 4 & 3;
    out->code = datagram[1];
    out->mid = pq_load16_be(datagram + 2);
    pq_span rest = {datagram + PQ_COAP_HEADER_SIZE, len - PQ_COAP_HEADER_SIZE};
    int err = parse_body(out, datagram[0] & 15, rest);
    if (err < 0) {
        pq_coap bad = {.type = out->type, .mid = out->mid};
        *out = bad;
    }
    return err;
}

bool pq_coap_has_etag(const pq_coap *m, const uint8_t *etag, size_t len)
{
    pq_span in = m->options;
    for (option o = {0, {NULL, 0}}; next_option(&o, &in) == PQ_OK;)
        if (o.number == PQ_COAP_ETAG && o.value.len == len && memcmp(o.value.data, etag, len) == 0)
            return true;
    return false;
}

int pq_coap_block_parse(pq_coap_block *out, pq_span value)
{
    *out = (pq_coap_block){0, false, 0};
    if (value.len > 3)
        return PQ_ERR_LENGTH;
    uint32_t v = uint_of(value);
    if ((v & 7) > PQ_COAP_MAX_SZX)
        return PQ_ERR_ARG;
    *out = (pq_coap_block){v >> 4, (v & 8) != 0, (uint8_t)(v & 7)};
    return PQ_OK;
}

/* --- Writing */

/* Room for n more bytes, or NULL. */
static uint8_t *room(pq_coap_writer *w, size_t n)
{
    if (w->err == PQ_OK && w->max - w->len < n)
        w->err = PQ_ERR_LENGTH;
    if (w->err < 0)
        return NULL;
    uint8_t *at = w->out + w->len;
    w->len += n;
    return at;
}

void pq_coap_begin(pq_coap_writer *w, uint8_t *out, size_t max, uint8_t type, uint8_t code,
                   uint16_t mid, pq_span token)
{
    *w = (pq_coap_writer){out, max, 0, 0, token.len > PQ_COAP_MAX_TOKEN ? PQ_ERR_ARG : PQ_OK};
    uint8_t *at = room(w, PQ_COAP_HEADER_SIZE + token.len);
    if (at == NULL)
        return;
    at[0] = (uint8_t)(0x40 | (type & 3) << 4 | (uint8_t)token.len);
    at[1] = code;
    pq_store16_be(at + 2, mid);
    if (token.len > 0)
        memcpy(at + PQ_COAP_HEADER_SIZE, token.data, token.len);
}

/* The nibble of a delta or length, and its extension to *ext. */
static uint8_t nibble(uint32_t v, uint8_t ext[2], size_t *n)
{
    if (v < 13) {
        *n = 0;
        return (uint8_t)v;
    }
    if (v < 269) {
        *n = 1;
        ext[0] = (uint8_t)(v - 13);
        return 13;
    }
    *n = 2;
    pq_store16_be(ext, (uint16_t)(v - 269));
    return 14;
}

void pq_coap_option(pq_coap_writer *w, uint16_t number, const void *value, size_t len)
{
    uint8_t delta[2], length[2];
    size_t delta_len, length_len;
    if (number < w->number || len > 0xffff) {
        w->err = PQ_ERR_ARG;
        return;
    }
    uint8_t head = (uint8_t)(nibble((uint32_t)(number - w->number), delta, &delta_len) << 4);
    head = (uint8_t)(head | nibble((uint32_t)len, length, &length_len));
    uint8_t *at = room(w, 1 + delta_len + length_len + len);
    if (at == NULL)
        return;
    w->number = number;
    *at++ = head;
    memcpy(at, delta, delta_len);
    memcpy(at + delta_len, length, length_len);
    if (len > 0)
        memcpy(at + delta_len + length_len, value, len);
}

void pq_coap_option_uint(pq_coap_writer *w, uint16_t number, uint32_t value)
{
    uint8_t b[4];
    size_t skip = 0;
    pq_store32_be(b, value);
    while (skip < sizeof b && b[skip] == 0)
        skip++;
    pq_coap_option(w, number, b + skip, sizeof b - skip);
}

void pq_coap_option_block(pq_coap_writer *w, uint16_t number, const pq_coap_block *b)
{
    pq_coap_option_uint(w, number, b->num << 4 | (b->more ? 8u : 0u) | b->szx);
}

uint8_t *pq_coap_payload(pq_coap_writer *w, size_t len)
{
    if (len == 0)
        return NULL;
    uint8_t *at = len > w->max ? room(w, len) : room(w, 1 + len);
    if (at == NULL)
        return NULL;
    *at = 0xff;
    return at + 1;
}

int pq_coap_end(pq_coap_writer *w)
{
    if (w->err == PQ_OK)
        return (int)w->len;
    memset(w->out, 0, w->max);
    return w->err;
}

void pq_coap_empty(uint8_t out[PQ_COAP_HEADER_SIZE], uint8_t type, uint16_t mid)
{
    out[0] = (uint8_t)(0x40 | (type & 3) << 4);
    out[1] = PQ_COAP_EMPTY;
    pq_store16_be(out + 2, mid);
}
