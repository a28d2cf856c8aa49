#include "pq_session.h"

#include <string.h>

#include "pq_coap.h"
#include "pq_secret.h"

#define BYTES(p, n) ((pq_span){(p), (n)})
#define TEXT(s)     ((pq_span){(const uint8_t *)(s), sizeof(s) - 1})

_Static_assert(sizeof(void *) != 4 || (sizeof(pq_client) == 80 && sizeof(pq_server) == 88),
               "pq_session.h says something else");

/* --- Key schedule */

int pq_session_id(uint8_t sid[PQ_SID_SIZE], pq_span ct)
{
    uint8_t h[PQ_SHA256_SIZE];
    pq_span parts[] = {TEXT("pqiot1 sid"), ct};
    int err = pq_sha256(h, parts, 2);
    memcpy(sid, h, PQ_SID_SIZE);
    return err;
}

static int check(const pq_transcript *t)
{
    bool psk = t->psk.data != NULL;
    bool ok = t->suite >= 1 && t->suite <= 3 && t->echo.len <= 40 &&
              (psk ? t->psk.len == PQ_PSK_SIZE && t->kid.len >= 1 && t->kid.len <= PQ_MAX_KID
                   : t->kid.len == 0);
    return ok ? PQ_OK : PQ_ERR_ARG;
}

/* TH: everything that both ends saw. */
static int transcript_hash(uint8_t th[PQ_SHA256_SIZE], const pq_transcript *t)
{
    uint8_t ct[PQ_SHA256_SIZE];
    uint8_t head[3] = {t->suite, t->psk.data != NULL, (uint8_t)t->kid.len};
    uint8_t echo_len = (uint8_t)t->echo.len;
    int err = pq_sha256(ct, &t->ct, 1);
    pq_span parts[] = {TEXT("pqiot1 th"),
                       BYTES(head, sizeof head),
                       t->kid,
                       BYTES(&echo_len, 1),
                       t->echo,
                       BYTES(t->pin, PQ_SHA256_SIZE),
                       BYTES(ct, sizeof ct)};
    return err < 0 ? err : pq_sha256(th, parts, sizeof parts / sizeof parts[0]);
}

/* PRK and TH. The transcript goes into the info of the expansion and never into
 * the salt (RFC 5869 §3.4). */
static int extract(uint8_t prk[PQ_SHA256_SIZE], uint8_t th[PQ_SHA256_SIZE], const pq_transcript *t,
                   const uint8_t ss[PQ_KEM_SS_BYTES])
{
    pq_span ikm[] = {BYTES(ss, PQ_KEM_SS_BYTES), t->psk};
    int err = check(t);
    if (err == PQ_OK)
        err = transcript_hash(th, t);
    if (err == PQ_OK)
        err = pq_hkdf_extract(prk, BYTES(NULL, 0), ikm, 2);
    return err;
}

/* X(label, len) */
static int expand(uint8_t *out, size_t len, const uint8_t prk[PQ_SHA256_SIZE],
                  const uint8_t th[PQ_SHA256_SIZE], pq_span label)
{
    uint8_t label_len = (uint8_t)label.len;
    pq_span info[] = {BYTES(&label_len, 1), label, BYTES(th, PQ_SHA256_SIZE)};
    return pq_hkdf_expand(out, len, prk, info, 3);
}

/* info = CBOR [id, null, 30, type, len], with AES-CCM-16-128-128 as algorithm 30
 * (RFC 8613 §3.2.1). Every element is short enough for a head of one or two bytes. */
static int expand_context(uint8_t *out, uint8_t len, const uint8_t prk[PQ_SHA256_SIZE], pq_span id,
                          pq_span type)
{
    uint8_t head[2] = {0x85, (uint8_t)(0x40 | id.len)};
    uint8_t middle[4] = {0xf6, 0x18, 30, (uint8_t)(0x60 | type.len)};
    uint8_t tail[PQ_SID_SIZE + 1];
    memcpy(tail, type.data, type.len);
    tail[type.len] = len;
    pq_span info[] = {BYTES(head, 2), id, BYTES(middle, 4), BYTES(tail, type.len + 1)};
    return pq_hkdf_expand(out, len, prk, info, 4);
}

/* Both keys and the IV from (MS, MSalt). */
static int contexts(pq_keys *out, const uint8_t ms[32], const uint8_t salt[8])
{
    static const uint8_t gateway_id = 1;
    uint8_t prk[PQ_SHA256_SIZE];
    pq_span ikm = BYTES(ms, 32);
    int err = pq_hkdf_extract(prk, BYTES(salt, 8), &ikm, 1);
    if (err == PQ_OK)
        err =
            expand_context(out->kc, sizeof out->kc, prk, BYTES(out->sid, PQ_SID_SIZE), TEXT("Key"));
    if (err == PQ_OK)
        err = expand_context(out->kg, sizeof out->kg, prk, BYTES(&gateway_id, 1), TEXT("Key"));
    if (err == PQ_OK)
        err = expand_context(out->iv, sizeof out->iv, prk, BYTES(NULL, 0), TEXT("IV"));
    pq_wipe(prk, sizeof prk);
    return err;
}

int pq_session_derive(pq_keys *out, const pq_transcript *t, const uint8_t ss[PQ_KEM_SS_BYTES])
{
    uint8_t prk[PQ_SHA256_SIZE], th[PQ_SHA256_SIZE], ms[32], salt[8];
    memset(out, 0, sizeof *out);
    int err = extract(prk, th, t, ss);
    if (err == PQ_OK)
        err = pq_session_id(out->sid, t->ct);
    if (err == PQ_OK)
        err = expand(ms, sizeof ms, prk, th, TEXT("pqiot1 ms"));
    if (err == PQ_OK)
        err = expand(salt, sizeof salt, prk, th, TEXT("pqiot1 salt"));
    if (err == PQ_OK)
        err = contexts(out, ms, salt);
    out->suite = t->suite;
    if (err < 0)
        pq_wipe(out, sizeof *out);
    pq_wipe(prk, sizeof prk);
    pq_wipe(ms, sizeof ms);
    pq_wipe(salt, sizeof salt);
    return err;
}

int pq_session_oscore(uint8_t master_secret[32], uint8_t master_salt[8], const pq_transcript *t,
                      const uint8_t ss[PQ_KEM_SS_BYTES])
{
    uint8_t prk[PQ_SHA256_SIZE], th[PQ_SHA256_SIZE];
    int err = extract(prk, th, t, ss);
    if (err == PQ_OK)
        err = expand(master_secret, 32, prk, th, TEXT("pqiot1 oscore ms"));
    if (err == PQ_OK)
        err = expand(master_salt, 8, prk, th, TEXT("pqiot1 oscore salt"));
    if (err < 0) {
        pq_wipe(master_secret, 32);
        pq_wipe(master_salt, 8);
    }
    pq_wipe(prk, sizeof prk);
    return err;
}

/* --- Records */

int pq_record_check(pq_span payload)
{
    if (payload.len < PQ_RECORD_OVERHEAD)
        return PQ_ERR_LENGTH;
    return payload.data[0] == PQ_NONCE_LEAD ? PQ_OK : PQ_ERR_FORMAT;
}

uint64_t pq_nonce_seq(const uint8_t nonce[PQ_NONCE_SIZE])
{
    const uint8_t *seq = nonce + 1 + PQ_SID_SIZE;
    return (uint64_t)seq[0] << 32 | pq_load32_be(seq + 1);
}

static void make_nonce(uint8_t nonce[PQ_NONCE_SIZE], const uint8_t sid[PQ_SID_SIZE], uint32_t seq)
{
    nonce[0] = PQ_NONCE_LEAD;
    memcpy(nonce + 1, sid, PQ_SID_SIZE);
    nonce[1 + PQ_SID_SIZE] = 0;
    pq_store32_be(nonce + 2 + PQ_SID_SIZE, seq);
}

#define WINDOW 64

bool pq_window_fresh(const pq_window *w, uint64_t seq)
{
    if (seq >= w->next)
        return true;
    uint64_t back = w->next - 1 - seq;
    return back < WINDOW && (w->seen >> back & 1) == 0;
}

void pq_window_accept(pq_window *w, uint64_t seq)
{
    if (seq >= w->next) {
        uint64_t by = seq + 1 - w->next;
        w->seen = by < WINDOW ? w->seen << by : 0;
        w->next = seq + 1;
    }
    uint64_t back = w->next - 1 - seq;
    if (back < WINDOW)
        w->seen |= (uint64_t)1 << back;
}

/* What a message is, for AEAD: nonce N XOR IV (RFC 8613 §5.2), and the additional
 * data "pqiot1" ‖ T ‖ code ‖ u16 CF ‖ u8|path| ‖ path ‖ N_req ‖ [N_resp]. */
typedef struct {
    uint8_t nonce[PQ_CCM_NONCE_SIZE];
    uint8_t aad[14 + 2 * PQ_NONCE_SIZE];
    size_t aad_len;
} binding;

enum { HANDSHAKE = 0x01, DATA = 0x02, RESPONSE = 0x80 };

static void record_bind(binding *b, const pq_keys *k, const uint8_t request[PQ_NONCE_SIZE],
                        const uint8_t *response)
{
    static const uint8_t head[] = "pqiot1", path[] = "\003msg";
    bool first = pq_nonce_seq(request) == 0;
    const uint8_t *n = response != NULL ? response : request;
    memcpy(b->aad, head, 6);
    b->aad[6] = (uint8_t)((first ? HANDSHAKE : DATA) | (response != NULL ? RESPONSE : 0));
    b->aad[7] = response != NULL ? PQ_COAP_CHANGED : PQ_COAP_POST;
    pq_store16_be(b->aad + 8,
                  first && response == NULL ? pq_suite_format(k->suite) : PQ_CONTENT_FORMAT_RECORD);
    memcpy(b->aad + 10, path, 4);
    memcpy(b->aad + 14, request, PQ_NONCE_SIZE);
    b->aad_len = 14 + PQ_NONCE_SIZE;
    if (response != NULL) {
        memcpy(b->aad + b->aad_len, response, PQ_NONCE_SIZE);
        b->aad_len += PQ_NONCE_SIZE;
    }
    for (size_t i = 0; i < PQ_NONCE_SIZE; i++)
        b->nonce[i] = n[i] ^ k->iv[i];
}

/* Seals data under key as N ‖ encrypted data ‖ tag; N stands at out already. */
static int record_seal(uint8_t *out, const uint8_t *key, const binding *b, pq_span data)
{
    int err = pq_ccm_seal(out + PQ_NONCE_SIZE, key, b->nonce, BYTES(b->aad, b->aad_len), data);
    if (err < 0)
        pq_wipe(out, PQ_NONCE_SIZE);
    return err < 0 ? err : (int)data.len + PQ_RECORD_OVERHEAD;
}

static int record_open(uint8_t *out, const uint8_t *key, const binding *b, pq_span payload)
{
    pq_span sealed = BYTES(payload.data + PQ_NONCE_SIZE, payload.len - PQ_NONCE_SIZE);
    int err = pq_ccm_open(out, key, b->nonce, BYTES(b->aad, b->aad_len), sealed);
    return err < 0 ? err : (int)sealed.len - PQ_TAG_SIZE;
}

/* Layout and session id. */
static int check_record(const pq_keys *k, pq_span payload)
{
    int err = pq_record_check(payload);
    if (err == PQ_OK && memcmp(payload.data + 1, k->sid, PQ_SID_SIZE) != 0)
        err = PQ_ERR_FORMAT;
    return err;
}

/* Zeroes what an open that failed early leaves of its output. */
static int refuse(uint8_t *out, pq_span payload, int err)
{
    if (payload.len > PQ_RECORD_OVERHEAD)
        pq_wipe(out, payload.len - PQ_RECORD_OVERHEAD);
    return err;
}

static bool ended(uint64_t born, uint32_t failed, uint64_t now_us)
{
    return failed >= PQ_SESSION_MAX_FAILED || now_us - born >= PQ_SESSION_MAX_AGE_S * 1000000ull;
}

/* --- The sender's end */

void pq_client_init(pq_client *c, const pq_keys *keys, uint64_t now_us)
{
    *c = (pq_client){.keys = *keys, .born = now_us};
}

int pq_client_seal(pq_client *c, uint8_t *out, uint8_t nonce[PQ_NONCE_SIZE], pq_span data)
{
    binding b;
    int err = data.len > (c->next == 0 ? PQ_MAX_FIRST_DATA : PQ_MAX_DATA) ? PQ_ERR_LENGTH
              : c->next > PQ_MAX_SESSION_SEQ                              ? PQ_ERR_ENDED
                                                                          : PQ_OK;
    memset(nonce, 0, PQ_NONCE_SIZE);
    if (err < 0)
        return err;
    make_nonce(nonce, c->keys.sid, c->next);
    record_bind(&b, &c->keys, nonce, NULL);
    c->next++; /* used up even if sealing fails */
    memcpy(out, nonce, PQ_NONCE_SIZE);
    return record_seal(out, c->keys.kc, &b, data);
}

int pq_client_open(pq_client *c, uint8_t *out, const uint8_t request[PQ_NONCE_SIZE],
                   pq_span payload)
{
    binding b;
    int err = check_record(&c->keys, payload);
    uint64_t seq = err == PQ_OK ? pq_nonce_seq(payload.data) : 0;
    if (err == PQ_OK && seq < c->heard)
        err = PQ_ERR_REPLAY;
    if (err == PQ_OK && (seq > PQ_MAX_SESSION_SEQ || c->failed >= PQ_SESSION_MAX_FAILED))
        err = PQ_ERR_ENDED;
    if (err < 0)
        return refuse(out, payload, err);
    record_bind(&b, &c->keys, request, payload.data);
    int len = record_open(out, c->keys.kg, &b, payload);
    if (len >= 0)
        c->heard = (uint32_t)seq + 1;
    else if (len == PQ_ERR_TAG)
        c->failed++;
    return len;
}

bool pq_client_ended(const pq_client *c, uint64_t now_us)
{
    return c->next > PQ_MAX_SESSION_SEQ || ended(c->born, c->failed, now_us);
}

/* --- The gateway's end */

void pq_server_init(pq_server *s, const pq_keys *keys, uint64_t now_us)
{
    *s = (pq_server){.keys = *keys, .born = now_us};
}

bool pq_server_fresh(const pq_server *s, const uint8_t nonce[PQ_NONCE_SIZE])
{
    return pq_window_fresh(&s->window, pq_nonce_seq(nonce));
}

int pq_server_open(pq_server *s, uint8_t *out, pq_span payload)
{
    binding b;
    int err = check_record(&s->keys, payload);
    if (err == PQ_OK && !pq_server_fresh(s, payload.data))
        err = PQ_ERR_REPLAY;
    if (err < 0)
        return refuse(out, payload, err);
    record_bind(&b, &s->keys, payload.data, NULL);
    int len = record_open(out, s->keys.kc, &b, payload);
    if (len == PQ_ERR_TAG)
        s->failed++;
    if (len < 0)
        return len;
    uint64_t seq = pq_nonce_seq(payload.data);
    if (seq > PQ_MAX_SESSION_SEQ)
        return refuse(out, payload, PQ_ERR_ENDED);
    pq_window_accept(&s->window, seq);
    return len;
}

int pq_server_seal(pq_server *s, uint8_t *out, const uint8_t request[PQ_NONCE_SIZE], pq_span data)
{
    binding b;
    if (data.len > PQ_MAX_DATA)
        return PQ_ERR_LENGTH;
    if (s->next > PQ_MAX_SESSION_SEQ)
        return PQ_ERR_ENDED;
    make_nonce(out, s->keys.sid, s->next);
    s->next++; /* used up even if sealing fails */
    record_bind(&b, &s->keys, request, out);
    return record_seal(out, s->keys.kg, &b, data);
}

bool pq_server_ended(const pq_server *s, uint64_t now_us)
{
    return ended(s->born, s->failed, now_us);
}

/* --- Echo */

int pq_echo_mint(uint8_t echo[PQ_ECHO_SIZE], const uint8_t key[PQ_ECHO_KEY_SIZE], uint32_t uptime_s,
                 const pq_endpoint *source)
{
    uint8_t mac[PQ_SHA256_SIZE], port[2];
    pq_store32_be(echo, uptime_s);
    pq_store16_be(port, source->port);
    pq_span parts[] = {BYTES(echo, 4), BYTES(source->addr, source->addr_len), BYTES(port, 2)};
    int err = pq_hmac(mac, BYTES(key, PQ_ECHO_KEY_SIZE), parts, 3);
    memcpy(echo + 4, mac, PQ_ECHO_SIZE - 4);
    pq_wipe(mac, sizeof mac);
    if (err < 0)
        memset(echo, 0, PQ_ECHO_SIZE);
    return err;
}

bool pq_echo_fresh(pq_span echo, const uint8_t key[PQ_ECHO_KEY_SIZE], uint32_t uptime_s,
                   const pq_endpoint *source)
{
    uint8_t want[PQ_ECHO_SIZE];
    if (echo.len != PQ_ECHO_SIZE)
        return false;
    uint32_t at = pq_load32_be(echo.data);
    if (at > uptime_s || uptime_s - at > PQ_ECHO_LIFETIME ||
        pq_echo_mint(want, key, at, source) < 0)
        return false;
    uint32_t diff = pq_ct_diff(want, echo.data, PQ_ECHO_SIZE);
    pq_wipe(want, sizeof want);
    PQ_DECLASSIFY(&diff, sizeof diff); /* whether an Echo is fresh is told in the answer */
    return diff == 0;
}
