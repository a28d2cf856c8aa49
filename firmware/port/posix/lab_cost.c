/* What ML-KEM takes on the board, for boards in virtual time: there this computer's
 * own speed must not show, or a run would depend on more than its seed. The linker
 * puts these in the place of the functions that they are named after (ld --wrap).
 *
 * Counted are instructions of RV32IMAFC, as port/rv32/counts.txt has them. A BL602
 * runs at 192 MHz; one instruction a cycle is what it does at best. */
#include "lab.h"
#include "pq_kem.h"

#define CLOCK_MHZ 192u

static const struct {
    uint32_t keypair, encaps, decaps; /* instructions */
} cost[] = {                          /* by k − 2 */
            {424202, 438510, 561296},
            {695298, 740559, 915345},
            {1080166, 1131275, 1359141}};

/* The linker's names for the function that is called and the one behind it. */
int __real_pq_kem_keypair_derand(const pq_kem_params *p, uint8_t *ek, uint8_t *dk,
                                 const uint8_t seed[PQ_KEM_SEED_BYTES]);
int __real_pq_kem_encaps(const pq_kem_params *p, uint8_t *ct, uint8_t ss[PQ_KEM_SS_BYTES],
                         const uint8_t *ek, pq_kem_random random, void *ctx);
int __real_pq_kem_decaps(const pq_kem_params *p, uint8_t ss[PQ_KEM_SS_BYTES], const uint8_t *ct,
                         const uint8_t *dk);
int __wrap_pq_kem_keypair_derand(const pq_kem_params *p, uint8_t *ek, uint8_t *dk,
                                 const uint8_t seed[PQ_KEM_SEED_BYTES]);
int __wrap_pq_kem_encaps(const pq_kem_params *p, uint8_t *ct, uint8_t ss[PQ_KEM_SS_BYTES],
                         const uint8_t *ek, pq_kem_random random, void *ctx);
int __wrap_pq_kem_decaps(const pq_kem_params *p, uint8_t ss[PQ_KEM_SS_BYTES], const uint8_t *ct,
                         const uint8_t *dk);

int __wrap_pq_kem_keypair_derand(const pq_kem_params *p, uint8_t *ek, uint8_t *dk,
                                 const uint8_t seed[PQ_KEM_SEED_BYTES])
{
    pq_lab_spend(cost[p->k - 2].keypair / CLOCK_MHZ);
    return __real_pq_kem_keypair_derand(p, ek, dk, seed);
}

int __wrap_pq_kem_encaps(const pq_kem_params *p, uint8_t *ct, uint8_t ss[PQ_KEM_SS_BYTES],
                         const uint8_t *ek, pq_kem_random random, void *ctx)
{
    pq_lab_spend(cost[p->k - 2].encaps / CLOCK_MHZ);
    return __real_pq_kem_encaps(p, ct, ss, ek, random, ctx);
}

int __wrap_pq_kem_decaps(const pq_kem_params *p, uint8_t ss[PQ_KEM_SS_BYTES], const uint8_t *ct,
                         const uint8_t *dk)
{
    pq_lab_spend(cost[p->k - 2].decaps / CLOCK_MHZ);
    return __real_pq_kem_decaps(p, ss, ct, dk);
}
