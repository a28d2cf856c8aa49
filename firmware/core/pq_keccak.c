/* Keccak for 32-bit cores: each 64-bit lane is two plain 32-bit words (not
 * bit-interleaved: without a rotate instruction that gains nothing). Three
 * things make a round cheap:
 *   - two buffers: a round reads one and writes the other, so no lane moves;
 *   - six lanes are kept inverted during the permutation, which leaves 5 of
 *     chi's 25 inversions (~a & b = ~(a | ~b));
 *   - the column parities of the last two planes stay in registers for the next
 *     round's theta: by then the registers of theta's D are free.
 * Compile with -fno-schedule-insns: GCC's first scheduler pass knows nothing of
 * register pressure and adds 8 % (12,485 instructions on RV32 become 13,448).
 */
#include <string.h>
#include "pq_keccak.h"
#include "pq_bytes.h"
#include "pq_secret.h"

/* What was stored is loaded again, not kept in a register that is then spilled. */
#if defined(__GNUC__)
#define FORGET() __asm__ volatile("" : : : "memory")
/* The value is used as it stands: ~a ^ b does not become ~(a ^ b). */
#define PIN(v) __asm__("" : "+r"(v))
#else
#define FORGET() ((void)0)
#define PIN(v)   ((void)0)
#endif

/* FIPS 202 §3.2.5, RC[ir]: low and high word of each round. */
static const uint32_t round_constant[48] = {
    0x00000001, 0x00000000, 0x00008082, 0x00000000, 0x0000808a, 0x80000000, 0x80008000, 0x80000000,
    0x0000808b, 0x00000000, 0x80000001, 0x00000000, 0x80008081, 0x80000000, 0x00008009, 0x80000000,
    0x0000008a, 0x00000000, 0x00000088, 0x00000000, 0x80008009, 0x00000000, 0x8000000a, 0x00000000,
    0x8000808b, 0x00000000, 0x0000008b, 0x80000000, 0x00008089, 0x80000000, 0x00008003, 0x80000000,
    0x00008002, 0x80000000, 0x00000080, 0x80000000, 0x0000800a, 0x00000000, 0x8000000a, 0x80000000,
    0x80008081, 0x80000000, 0x00008080, 0x80000000, 0x80000001, 0x00000000, 0x80008008, 0x80000000,
};

/* Theta: the parity of column x, added to what the last two planes left in c. */
#define PARITY(s, x)                                                                               \
    c[2 * (x)] ^= s[2 * (x)] ^ s[10 + 2 * (x)] ^ s[20 + 2 * (x)];                                  \
    c[2 * (x) + 1] ^= s[2 * (x) + 1] ^ s[11 + 2 * (x)] ^ s[21 + 2 * (x)]

/* Theta: D[x] = C[x-1] ^ (C[x+1] <<< 1); w and e are x-1 and x+1 mod 5. */
#define COLUMN(x, w, e)                                                                            \
    d[2 * (x)] = c[2 * (w)] ^ (c[2 * (e)] << 1 | c[2 * (e) + 1] >> 31);                            \
    d[2 * (x) + 1] = c[2 * (w) + 1] ^ (c[2 * (e) + 1] << 1 | c[2 * (e)] >> 31)

/* Theta, rho and pi: b[x'] = (lane (x,y) ^ D[x]) <<< r, where x' = y. Rotations
 * of 32 and more swap the words: LANE_SWAP takes r - 32. */
#define LANE(s, x, y, r)                                                                           \
    lo = s[10 * (y) + 2 * (x)] ^ d[2 * (x)];                                                       \
    hi = s[10 * (y) + 2 * (x) + 1] ^ d[2 * (x) + 1];                                               \
    b[2 * (y)] = lo << (r) | hi >> (32 - (r));                                                     \
    b[2 * (y) + 1] = hi << (r) | lo >> (32 - (r))
#define LANE_SWAP(s, x, y, r)                                                                      \
    lo = s[10 * (y) + 2 * (x)] ^ d[2 * (x)];                                                       \
    hi = s[10 * (y) + 2 * (x) + 1] ^ d[2 * (x) + 1];                                               \
    b[2 * (y)] = hi << (r) | lo >> (32 - (r));                                                     \
    b[2 * (y) + 1] = lo << (r) | hi >> (32 - (r))

/* One lane's inverse, n, where a plane needs it twice. */
#define INVERSE(x)                                                                                 \
    n = ~B(x);                                                                                     \
    PIN(n)

/* Chi on one half (h = 0 low, 1 high) of a plane: five expressions of B(0..4).
 * CHI_PARITY also puts (op is =) or adds (^=) each lane to its column's parity. */
#define B(x)              b[2 * (x) + h]
#define STORE(t, y, x, v) t[10 * (y) + 2 * (x) + h] = (v)
#define CHI(t, y, e0, e1, e2, e3, e4)                                                              \
    STORE(t, y, 0, e0);                                                                            \
    STORE(t, y, 1, e1);                                                                            \
    STORE(t, y, 2, e2);                                                                            \
    STORE(t, y, 3, e3);                                                                            \
    STORE(t, y, 4, e4)
#define CHI_PARITY(t, y, op, e0, e1, e2, e3, e4)                                                   \
    STORE(t, y, 0, v = (e0)), c[0 + h] op v;                                                       \
    STORE(t, y, 1, v = (e1)), c[2 + h] op v;                                                       \
    STORE(t, y, 2, v = (e2)), c[4 + h] op v;                                                       \
    STORE(t, y, 3, v = (e3)), c[6 + h] op v;                                                       \
    STORE(t, y, 4, v = (e4)), c[8 + h] op v
#define BOTH(what)                                                                                 \
    {                                                                                              \
        enum { h = 0 };                                                                            \
        what;                                                                                      \
    }                                                                                              \
    {                                                                                              \
        enum { h = 1 };                                                                            \
        what;                                                                                      \
    }                                                                                              \
    FORGET()

/* One round from s to t. In the formulas of chi the lanes (1,0), (2,0), (3,1),
 * (2,2), (2,3) and (0,4) of both buffers are inverted. */
#define ROUND(s, t, rc)                                                                            \
    PARITY(s, 0);                                                                                  \
    PARITY(s, 1);                                                                                  \
    PARITY(s, 2);                                                                                  \
    PARITY(s, 3);                                                                                  \
    PARITY(s, 4);                                                                                  \
    COLUMN(0, 4, 1);                                                                               \
    COLUMN(1, 0, 2);                                                                               \
    COLUMN(2, 1, 3);                                                                               \
    COLUMN(3, 2, 4);                                                                               \
    COLUMN(4, 3, 0);                                                                               \
    b[0] = s[0] ^ d[0];                                                                            \
    b[1] = s[1] ^ d[1];                                                                            \
    LANE_SWAP(s, 1, 1, 12);                                                                        \
    LANE_SWAP(s, 2, 2, 11);                                                                        \
    LANE(s, 3, 3, 21);                                                                             \
    LANE(s, 4, 4, 14);                                                                             \
    BOTH(CHI(t, 0, B(0) ^ (B(1) | B(2)) ^ (rc)[h], B(1) ^ (~B(2) | B(3)), B(2) ^ (B(3) & B(4)),    \
             B(3) ^ (B(4) | B(0)), B(4) ^ (B(0) & B(1))));                                         \
    LANE(s, 3, 0, 28);                                                                             \
    LANE(s, 4, 1, 20);                                                                             \
    LANE(s, 0, 2, 3);                                                                              \
    LANE_SWAP(s, 1, 3, 13);                                                                        \
    LANE_SWAP(s, 2, 4, 29);                                                                        \
    BOTH(CHI(t, 1, B(0) ^ (B(1) | B(2)), B(1) ^ (B(2) & B(3)), B(2) ^ (B(3) | ~B(4)),              \
             B(3) ^ (B(4) | B(0)), B(4) ^ (B(0) & B(1))));                                         \
    LANE(s, 1, 0, 1);                                                                              \
    LANE(s, 2, 1, 6);                                                                              \
    LANE(s, 3, 2, 25);                                                                             \
    LANE(s, 4, 3, 8);                                                                              \
    LANE(s, 0, 4, 18);                                                                             \
    BOTH(INVERSE(3); CHI(t, 2, B(0) ^ (B(1) | B(2)), B(1) ^ (B(2) & B(3)), B(2) ^ (n & B(4)),      \
                         n ^ (B(4) | B(0)), B(4) ^ (B(0) & B(1))));                                \
    LANE(s, 4, 0, 27);                                                                             \
    LANE_SWAP(s, 0, 1, 4);                                                                         \
    LANE(s, 1, 2, 10);                                                                             \
    LANE(s, 2, 3, 15);                                                                             \
    LANE_SWAP(s, 3, 4, 24);                                                                        \
    BOTH(INVERSE(3); CHI_PARITY(t, 3, =, B(0) ^ (B(1) & B(2)), B(1) ^ (B(2) | B(3)),               \
                                B(2) ^ (n | B(4)), n ^ (B(4) & B(0)), B(4) ^ (B(0) | B(1))));      \
    LANE_SWAP(s, 2, 0, 30);                                                                        \
    LANE_SWAP(s, 3, 1, 23);                                                                        \
    LANE_SWAP(s, 4, 2, 7);                                                                         \
    LANE_SWAP(s, 0, 3, 9);                                                                         \
    LANE(s, 1, 4, 2);                                                                              \
    BOTH(INVERSE(1); CHI_PARITY(t, 4, ^=, B(0) ^ (n & B(2)), n ^ (B(2) | B(3)),                    \
                                B(2) ^ (B(3) & B(4)), B(3) ^ (B(4) | B(0)), B(4) ^ (B(0) & B(1))))

#define INVERT(s, x, y)                                                                            \
    s[10 * (y) + 2 * (x)] = ~s[10 * (y) + 2 * (x)];                                                \
    s[10 * (y) + 2 * (x) + 1] = ~s[10 * (y) + 2 * (x) + 1]
#define INVERT_LANES(s)                                                                            \
    INVERT(s, 1, 0);                                                                               \
    INVERT(s, 2, 0);                                                                               \
    INVERT(s, 3, 1);                                                                               \
    INVERT(s, 2, 2);                                                                               \
    INVERT(s, 2, 3);                                                                               \
    INVERT(s, 0, 4)

/* What the last two planes give to the parity of column x. */
#define FIRST_PARITY(s, x)                                                                         \
    c[2 * (x)] = s[30 + 2 * (x)] ^ s[40 + 2 * (x)];                                                \
    c[2 * (x) + 1] = s[31 + 2 * (x)] ^ s[41 + 2 * (x)]

void pq_keccak_f1600(pq_sponge *sponge)
{
    uint32_t *s = sponge->word;
    uint32_t *t = sponge->scratch;
    uint32_t b[10], c[10], d[10], lo, hi, n, v;

    INVERT_LANES(s);
    FIRST_PARITY(s, 0);
    FIRST_PARITY(s, 1);
    FIRST_PARITY(s, 2);
    FIRST_PARITY(s, 3);
    FIRST_PARITY(s, 4);
    for (const uint32_t *rc = round_constant; rc != round_constant + 48; rc += 4) {
        ROUND(s, t, rc);
        ROUND(t, s, rc + 2);
    }
    INVERT_LANES(s);
}

void pq_sponge_init(pq_sponge *s, unsigned rate)
{
    pq_wipe(s->word, sizeof s->word);
    s->rate = (uint16_t)rate;
    s->pos = 0;
}

static inline void xor_byte(pq_sponge *s, unsigned pos, unsigned v)
{
    s->word[pos / 4] ^= (uint32_t)v << (8 * (pos % 4));
}

/* A little-endian word; p is a multiple of 4. */
static inline uint32_t load_aligned(const uint8_t *p)
{
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint32_t v;
    memcpy(&v, __builtin_assume_aligned(p, 4), sizeof v);
    return v;
#else
    return pq_load32(p);
#endif
}

/* XORs n whole words into the state. */
static const uint8_t *xor_words(uint32_t *w, const uint8_t *in, size_t n)
{
    const uint32_t *end = w + n;
    if (((uintptr_t)in & 3) == 0) {
        for (; w != end; in += 4) {
            *w++ ^= load_aligned(in);
        }
    } else {
        for (; w != end; in += 4) {
            *w++ ^= pq_load32(in);
        }
    }
    return in;
}

void pq_sponge_absorb(pq_sponge *s, const uint8_t *in, size_t len)
{
    unsigned pos = s->pos;
    while (len > 0) {
        if (pos % 4 != 0 || len < 4) {
            xor_byte(s, pos++, *in++);
            len--;
        } else {
            size_t room = (s->rate - pos) / 4, words = len / 4 < room ? len / 4 : room;
            in = xor_words(s->word + pos / 4, in, words);
            len -= 4 * words;
            pos += 4 * (unsigned)words;
        }
        if (pos == s->rate) {
            pq_keccak_f1600(s);
            pos = 0;
        }
    }
    s->pos = (uint16_t)pos;
}

void pq_sponge_finish(pq_sponge *s, unsigned suffix)
{
    xor_byte(s, s->pos, suffix);
    xor_byte(s, s->rate - 1U, 0x80); /* the last bit of pad10*1, FIPS 202 §5.1 */
    s->pos = s->rate;                /* nothing squeezed yet: permute first */
}

void pq_sponge_next_block(pq_sponge *s)
{
    pq_keccak_f1600(s);
}

void pq_sponge_squeeze(pq_sponge *s, uint8_t *out, size_t len)
{
    unsigned pos = s->pos;
    while (len > 0) {
        if (pos == s->rate) {
            pq_keccak_f1600(s);
            pos = 0;
        }
        if (pos % 4 != 0 || len < 4) {
            *out++ = (uint8_t)(s->word[pos / 4] >> (8 * (pos % 4)));
            pos++;
            len--;
            continue;
        }
        for (; len >= 4 && pos < s->rate; len -= 4) {
            pq_store32(out, s->word[pos / 4]);
            out += 4;
            pos += 4;
        }
    }
    s->pos = (uint16_t)pos;
}

void pq_sponge_wipe(pq_sponge *s)
{
    pq_wipe(s, sizeof *s);
}

static void hash(uint8_t *out, size_t out_len, unsigned rate, const uint8_t *in, size_t len)
{
    pq_sponge s;
    pq_sponge_init(&s, rate);
    pq_sponge_absorb(&s, in, len);
    pq_sponge_finish(&s, PQ_SUFFIX_SHA3);
    pq_sponge_squeeze(&s, out, out_len);
    pq_sponge_wipe(&s);
}

void pq_sha3_256(uint8_t out[32], const uint8_t *in, size_t len)
{
    hash(out, 32, PQ_RATE_SHA3_256, in, len);
}

void pq_sha3_512(uint8_t out[64], const uint8_t *in, size_t len)
{
    hash(out, 64, PQ_RATE_SHA3_512, in, len);
}
