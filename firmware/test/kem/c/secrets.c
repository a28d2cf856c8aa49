/* Runs every operation of every parameter set with its secrets marked as
 * undefined for valgrind's memcheck, which then reports each branch and each
 * address that depends on one. Public from the start, or by declassification:
 * rho, encapsulation keys, ciphertexts, H(ek). */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>
#include "pq_kem.h"

#define SECRET(p, n) (void)VALGRIND_MAKE_MEM_UNDEFINED(p, n)
#define PUBLIC(p, n) (void)VALGRIND_MAKE_MEM_DEFINED(p, n)

static uint8_t ek[PQ_KEM_MAX_EK_BYTES], dk[PQ_KEM_MAX_DK_BYTES], ct[PQ_KEM_MAX_CT_BYTES];
static uint8_t seed[PQ_KEM_SEED_BYTES], m[PQ_KEM_MESSAGE_BYTES];
static uint8_t ours[PQ_KEM_SS_BYTES], theirs[PQ_KEM_SS_BYTES];

/* Returns 0 if both sides agree exactly when the ciphertext is genuine. */
static int one(const pq_kem_params *p, int tamper)
{
    size_t s_len = (size_t)p->dk_bytes - p->ek_bytes - 64;
    for (unsigned i = 0; i < sizeof seed; i++) {
        seed[i] = (uint8_t)(i + p->k);
        m[i % sizeof m] = (uint8_t)(2 * i);
    }
    SECRET(seed, sizeof seed);
    int err = pq_kem_keypair_derand(p, ek, dk, seed);
    PUBLIC(ek, p->ek_bytes);
    PUBLIC(dk + s_len, p->ek_bytes + 32U); /* ek ‖ H(ek) */

    SECRET(m, sizeof m);
    err |= pq_kem_encaps_derand(p, ct, ours, ek, m);
    PUBLIC(ct, p->ct_bytes);

    if (tamper) {
        ct[7] ^= 1;
    }
    SECRET(dk, s_len);
    SECRET(dk + p->dk_bytes - 32, 32); /* z */
    err |= pq_kem_decaps(p, theirs, ct, dk);
    PUBLIC(ours, sizeof ours);
    PUBLIC(theirs, sizeof theirs);
    return err != 0 || (memcmp(ours, theirs, sizeof ours) != 0) != tamper;
}

int main(void)
{
    int bad = 0;
    const pq_kem_params *sets[] = {&pq_kem_512, &pq_kem_768, &pq_kem_1024};
    if (!RUNNING_ON_VALGRIND) {
        fputs("secrets: only valgrind sees anything here\n", stderr);
        return 2;
    }
    for (unsigned i = 0; i < 3; i++) {
        bad |= one(sets[i], 0) | one(sets[i], 1);
    }
    return bad;
}
