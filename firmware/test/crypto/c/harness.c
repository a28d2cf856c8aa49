/* Answers requests about pq_crypto.h, for the vectors that the tests in Go put to
 * it. A request is one byte, what to do, and four byte strings, each behind its
 * length (u32, big-endian); an answer is the result (u32) and one byte string.
 *
 *   e  key, nonce, aad, data            seal
 *   d  key, nonce, aad, sealed          open
 *   k  salt, ikm, info, length (u32)    HKDF
 *   m  key, data, -, -                  HMAC-SHA-256
 *   h  data, -, -, -                    SHA-256
 *   w  key, nonce, aad, data            seal, then open, both in place
 *
 * They come and go by standard input and output, or on an emulator, which has no pipes,
 * by two files: harness IN OUT. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pq_crypto.h"

static FILE *requests, *answers;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "harness: %s\n", what);
    exit(1);
}

/* Memory of exactly n bytes, so that AddressSanitizer sees every step beyond. */
static uint8_t *room(size_t n)
{
    uint8_t *p = malloc(n > 0 ? n : 1);
    if (p == NULL)
        die("out of memory");
    memset(p, 0xa5, n);
    return p;
}

static uint8_t *field(size_t *n)
{
    uint8_t head[4];
    if (fread(head, 1, 4, requests) != 4)
        die("a request is cut");
    *n = pq_load32_be(head);
    uint8_t *p = room(*n);
    if (fread(p, 1, *n, requests) != *n)
        die("a field is cut");
    return p;
}

/* Two parts of a byte string, cut somewhere: the result must not depend on it. */
static void cut(pq_span parts[2], pq_span whole)
{
    size_t at = whole.len / 3;
    parts[0] = (pq_span){whole.data, at};
    parts[1] = (pq_span){whole.data + at, whole.len - at};
}

static int hkdf(uint8_t *out, size_t len, const pq_span f[4])
{
    uint8_t prk[PQ_SHA256_SIZE];
    pq_span ikm[2], info[2];
    cut(ikm, f[1]);
    cut(info, f[2]);
    int err = pq_hkdf_extract(prk, f[0], ikm, 2);
    return err < 0 ? err : pq_hkdf_expand(out, len, prk, info, 2);
}

static int in_place(uint8_t *out, const pq_span f[4])
{
    memcpy(out, f[3].data, f[3].len);
    int err = pq_ccm_seal(out, f[0].data, f[1].data, f[2], (pq_span){out, f[3].len});
    if (err < 0)
        return err;
    return pq_ccm_open(out, f[0].data, f[1].data, f[2], (pq_span){out, f[3].len + 16});
}

static size_t out_len(int what, const pq_span f[4])
{
    switch (what) {
    case 'e':
    case 'w':
        return f[3].len + PQ_CCM_TAG_SIZE;
    case 'd':
        return f[3].len < PQ_CCM_TAG_SIZE ? 0 : f[3].len - PQ_CCM_TAG_SIZE;
    case 'k':
        return f[3].len == 4 ? pq_load32_be(f[3].data) : 0;
    default:
        return PQ_SHA256_SIZE;
    }
}

static int answer(int what, uint8_t *out, size_t len, const pq_span f[4])
{
    pq_span parts[2];
    switch (what) {
    case 'e':
        return pq_ccm_seal(out, f[0].data, f[1].data, f[2], f[3]);
    case 'd':
        return pq_ccm_open(out, f[0].data, f[1].data, f[2], f[3]);
    case 'w':
        return in_place(out, f);
    case 'k':
        return hkdf(out, len, f);
    case 'm':
        cut(parts, f[1]);
        return pq_hmac(out, f[0], parts, 2);
    case 'h':
        cut(parts, f[0]);
        return pq_sha256(out, parts, 2);
    default:
        die("unknown request");
    }
}

int main(int argc, char **argv)
{
    requests = argc == 3 ? fopen(argv[1], "rb") : stdin;
    answers = argc == 3 ? fopen(argv[2], "wb") : stdout;
    if (requests == NULL || answers == NULL)
        die("a file cannot be opened");
    for (int what; (what = getc(requests)) != EOF;) {
        pq_span f[4];
        uint8_t *mine[4], head[8];
        for (int i = 0; i < 4; i++) {
            mine[i] = field(&f[i].len);
            f[i].data = mine[i];
        }
        size_t len = out_len(what, f);
        uint8_t *out = room(len);
        pq_store32_be(head, (uint32_t)answer(what, out, len, f));
        pq_store32_be(head + 4, (uint32_t)len);
        fwrite(head, 1, 8, answers);
        fwrite(out, 1, len, answers);
        free(out);
        for (int i = 0; i < 4; i++)
            free(mine[i]);
    }
    return fclose(answers) == 0 ? 0 : 1;
}
