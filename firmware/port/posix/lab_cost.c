/* What cryptography takes on the board, for boards in virtual time: there this computer's
 * own speed must not show, or a run would depend on more than its seed. The linker
 * puts these in the place of the functions that they are named after (ld --wrap).
 *
 * Counted are instructions of RV32IMAFC, as port/rv32/counts.txt and session_counts.txt
 * have them; a record is charged as one of 64 bytes. A BL602 runs at 192 MHz; one
 * instruction a cycle is what it does at best. */
#include "lab.h"
#include "pq_kem.h"
#include "pq_session.h"

#define CLOCK_MHZ 192u
#define DERIVE    274493u /* instructions */
#define SEAL      16834u
#define OPEN      16951u

static const struct {
    uint32_t keypair, encaps, decaps; /* instructions */
} cost[] = {                          /* by k − 2 */
            {424202, 438510, 561296},
            {695298, 740559, 915345},
            {1080166, 1131275, 1359141}};

/* The linker's name for the function behind the one that is called. */
#define TIMED(name, ...)                                                                           \
    int __real_##name(__VA_ARGS__);                                                                \
    int __wrap_##name(__VA_ARGS__);                                                                \
    int __wrap_##name(__VA_ARGS__)

TIMED(pq_kem_keypair_derand, const pq_kem_params *p, uint8_t *ek, uint8_t *dk,
      const uint8_t seed[PQ_KEM_SEED_BYTES])
{
    pq_lab_spend(cost[p->k - 2].keypair / CLOCK_MHZ);
    return __real_pq_kem_keypair_derand(p, ek, dk, seed);
}

TIMED(pq_kem_encaps, const pq_kem_params *p, uint8_t *ct, uint8_t ss[PQ_KEM_SS_BYTES],
      const uint8_t *ek, pq_kem_random random, void *ctx)
{
    pq_lab_spend(cost[p->k - 2].encaps / CLOCK_MHZ);
    return __real_pq_kem_encaps(p, ct, ss, ek, random, ctx);
}

TIMED(pq_kem_decaps, const pq_kem_params *p, uint8_t ss[PQ_KEM_SS_BYTES], const uint8_t *ct,
      const uint8_t *dk)
{
    pq_lab_spend(cost[p->k - 2].decaps / CLOCK_MHZ);
    return __real_pq_kem_decaps(p, ss, ct, dk);
}

TIMED(pq_session_derive, pq_keys *out, const pq_transcript *t, const uint8_t ss[PQ_KEM_SS_BYTES])
{
    pq_lab_spend(DERIVE / CLOCK_MHZ);
    return __real_pq_session_derive(out, t, ss);
}

TIMED(pq_ccm_seal, uint8_t *out, const uint8_t key[PQ_CCM_KEY_SIZE],
      const uint8_t nonce[PQ_CCM_NONCE_SIZE], pq_span aad, pq_span data)
{
    pq_lab_spend(SEAL / CLOCK_MHZ);
    return __real_pq_ccm_seal(out, key, nonce, aad, data);
}

TIMED(pq_ccm_open, uint8_t *out, const uint8_t key[PQ_CCM_KEY_SIZE],
      const uint8_t nonce[PQ_CCM_NONCE_SIZE], pq_span aad, pq_span sealed)
{
    pq_lab_spend(OPEN / CLOCK_MHZ);
    return __real_pq_ccm_open(out, key, nonce, aad, sealed);
}
