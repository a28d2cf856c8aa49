/* Answers requests about the KEM and its hashes, one line each, so that the
 * tests in Go can put the same vectors to the host build and to the emulator.
 *
 *   keypair  SET SEED          -> 0 EK DK
 *   encaps   SET EK M          -> ERR CT SS
 *   decaps   SET DK CT         -> ERR SS
 *   seed     SET SEED CT       -> ERR EK SS            (the key kept as its seed)
 *   random   SET SEED M        -> ERR EK DK ERR CT SS   (random source gives SEED, M)
 *   sha3     BITS DATA         -> 0 HASH                (256, 512)
 *   shake    BITS LEN SPLIT DATA -> 0 OUT               (128, 256; absorbed and
 *                                 squeezed in pieces of SPLIT bytes, 0: in one)
 *
 * SET is 512, 768 or 1024; bytes are in hex, "-" for none; ERR is a PQ_ERR_*.
 * With two arguments the requests are read from one file and answered into
 * another.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pq_kem.h"
#include "pq_keccak.h"

enum { MAX_FIELDS = 5, MAX_LINE = 20000 };

typedef struct {
    const uint8_t *data;
    size_t len;
} bytes;

static FILE *in, *out;

static void put(const uint8_t *b, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    char text[MAX_LINE];
    size_t len = 0;
    text[len++] = ' ';
    for (size_t i = 0; i < n; i++) {
        text[len++] = digits[b[i] >> 4];
        text[len++] = digits[b[i] & 15];
    }
    text[len] = 0;
    fputs(text, out);
}

static int nibble(int c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Turns the hex text into bytes on the heap, of exactly their length so that
 * AddressSanitizer sees every step beyond it. */
static bytes parse(const char *text)
{
    size_t n = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
    uint8_t *b = malloc(n > 0 ? n : 1);
    if (b == NULL) {
        fputs("harness: out of memory\n", stderr);
        exit(1);
    }
    for (size_t i = 0; i < n; i++) {
        int hi = nibble(text[2 * i]), lo = nibble(text[2 * i + 1]);
        if (hi < 0 || lo < 0) {
            fprintf(stderr, "harness: not hex: %.20s\n", text);
            exit(1);
        }
        b[i] = (uint8_t)(hi << 4 | lo);
    }
    return (bytes){b, n};
}

static void drop(bytes b)
{
    free((void *)(uintptr_t)b.data);
}

static const pq_kem_params *set_named(const char *name)
{
#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 512
    if (strcmp(name, "512") == 0) {
        return &pq_kem_512;
    }
#endif
#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 768
    if (strcmp(name, "768") == 0) {
        return &pq_kem_768;
    }
#endif
#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 1024
    if (strcmp(name, "1024") == 0) {
        return &pq_kem_1024;
    }
#endif
    fprintf(stderr, "harness: no set %s in this build\n", name);
    exit(1);
}

/* A random source that gives out prepared bytes, and fails when they end. */
static int prepared(void *ctx, uint8_t *to, size_t len)
{
    bytes *b = ctx;
    if (b->len < len) {
        return -1;
    }
    memcpy(to, b->data, len);
    b->data += len;
    b->len -= len;
    return 0;
}

/* Every output buffer is filled with this first: an untouched one shows. */
static uint8_t *fresh(size_t n)
{
    uint8_t *b = malloc(n);
    if (b == NULL) {
        exit(1);
    }
    memset(b, 0xa5, n);
    return b;
}

static void keypair(const pq_kem_params *p, bytes seed)
{
    uint8_t *ek = fresh(p->ek_bytes), *dk = fresh(p->dk_bytes);
    int err =
        seed.len == PQ_KEM_SEED_BYTES ? pq_kem_keypair_derand(p, ek, dk, seed.data) : PQ_ERR_LENGTH;
    fprintf(out, "%d", err);
    put(ek, p->ek_bytes);
    put(dk, p->dk_bytes);
    free(ek);
    free(dk);
}

static void encaps(const pq_kem_params *p, bytes ek, bytes m)
{
    uint8_t *ct = fresh(p->ct_bytes), *ss = fresh(PQ_KEM_SS_BYTES);
    int err = pq_kem_check_ek(p, ek.data, ek.len);
    if (err != PQ_ERR_LENGTH && m.len == PQ_KEM_MESSAGE_BYTES) {
        int again = pq_kem_encaps_derand(p, ct, ss, ek.data, m.data);
        err = again == err ? err : PQ_ERR_ARG; /* the check and its use must agree */
    }
    fprintf(out, "%d", err);
    put(ct, p->ct_bytes);
    put(ss, PQ_KEM_SS_BYTES);
    free(ct);
    free(ss);
}

static void decaps(const pq_kem_params *p, bytes dk, bytes ct)
{
    uint8_t *ss = fresh(PQ_KEM_SS_BYTES);
    int err = pq_kem_check_dk(p, dk.data, dk.len);
    if (ct.len != p->ct_bytes) {
        err = PQ_ERR_LENGTH;
    } else if (err != PQ_ERR_LENGTH) {
        int again = pq_kem_decaps(p, ss, ct.data, dk.data);
        err = again == err ? err : PQ_ERR_ARG;
    }
    fprintf(out, "%d", err);
    put(ss, PQ_KEM_SS_BYTES);
    free(ss);
}

static void from_seed(const pq_kem_params *p, bytes seed, bytes ct)
{
    uint8_t *ek = fresh(p->ek_bytes), *dk = fresh(p->dk_bytes), *ss = fresh(PQ_KEM_SS_BYTES);
    int err = seed.len == PQ_KEM_SEED_BYTES && ct.len == p->ct_bytes ? PQ_OK : PQ_ERR_LENGTH;
    if (err == PQ_OK) {
        err = pq_kem_keypair_derand(p, ek, dk, seed.data);
    }
    if (err == PQ_OK) {
        err = pq_kem_decaps(p, ss, ct.data, dk);
    }
    fprintf(out, "%d", err);
    put(ek, p->ek_bytes);
    put(ss, PQ_KEM_SS_BYTES);
    free(ek);
    free(dk);
    free(ss);
}

static void with_random(const pq_kem_params *p, bytes seed, bytes m)
{
    uint8_t *ek = fresh(p->ek_bytes), *dk = fresh(p->dk_bytes);
    uint8_t *ct = fresh(p->ct_bytes), *ss = fresh(PQ_KEM_SS_BYTES);
    int err = pq_kem_keypair(p, ek, dk, prepared, &seed);
    fprintf(out, "%d", err);
    put(ek, p->ek_bytes);
    put(dk, p->dk_bytes);
    err = pq_kem_encaps(p, ct, ss, ek, prepared, &m);
    fprintf(out, " %d", err);
    put(ct, p->ct_bytes);
    put(ss, PQ_KEM_SS_BYTES);
    free(ek);
    free(dk);
    free(ct);
    free(ss);
}

static void sha3(unsigned bits, bytes data)
{
    uint8_t *h = fresh(bits / 8);
    (bits == 256 ? pq_sha3_256 : pq_sha3_512)(h, data.data, data.len);
    fputs("0", out);
    put(h, bits / 8);
    free(h);
}

static void shake(unsigned bits, size_t len, size_t split, bytes data)
{
    uint8_t *o = fresh(len > 0 ? len : 1);
    pq_sponge s;
    pq_sponge_init(&s, bits == 128 ? PQ_RATE_SHAKE128 : PQ_RATE_SHAKE256);
    for (size_t i = 0, n; i < data.len; i += n) {
        n = split == 0 || split > data.len - i ? data.len - i : split;
        pq_sponge_absorb(&s, data.data + i, n);
    }
    pq_sponge_finish(&s, PQ_SUFFIX_SHAKE);
    for (size_t i = 0, n; i < len; i += n) {
        n = split == 0 || split > len - i ? len - i : split;
        pq_sponge_squeeze(&s, o + i, n);
    }
    pq_sponge_wipe(&s);
    fputs("0", out);
    put(o, len);
    free(o);
}

static void answer(char *line)
{
    char *field[MAX_FIELDS] = {0};
    unsigned n = 0;
    for (char *f = strtok(line, " \n"); f != NULL && n < MAX_FIELDS; f = strtok(NULL, " \n")) {
        field[n++] = f;
    }
    if (n < 3) {
        fputs("harness: too few fields\n", stderr);
        exit(1);
    }
    bytes last = parse(field[n - 1]);
    if (strcmp(field[0], "keypair") == 0) {
        keypair(set_named(field[1]), last);
    } else if (strcmp(field[0], "sha3") == 0) {
        sha3((unsigned)atoi(field[1]), last);
    } else if (strcmp(field[0], "shake") == 0 && n == 5) {
        shake((unsigned)atoi(field[1]), (size_t)atoi(field[2]), (size_t)atoi(field[3]), last);
    } else if (n == 4) {
        bytes first = parse(field[2]);
        if (strcmp(field[0], "encaps") == 0) {
            encaps(set_named(field[1]), first, last);
        } else if (strcmp(field[0], "decaps") == 0) {
            decaps(set_named(field[1]), first, last);
        } else if (strcmp(field[0], "seed") == 0) {
            from_seed(set_named(field[1]), first, last);
        } else if (strcmp(field[0], "random") == 0) {
            with_random(set_named(field[1]), first, last);
        }
        drop(first);
    }
    drop(last);
    fputc('\n', out);
}

int main(int argc, char **argv)
{
    static char line[MAX_LINE];
    in = argc == 3 ? fopen(argv[1], "r") : stdin;
    out = argc == 3 ? fopen(argv[2], "w") : stdout;
    if (in == NULL || out == NULL) {
        fputs("harness: cannot open its files\n", stderr);
        return 1;
    }
    while (fgets(line, sizeof line, in) != NULL) {
        answer(line);
    }
    return fclose(out) == 0 ? 0 : 1;
}
