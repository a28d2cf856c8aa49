/* What every backend shares: the parameter sets, and key pairs and ciphertexts
 * from a random source. */
#include "pq_kem.h"
#include "pq_secret.h"

/* FIPS 203 §8, table 2 (k, eta1, du, dv) and table 3 (bytes). */
#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 512
const pq_kem_params pq_kem_512 = {2, 3, 10, 4, 800, 1632, 768};
#endif
#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 768
const pq_kem_params pq_kem_768 = {3, 2, 10, 4, 1184, 2400, 1088};
#endif
#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 1024
const pq_kem_params pq_kem_1024 = {4, 2, 11, 5, 1568, 3168, 1568};
#endif

int pq_kem_keypair(const pq_kem_params *p, uint8_t *ek, uint8_t *dk, pq_kem_random random,
                   void *ctx)
{
    uint8_t seed[PQ_KEM_SEED_BYTES];
    int err = random(ctx, seed, sizeof seed) < 0 ? PQ_ERR_RANDOM : PQ_OK;
    if (err == PQ_OK) {
        err = pq_kem_keypair_derand(p, ek, dk, seed);
    } else {
        pq_wipe(ek, p->ek_bytes);
        pq_wipe(dk, p->dk_bytes);
    }
    pq_wipe(seed, sizeof seed);
    return err;
}

int pq_kem_encaps(const pq_kem_params *p, uint8_t *ct, uint8_t ss[PQ_KEM_SS_BYTES],
                  const uint8_t *ek, pq_kem_random random, void *ctx)
{
    uint8_t m[PQ_KEM_MESSAGE_BYTES];
    int err = random(ctx, m, sizeof m) < 0 ? PQ_ERR_RANDOM : PQ_OK;
    if (err == PQ_OK) {
        err = pq_kem_encaps_derand(p, ct, ss, ek, m);
    } else {
        pq_wipe(ct, p->ct_bytes);
        pq_wipe(ss, PQ_KEM_SS_BYTES);
    }
    pq_wipe(m, sizeof m);
    return err;
}
