/* Polynomials of ML-KEM (FIPS 203 §4.2, §4.3).
 *
 * Coefficients are unsigned and, where a function does not say otherwise, any
 * value of the class mod q that fits 16 bits: bounds stand as multiples of q
 * (65535 > 19q). There is no Montgomery form: see mul().
 */
#include "pq_mlkem_poly.h"
#include "pq_bytes.h"
#include "pq_secret.h"

#define Q PQ_MLKEM_Q
#define N PQ_MLKEM_N

/* CONST(b) = ceil(b·2^32 / q), the second factor of mul() for a constant b. */
#define CONST(b) ((uint32_t)((((uint64_t)(b) << 32) + Q - 1) / Q))
#define INV_128  3303U /* 128^-1 mod q (Algorithm 10, line 14) */
#define ZETA_1   1729U /* 17^64 mod q, zeta of the inverse NTT's last layer */

/* CONST(17^BitRev7(i) mod q) (FIPS 203 appendix A). */
static const uint32_t zetas[128] = {
    0x0013afb8, 0x84f5c5b6, 0xc666e465, 0xfcec8b58, 0xcb2b72d0, 0x30726d5b, 0x91e11612, 0x41360f89,
    0x51aaf2da, 0x93922fd5, 0x0ed77946, 0x3d4a0dff, 0xd63e49fb, 0xfab1a391, 0x2bc18ea7, 0x864470e4,
    0x16c32c11, 0xbc2c9a1c, 0x66f8144e, 0x71811d74, 0xea3cc040, 0x044e701f, 0xac4184cf, 0x6681f601,
    0x6da8cba2, 0xa1074e36, 0x2924384b, 0xdda02ec2, 0xb805896c, 0xdd651f9c, 0x97ccf03d, 0x3f228731,
    0x16395e0d, 0x19743224, 0xfa27d58e, 0x87094e0e, 0x5c0c9c92, 0xb12d72a9, 0xaf19ea51, 0x9e078945,
    0x31fc27af, 0x9807ff63, 0xc13fe765, 0x3099ccc9, 0xdc518394, 0x0289a6a5, 0x658209b1, 0x934370f8,
    0xb254be68, 0x6e59f915, 0x3e0eeb29, 0x22c23fd4, 0x6e95083b, 0xdc8c92ba, 0x75f6ed02, 0xb8b6b6df,
    0xcb8de165, 0xc93f49e7, 0x71e38c09, 0x31d4c840, 0xbe402274, 0xef28ae1a, 0x5e5b3410, 0x45fa9df4,
    0x014eab2e, 0xd4522112, 0x2cd52aae, 0xcbb540d4, 0x7de29fcd, 0x379942fb, 0xaff27732, 0x54970814,
    0x6c5a2074, 0xccb52d24, 0xfc4f0d9d, 0x11eaedee, 0x3a22e9a0, 0xa5cbdca1, 0xe7da790b, 0xea8b7f1e,
    0x82f5ed16, 0x7ef63bd5, 0xd6795921, 0x8992f4b3, 0x8e08c440, 0x4935720b, 0x7059d1b5, 0xcea1560e,
    0x483585bb, 0xb17c3187, 0xbb67bcf2, 0xb7a31ad7, 0x385e2025, 0xb3b7194d, 0x149bf401, 0x314afa3c,
    0x79cf3ed4, 0xb0b7545c, 0x9ca52e5f, 0xf79e2ee9, 0x1cd665aa, 0xc4049d2f, 0xa0b88f58, 0x7e801d88,
    0x51bea292, 0x1887f58b, 0xd53e5dab, 0x3a369957, 0xa169bccb, 0x2b2410ec, 0xbda2a4b9, 0xc77a806d,
    0xd7a0a4e0, 0x53f98a58, 0x1efd9db9, 0x4ee63d0f, 0x57e58be2, 0xa555be54, 0xd565bd19, 0x442224c3,
    0x846bf7b2, 0x5d33e851, 0x901c4c98, 0x4f214c36, 0xa24249ac, 0xe1b38fba, 0x440e750b, 0xa5a47d32,
};

/* Returns a·b mod q, in 0..q-1, for a < 2^32/q (387q) and c = CONST(b).
 *
 * Why: c = (b·2^32 + e)/q with 0 <= e < q, so a·c mod 2^32 is 2^32 times the
 * fraction of a·b/q, plus a·e/q < 2^32/q. Times q and down by 2^32, the fraction
 * gives the remainder and the error stays below 1. Lemire, Kaser, Kurz (2019)
 * use this for remainders; here the constant factor comes for free. Two
 * instructions on RV32M, mul and mulhu. */
static inline uint32_t mul(uint32_t a, uint32_t c)
{
    return (uint32_t)(((uint64_t)(a * c) * Q) >> 32);
}

/* Returns a value below 1.42q, congruent to a. Barrett, any 32-bit a. */
static inline uint32_t reduce(uint32_t a)
{
    return a - (uint32_t)((a * ((UINT64_C(1) << 32) / Q)) >> 32) * Q;
}

/* Cooley-Tukey: (a, b) becomes (a + z·b, a - z·b); each grows by at most q. */
#define CT(a, b, z)                                                                                \
    do {                                                                                           \
        uint32_t t = mul(b, z);                                                                    \
        (b) = (a) + Q - t;                                                                         \
        (a) += t;                                                                                  \
    } while (0)

/* Gentleman-Sande: (a, b) becomes (a + b, z·(b - a)), a <= m, m a multiple of q. */
#define GS(a, b, z, m)                                                                             \
    do {                                                                                           \
        uint32_t t = (b) + (m) - (a);                                                              \
        (a) += (b);                                                                                \
        (b) = mul(t, z);                                                                           \
    } while (0)

/* Three layers of Algorithm 9, of lengths 4s, 2s and s, on eight coefficients at
 * a time. k is the zeta of the first block of length 8s. */
static void ntt_layers(uint16_t *f, unsigned s, unsigned k)
{
    for (const uint16_t *end = f + N; f != end; f += 7 * s, k++) {
        const uint32_t *z = zetas + k;
        uint32_t z1 = z[0], z2 = zetas[2 * k], z3 = zetas[2 * k + 1];
        uint32_t z4 = zetas[4 * k], z5 = zetas[4 * k + 1], z6 = zetas[4 * k + 2],
                 z7 = zetas[4 * k + 3];
        for (const uint16_t *stop = f + s; f != stop; f++) {
            uint32_t a = f[0], b = f[s], c = f[2 * s], d = f[3 * s];
            uint32_t e = f[4 * s], g = f[5 * s], h = f[6 * s], i = f[7 * s];
            CT(a, e, z1);
            CT(b, g, z1);
            CT(c, h, z1);
            CT(d, i, z1);
            CT(a, c, z2);
            CT(b, d, z2);
            CT(e, h, z3);
            CT(g, i, z3);
            CT(a, b, z4);
            CT(c, d, z5);
            CT(e, g, z6);
            CT(h, i, z7);
            f[0] = (uint16_t)a;
            f[s] = (uint16_t)b;
            f[2 * s] = (uint16_t)c;
            f[3 * s] = (uint16_t)d;
            f[4 * s] = (uint16_t)e;
            f[5 * s] = (uint16_t)g;
            f[6 * s] = (uint16_t)h;
            f[7 * s] = (uint16_t)i;
        }
    }
}

void pq_poly_ntt(pq_poly *p)
{
    ntt_layers(p->c, 32, 1);
    ntt_layers(p->c, 4, 8);
    const uint32_t *z = zetas + 64;
    for (uint16_t *f = p->c; f != p->c + N; f += 4) {
        uint32_t a = f[0], b = f[1], c = f[2], d = f[3];
        CT(a, c, *z);
        CT(b, d, *z);
        f[0] = (uint16_t)a;
        f[1] = (uint16_t)b;
        f[2] = (uint16_t)c;
        f[3] = (uint16_t)d;
        z++;
    }
}

/* Three layers of Algorithm 10, of lengths s, 2s and 4s, for coefficients up to
 * 3q. All results are below q: the last layer's sums are multiplied by CONST^-1
 * of scale, its differences by last (0: by the layer's own zeta). k is the zeta
 * of the first block of length 8s. */
static void inv_ntt_layers(uint16_t *f, unsigned s, unsigned k, uint32_t scale, uint32_t last)
{
    for (const uint16_t *end = f + N; f != end; f += 7 * s, k--) {
        uint32_t z1 = last != 0 ? last : zetas[k];
        uint32_t z2 = zetas[2 * k + 1], z3 = zetas[2 * k];
        uint32_t z4 = zetas[4 * k + 3], z5 = zetas[4 * k + 2], z6 = zetas[4 * k + 1],
                 z7 = zetas[4 * k];
        for (const uint16_t *stop = f + s; f != stop; f++) {
            uint32_t a = f[0], b = f[s], c = f[2 * s], d = f[3 * s];
            uint32_t e = f[4 * s], g = f[5 * s], h = f[6 * s], i = f[7 * s];
            GS(a, b, z4, 3 * Q);
            GS(c, d, z5, 3 * Q);
            GS(e, g, z6, 3 * Q);
            GS(h, i, z7, 3 * Q);
            GS(a, c, z2, 6 * Q);
            GS(b, d, z2, 6 * Q);
            GS(e, h, z3, 6 * Q);
            GS(g, i, z3, 6 * Q);
            GS(a, e, z1, 12 * Q);
            GS(b, g, z1, 12 * Q);
            GS(c, h, z1, 12 * Q);
            GS(d, i, z1, 12 * Q);
            f[0] = (uint16_t)mul(a, scale);
            f[s] = (uint16_t)mul(b, scale);
            f[2 * s] = (uint16_t)mul(c, scale);
            f[3 * s] = (uint16_t)mul(d, scale);
            f[4 * s] = (uint16_t)e;
            f[5 * s] = (uint16_t)g;
            f[6 * s] = (uint16_t)h;
            f[7 * s] = (uint16_t)i;
        }
    }
}

void pq_poly_inv_ntt(pq_poly *p)
{
    const uint32_t *z = zetas + 128;
    for (uint16_t *f = p->c; f != p->c + N; f += 4) {
        uint32_t a = f[0], b = f[1], c = f[2], d = f[3];
        z--;
        GS(a, c, *z, 2 * Q);
        GS(b, d, *z, 2 * Q);
        f[0] = (uint16_t)a;
        f[1] = (uint16_t)b;
        f[2] = (uint16_t)c;
        f[3] = (uint16_t)d;
    }
    inv_ntt_layers(p->c, 4, 15, CONST(1), 0);
    /* The division by 128 rides on the last layer's multiplications. */
    inv_ntt_layers(p->c, 32, 1, CONST(INV_128), CONST((INV_128 * ZETA_1) % Q));
}

/* Adds to acc[0..1] the product (a0 + a1·X)·(b[0] + b[1]·X) in Z_q[X]/(X² - z),
 * where zb1 = z·b[1] mod q (Algorithm 12). a0 and a1 up to 4095, b and acc up to
 * 9q: no sum reaches 2^32. */
static inline void mul_add_pair(uint16_t *acc, uint32_t a0, uint32_t a1, const uint16_t *b,
                                uint32_t zb1)
{
    uint32_t b0 = b[0], b1 = b[1];
    acc[0] = (uint16_t)reduce(acc[0] + a0 * b0 + a1 * zb1);
    acc[1] = (uint16_t)reduce(acc[1] + a0 * b1 + a1 * b0);
}

void pq_poly_mul_add_bytes(pq_poly *acc, const uint8_t *in, const pq_poly *p)
{
    const uint32_t *z = zetas + 64;
    const uint16_t *b = p->c;
    for (uint16_t *f = acc->c; f != acc->c + N; f += 4) {
        mul_add_pair(f, in[0] | (in[1] & 15U) << 8, in[1] >> 4 | (uint32_t)in[2] << 4, b,
                     mul(b[1], *z));
        mul_add_pair(f + 2, in[3] | (in[4] & 15U) << 8, in[4] >> 4 | (uint32_t)in[5] << 4, b + 2,
                     Q - mul(b[3], *z)); /* the odd pairs are mod X² + z */
        in += 6;
        b += 4;
        z++;
    }
}

/* Rejection sampling: keeps a candidate below q. rho is public, and so is what
 * comes of it. */
#define ACCEPT(candidate)                                                                          \
    do {                                                                                           \
        uint32_t d = (candidate);                                                                  \
        if (d < Q) {                                                                               \
            *last++ = (uint16_t)d;                                                                 \
        }                                                                                          \
    } while (0)

void pq_poly_mul_add_uniform(pq_poly *acc, const uint8_t rho[32], unsigned j, unsigned i,
                             const pq_poly *p)
{
    const uint8_t ji[2] = {(uint8_t)j, (uint8_t)i};
    pq_sponge s;
    const uint32_t *block_end = s.word + PQ_RATE_SHAKE128 / 4;
    const uint32_t *w = block_end;
    uint16_t kept[3 + 8]; /* what a step of four left, and 8 more */
    uint16_t *last = kept;
    const uint16_t *b = p->c;
    const uint32_t *z = zetas + 64;
    uint16_t *f = acc->c;

    pq_sponge_init(&s, PQ_RATE_SHAKE128);
    pq_sponge_absorb(&s, rho, 32);
    pq_sponge_absorb(&s, ji, 2);
    pq_sponge_finish(&s, PQ_SUFFIX_SHAKE);
    for (;;) {
        if (w == block_end) {
            pq_sponge_next_block(&s);
            w = s.word;
        }
        uint32_t w0 = w[0], w1 = w[1], w2 = w[2];
        w += 3;
        ACCEPT(w0 & 0xfff);
        ACCEPT(w0 >> 12 & 0xfff);
        ACCEPT(w0 >> 24 | (w1 & 15) << 8);
        ACCEPT(w1 >> 4 & 0xfff);
        ACCEPT(w1 >> 16 & 0xfff);
        ACCEPT(w1 >> 28 | (w2 & 0xff) << 4);
        ACCEPT(w2 >> 8 & 0xfff);
        ACCEPT(w2 >> 20);
        const uint16_t *a = kept;
        for (; last - a >= 4; a += 4) {
            mul_add_pair(f, a[0], a[1], b, mul(b[1], *z));
            mul_add_pair(f + 2, a[2], a[3], b + 2, Q - mul(b[3], *z));
            f += 4;
            b += 4;
            z++;
            if (f == acc->c + N) {
                return;
            }
        }
        const uint16_t *end = last;
        for (last = kept; a != end; a++) {
            *last++ = *a;
        }
    }
}

/* Starts PRF_eta(seed, nonce) = SHAKE256(seed ‖ nonce) (§4.1). */
static void prf(pq_sponge *s, const uint8_t seed[32], unsigned nonce)
{
    const uint8_t last = (uint8_t)nonce;
    pq_sponge_init(s, PQ_RATE_SHAKE256);
    pq_sponge_absorb(s, seed, 32);
    pq_sponge_absorb(s, &last, 1);
    pq_sponge_finish(s, PQ_SUFFIX_SHAKE);
}

void pq_poly_add_noise2(pq_poly *p, const uint8_t seed[32], unsigned nonce)
{
    pq_sponge s;
    prf(&s, seed, nonce);
    pq_sponge_next_block(&s);
    uint16_t *f = p->c;
    for (const uint32_t *w = s.word; w != s.word + N / 8; w++) {
        /* Each group of four bits holds two counts x and y of two bits each;
         * x - y + 3 lies in 1..5, so no group borrows from the next. */
        uint32_t v = (*w & 0x55555555) + (*w >> 1 & 0x55555555);
        v = (v & 0x33333333) + 0x33333333 - (v >> 2 & 0x33333333);
        for (unsigned i = 0; i < 8; i++) {
            *f = (uint16_t)(*f + (Q - 3) + (v & 15));
            f++;
            v >>= 4;
        }
    }
    pq_sponge_wipe(&s);
}

void pq_poly_noise(pq_poly *p, unsigned eta, const uint8_t seed[32], unsigned nonce)
{
    if (eta == 2) {
        pq_wipe(p, sizeof *p);
        pq_poly_add_noise2(p, seed, nonce);
        return;
    }
    /* The 192 bytes lie at the polynomial's end and are overwritten from its
     * start: after g groups 8g bytes are written, 320 + 3g read. */
    uint8_t *bytes = (uint8_t *)p->c + sizeof p->c - 64 * 3;
    pq_sponge s;
    prf(&s, seed, nonce);
    pq_sponge_squeeze(&s, bytes, 64 * 3);
    pq_sponge_wipe(&s);
    for (uint16_t *f = p->c; f != p->c + N; f += 4) {
        /* As above, in groups of six bits: x - y + 3 lies in 0..6. */
        uint32_t v = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
        bytes += 3;
        v = (v & 0x249249) + (v >> 1 & 0x249249) + (v >> 2 & 0x249249);
        v = (v & 0x1c71c7) + 0x0c30c3 - (v >> 3 & 0x1c71c7);
        f[0] = (uint16_t)(Q - 3 + (v & 63));
        f[1] = (uint16_t)(Q - 3 + (v >> 6 & 63));
        f[2] = (uint16_t)(Q - 3 + (v >> 12 & 63));
        f[3] = (uint16_t)(Q - 3 + (v >> 18));
    }
}

void pq_poly_add_message(pq_poly *p, const uint8_t m[32])
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < N; i++) {
        bits = i % 8 == 0 ? m[i / 8] : bits >> 1;
        p->c[i] = (uint16_t)(p->c[i] + (Q + 1) / 2 * (bits & 1));
    }
}

void pq_poly_sub(pq_poly *p, const pq_poly *b)
{
    for (unsigned i = 0; i < N; i++) {
        p->c[i] = (uint16_t)(p->c[i] + Q - b->c[i]);
    }
}

/* Compress_d (§4.2.1, 4.7) of a 16-bit a that need not be reduced: round(2^d·a/q)
 * mod 2^d. The quotient is exact: 2^43/q rounded up is too large by e < 1, and
 * (a·2^d + q/2)·e < 2^27 is below 2^43/q. */
static inline uint32_t compress(uint32_t a, unsigned d)
{
    const uint64_t inverse = ((UINT64_C(1) << 43) + Q - 1) / Q;
    return (uint32_t)(((a << d) + Q / 2) * inverse >> 43) & ((1U << d) - 1);
}

void pq_poly_compress(uint8_t *out, const pq_poly *p, unsigned d)
{
    uint32_t bits = 0;
    unsigned have = 0;
    for (unsigned i = 0; i < N; i++) {
        bits |= compress(p->c[i], d) << have;
        have += d;
        if (have >= 16) {
            pq_store16(out, (uint16_t)bits);
            out += 2;
            bits >>= 16;
            have -= 16;
        }
    }
}

uint32_t pq_poly_compress_diff(const uint8_t *in, const pq_poly *p, unsigned d)
{
    uint32_t bits = 0, diff = 0;
    unsigned have = 0;
    for (unsigned i = 0; i < N; i++) {
        bits |= compress(p->c[i], d) << have;
        have += d;
        if (have >= 16) {
            diff |= (bits & 0xffff) ^ pq_load16(in);
            in += 2;
            bits >>= 16;
            have -= 16;
        }
    }
    return diff;
}

void pq_poly_decompress(pq_poly *p, const uint8_t *in, unsigned d)
{
    uint32_t bits = 0;
    unsigned have = 0;
    for (unsigned i = 0; i < N; i++) {
        if (have < d) {
            bits |= (uint32_t)pq_load16(in) << have;
            in += 2;
            have += 16;
        }
        uint32_t y = bits & ((1U << d) - 1);
        p->c[i] = (uint16_t)((2 * Q * y + (1U << d)) >> (d + 1));
        bits >>= d;
        have -= d;
    }
}

void pq_poly_encode12(uint8_t *out, const pq_poly *p)
{
    for (unsigned i = 0; i < N; i += 2) {
        uint32_t a = mul(p->c[i], CONST(1)), b = mul(p->c[i + 1], CONST(1));
        out[0] = (uint8_t)a;
        out[1] = (uint8_t)(a >> 8 | b << 4);
        out[2] = (uint8_t)(b >> 4);
        out += 3;
    }
}

uint32_t pq_poly_encode12_invalid(const uint8_t *in)
{
    uint32_t bad = 0;
    for (unsigned i = 0; i < N; i += 2) {
        uint32_t a = in[0] | (in[1] & 15U) << 8, b = in[1] >> 4 | (uint32_t)in[2] << 4;
        bad |= (Q - 1 - a) | (Q - 1 - b);
        in += 3;
    }
    return bad >> 31;
}
