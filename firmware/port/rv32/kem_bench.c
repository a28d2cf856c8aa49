/* Measures the KEM on the RV32 emulator: retired instructions and stack of each
 * operation, whether it leaves secrets on the stack, and the spread of
 * pq_kem_decaps over many ciphertexts.
 *
 * Prints one line per figure: NAME INSTRUCTIONS STACK, and "spread" with its
 * smallest and largest count. Built for one parameter set (PQ_KEM_ONLY).
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "pq_kem.h"
#include "pq_keccak.h"

#define GLUE_(a, b) a##b
#define GLUE(a, b)  GLUE_(a, b)
#define SET         (&GLUE(pq_kem_, PQ_KEM_ONLY))

enum {
    PAINTED = 64 * 1024, /* bytes of stack that are painted */
    CIPHERTEXTS = 80,
};

static uint8_t ek[PQ_KEM_MAX_EK_BYTES], dk[PQ_KEM_MAX_DK_BYTES], ct[PQ_KEM_MAX_CT_BYTES];
static uint8_t ss[PQ_KEM_SS_BYTES], ss2[PQ_KEM_SS_BYTES], seed[PQ_KEM_SEED_BYTES];

static inline uint32_t instructions(void)
{
    uint32_t n;
    __asm__ volatile("csrr %0, minstret" : "=r"(n) : : "memory");
    return n;
}

static void op_nothing(void)
{
}

static void op_keypair(void)
{
    (void)pq_kem_keypair_derand(SET, ek, dk, seed);
}

static void op_encaps(void)
{
    (void)pq_kem_encaps_derand(SET, ct, ss, ek, seed);
}

static void op_decaps(void)
{
    (void)pq_kem_decaps(SET, ss2, ct, dk);
}

#ifndef PQ_KEM_NATIVE
static void op_keccak(void)
{
    static pq_sponge sponge;
    pq_keccak_f1600(&sponge);
}
#endif

/* Returns the bytes of stack that op uses below this frame, by painting them
 * first. Works on the stack it runs on, so it stays out of line and small. */
static __attribute__((noinline)) uint32_t stack_of(void (*op)(void))
{
    volatile uint8_t *top;
    __asm__ volatile("mv %0, sp" : "=r"(top));
    for (volatile uint8_t *p = top - PAINTED; p != top; p++) {
        *p = 0x5a;
    }
    op();
    volatile uint8_t *p = top - PAINTED;
    while (p != top && *p == 0x5a) {
        p++;
    }
    return (uint32_t)(top - p);
}

/* Reports a FAIL if op leaves eight bytes in a row of the secret anywhere in the
 * stack that it used. */
static __attribute__((noinline)) void nothing_left(const char *name, void (*op)(void),
                                                   const uint8_t *secret, size_t len)
{
    (void)stack_of(op); /* paints, so that what is found is op's own */
    const uint8_t *top;
    __asm__ volatile("mv %0, sp" : "=r"(top));
    for (const uint8_t *p = top - PAINTED; p != top - 8; p++) {
        for (size_t i = 0; i + 8 <= len; i++) {
            if (p[0] == secret[i] && memcmp(p, secret + i, 8) == 0) {
                printf("FAIL %s leaves its secret's byte %u at sp-%u\n", name, (unsigned)i,
                       (unsigned)(top - p));
                return;
            }
        }
    }
}

static uint32_t count_of(void (*op)(void))
{
    uint32_t start = instructions();
    op();
    return instructions() - start;
}

static void report(const char *name, void (*op)(void))
{
    uint32_t count = count_of(op) - count_of(op_nothing);
    printf("%s %lu %lu\n", name, (unsigned long)count, (unsigned long)stack_of(op));
}

/* The even ciphertexts are genuine, the odd ones have one bit flipped, each
 * elsewhere: acceptance and rejection must cost the same. */
static void spread(void)
{
    uint32_t least = UINT32_MAX, most = 0;
    for (unsigned i = 0; i < CIPHERTEXTS; i++) {
        seed[0] = (uint8_t)i;
        op_encaps();
        if (i % 2 != 0) {
            ct[(i * 131) % SET->ct_bytes] ^= (uint8_t)(1U << (i / 2 % 8));
        }
        uint32_t n = count_of(op_decaps);
        least = n < least ? n : least;
        most = n > most ? n : most;
        if ((memcmp(ss, ss2, sizeof ss) == 0) != (i % 2 == 0)) {
            printf("FAIL ciphertext %u\n", i);
        }
    }
    printf("spread %lu %lu\n", (unsigned long)least, (unsigned long)most);
}

int main(void)
{
    for (unsigned i = 0; i < sizeof seed; i++) {
        seed[i] = (uint8_t)i;
    }
#ifndef PQ_KEM_NATIVE
    report("keccak-f1600", op_keccak);
#endif
    report("keypair", op_keypair);
    report("encaps", op_encaps);
    report("decaps", op_decaps);
    if (memcmp(ss, ss2, sizeof ss) != 0) {
        printf("FAIL the two sides disagree\n");
    }
    nothing_left("keypair (d)", op_keypair, seed, 32);
#ifndef PQ_KEM_NATIVE
    uint8_t sigma[64]; /* G(d ‖ k) = rho ‖ sigma */
    memcpy(sigma, seed, 32);
    sigma[32] = SET->k;
    pq_sha3_512(sigma, sigma, 33);
    nothing_left("keypair (sigma)", op_keypair, sigma + 32, 32);
#endif
    nothing_left("encaps (m)", op_encaps, seed, PQ_KEM_MESSAGE_BYTES);
    nothing_left("encaps (K)", op_encaps, ss, sizeof ss);
    nothing_left("decaps (m)", op_decaps, seed, PQ_KEM_MESSAGE_BYTES);
    nothing_left("decaps (K)", op_decaps, ss, sizeof ss);
    spread();
    return 0;
}
