/* Any bytes as a message: what is read lies inside of it, and an error leaves
 * nothing behind. Any message that the writer makes: the reader finds it again. */
#include "fuzz.h"

#include <string.h>

#include "pq_coap.h"

static bool inside(pq_span s, const uint8_t *p, size_t n)
{
    if (s.data == NULL)
        return s.len == 0;
    return s.data >= p && s.len <= n && s.data <= p + n - s.len;
}

static bool all_zero(const void *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= ((const uint8_t *)p)[i];
    return any == 0;
}

static void check_blocks(const pq_coap *m)
{
    pq_coap_block b;
    if (m->block1.data != NULL && pq_coap_block_parse(&b, m->block1) == PQ_OK)
        MUST(pq_coap_block_size(&b) <= 1024 && pq_coap_block_offset(&b) < (1u << 30));
    MUST(m->block1.len <= 3 && m->block2.len <= 3 && m->request_tag.len <= 8 && m->echo.len <= 40);
    MUST(m->content_format >= -1 && m->content_format <= 0xffff);
    MUST(m->accept >= -1 && m->accept <= 0xffff);
}

static void any_bytes(const uint8_t *p, size_t n)
{
    pq_coap m;
    int err = pq_coap_parse(&m, p, n);
    if (err < 0) {
        MUST(err == PQ_ERR_SHORT || err == PQ_ERR_VERSION || err == PQ_ERR_FORMAT);
        if (err == PQ_ERR_FORMAT) {
            MUST(m.type == (p[0] >> 4 & 3) && m.mid == (p[2] << 8 | p[3]));
            m.type = 0;
            m.mid = 0;
        }
        MUST(all_zero(&m, sizeof m));
        return;
    }
    MUST(n >= 4 && p[0] >> 6 == 1 && m.token.len <= PQ_COAP_MAX_TOKEN);
    pq_span all[] = {m.token, m.path,   m.query,  m.echo,    m.request_tag,
                     m.etag,  m.block1, m.block2, m.options, m.payload};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        MUST(inside(all[i], p, n));
    MUST(m.payload.data == NULL || m.payload.len > 0);
    MUST(4 + m.token.len + m.options.len + (m.payload.len > 0) + m.payload.len == n);
    MUST((m.unrecognised & 1) == 1 || m.unrecognised == 0);
    MUST(m.etag.data == NULL || pq_coap_has_etag(&m, m.etag.data, m.etag.len));
    check_blocks(&m);
}

static void written(input *in)
{
    static uint8_t out[3000], value[2000];
    uint8_t paths = 0, queries = 0, type = take8(in) & 3;
    uint16_t number = 0;
    size_t n, max = take8(in) % 4 == 0 ? take16(in) % sizeof out : sizeof out;
    pq_coap_writer w;
    const uint8_t *token = take_bytes(in, take8(in) % (PQ_COAP_MAX_TOKEN + 1), &n);
    pq_span span = {token, n};
    pq_coap_begin(&w, out, max, type, PQ_COAP_POST, 0x1234, span);
    while (in->n > 8) {
        uint16_t by = take8(in) % 3 == 0 ? take16(in) : take8(in) % 16;
        size_t len = take8(in) % 8 == 0 ? take16(in) % sizeof value : take8(in) % 20;
        if (number + by > 0xffff)
            break;
        number = (uint16_t)(number + by);
        pq_coap_option(&w, number, value, len);
        paths = (uint8_t)(paths + (number == PQ_COAP_URI_PATH && len <= 255 && paths < 255));
        queries = (uint8_t)(queries + (number == PQ_COAP_URI_QUERY && len <= 255 && queries < 255));
    }
    const uint8_t *body = take_bytes(in, 8, &n);
    uint8_t *at = pq_coap_payload(&w, n);
    if (at != NULL && n > 0)
        memcpy(at, body, n);
    int len = pq_coap_end(&w);
    pq_coap m;
    if (len < 0) {
        MUST(len == PQ_ERR_LENGTH && all_zero(out, max));
        return;
    }
    MUST((size_t)len <= max && pq_coap_parse(&m, out, (size_t)len) == PQ_OK);
    MUST(m.type == type && m.code == PQ_COAP_POST && m.mid == 0x1234);
    MUST(m.token.len == span.len && m.payload.len == n);
    MUST(n == 0 || memcmp(m.payload.data, body, n) == 0);
    MUST(m.path_segments == paths && m.queries == queries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    if (take8(&in) % 2 == 0)
        any_bytes(in.p, in.n);
    else
        written(&in);
    return 0;
}
