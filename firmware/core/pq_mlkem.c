/* ML-KEM over pq_mlkem_poly (FIPS 203 §5 to §7; algorithm numbers are its own).
 *
 * Memory: k polynomials for the secret vector in the NTT domain, and one that
 * gathers each row's sum. Matrix entries are multiplied as they come out of
 * SHAKE128, noise is added as it comes out of SHAKE256, and decapsulation
 * compares each row of the ciphertext as it is encrypted again.
 */
#include <string.h>
#include "pq_kem.h"
#include "pq_keccak.h"
#include "pq_mlkem_poly.h"
#include "pq_secret.h"

/* Keeps a callee's buffers out of its caller's frame, where they would lie side
 * by side. */
#if defined(__GNUC__)
#define OWN_FRAME __attribute__((noinline))
#else
#define OWN_FRAME
#endif

typedef struct {
    pq_poly vec[PQ_KEM_MAX_K]; /* the secret vector */
    pq_poly sum;
} workspace;

/* K-PKE.Encrypt, Algorithm 14. Writes the ciphertext to out, or, where out is
 * NULL, returns 0 if it is the same as expected. */
static OWN_FRAME uint32_t pke_encrypt(const pq_kem_params *p, uint8_t *out, const uint8_t *expected,
                                      const uint8_t *ek, const uint8_t m[32], const uint8_t r[32])
{
    workspace ws;
    const uint8_t *rho = ek + PQ_MLKEM_POLY_BYTES * p->k;
    unsigned pos = 0, k = p->k;
    uint32_t diff = 0;

    for (unsigned i = 0; i < k; i++) {
        pq_poly_noise(&ws.vec[i], p->eta1, r, i); /* y */
        pq_poly_ntt(&ws.vec[i]);
    }
    for (unsigned i = 0; i <= k; i++) { /* u, row by row, then v */
        unsigned d = i < k ? p->du : p->dv;
        pq_wipe(&ws.sum, sizeof ws.sum);
        for (unsigned j = 0; j < k; j++) {
            if (i < k) {
                pq_poly_mul_add_uniform(&ws.sum, rho, i, j, &ws.vec[j]); /* A transposed */
            } else {
                pq_poly_mul_add_bytes(&ws.sum, ek + PQ_MLKEM_POLY_BYTES * j, &ws.vec[j]);
            }
        }
        pq_poly_inv_ntt(&ws.sum);
        pq_poly_add_noise2(&ws.sum, r, k + i); /* e1, e2 */
        if (i == k) {
            pq_poly_add_message(&ws.sum, m);
        }
        if (out != NULL) {
            pq_poly_compress(out + pos, &ws.sum, d);
        } else {
            diff |= pq_poly_compress_diff(expected + pos, &ws.sum, d);
        }
        pos += 32 * d;
    }
    pq_wipe(&ws, sizeof ws);
    return diff;
}

/* K-PKE.Decrypt, Algorithm 15. */
static OWN_FRAME void pke_decrypt(const pq_kem_params *p, uint8_t m[32], const uint8_t *dk,
                                  const uint8_t *ct)
{
    pq_poly u, sum;
    pq_wipe(&sum, sizeof sum);
    for (unsigned i = 0; i < p->k; i++) {
        pq_poly_decompress(&u, ct, p->du);
        pq_poly_ntt(&u);
        pq_poly_mul_add_bytes(&sum, dk + PQ_MLKEM_POLY_BYTES * i, &u);
        ct += 32 * p->du;
    }
    pq_poly_inv_ntt(&sum);
    pq_poly_decompress(&u, ct, p->dv); /* v */
    pq_poly_sub(&u, &sum);
    pq_poly_compress(m, &u, 1);
    pq_wipe(&u, sizeof u);
    pq_wipe(&sum, sizeof sum);
}

/* K-PKE.KeyGen, Algorithm 13. */
static OWN_FRAME void pke_keypair(const pq_kem_params *p, uint8_t *ek, uint8_t *dk,
                                  const uint8_t d[32])
{
    workspace ws;
    uint8_t seeds[64]; /* rho ‖ sigma */
    unsigned k = p->k;

    memcpy(seeds, d, 32);
    seeds[32] = p->k;
    pq_sha3_512(seeds, seeds, 33);
    PQ_DECLASSIFY(seeds, 32);
    memcpy(ek + PQ_MLKEM_POLY_BYTES * k, seeds, 32);
    for (unsigned i = 0; i < k; i++) {
        pq_poly_noise(&ws.vec[i], p->eta1, seeds + 32, i); /* s */
        pq_poly_ntt(&ws.vec[i]);
        pq_poly_encode12(dk + PQ_MLKEM_POLY_BYTES * i, &ws.vec[i]);
    }
    for (unsigned i = 0; i < k; i++) {
        pq_poly_noise(&ws.sum, p->eta1, seeds + 32, k + i); /* e */
        pq_poly_ntt(&ws.sum);
        for (unsigned j = 0; j < k; j++) {
            pq_poly_mul_add_uniform(&ws.sum, seeds, j, i, &ws.vec[j]);
        }
        pq_poly_encode12(ek + PQ_MLKEM_POLY_BYTES * i, &ws.sum);
    }
    pq_wipe(&ws, sizeof ws);
    pq_wipe(seeds, sizeof seeds);
}

int pq_kem_keypair_derand(const pq_kem_params *p, uint8_t *ek, uint8_t *dk,
                          const uint8_t seed[PQ_KEM_SEED_BYTES])
{
    uint8_t *tail = dk + PQ_MLKEM_POLY_BYTES * p->k;
    pke_keypair(p, ek, dk, seed);
    memcpy(tail, ek, p->ek_bytes);
    pq_sha3_256(tail + p->ek_bytes, ek, p->ek_bytes);
    memcpy(tail + p->ek_bytes + 32, seed + 32, 32);
    return PQ_OK;
}

int pq_kem_check_ek(const pq_kem_params *p, const uint8_t *ek, size_t len)
{
    uint32_t bad = 0;
    if (len != p->ek_bytes) {
        return PQ_ERR_LENGTH;
    }
    for (unsigned i = 0; i < p->k; i++) {
        bad |= pq_poly_encode12_invalid(ek + PQ_MLKEM_POLY_BYTES * i);
    }
    return bad == 0 ? PQ_OK : PQ_ERR_KEY;
}

int pq_kem_check_dk(const pq_kem_params *p, const uint8_t *dk, size_t len)
{
    const uint8_t *ek = dk + PQ_MLKEM_POLY_BYTES * p->k;
    uint8_t h[32];
    if (len != p->dk_bytes) {
        return PQ_ERR_LENGTH;
    }
    pq_sha3_256(h, ek, p->ek_bytes);
    return pq_ct_diff(h, ek + p->ek_bytes, sizeof h) == 0 ? PQ_OK : PQ_ERR_KEY;
}

int pq_kem_encaps_derand(const pq_kem_params *p, uint8_t *ct, uint8_t ss[PQ_KEM_SS_BYTES],
                         const uint8_t *ek, const uint8_t m[PQ_KEM_MESSAGE_BYTES])
{
    uint8_t g[64]; /* m ‖ H(ek), then K ‖ r */
    int err = pq_kem_check_ek(p, ek, p->ek_bytes);
    if (err != PQ_OK) {
        pq_wipe(ct, p->ct_bytes);
        pq_wipe(ss, PQ_KEM_SS_BYTES);
        return err;
    }
    memcpy(g, m, 32);
    pq_sha3_256(g + 32, ek, p->ek_bytes);
    pq_sha3_512(g, g, 64);
    (void)pke_encrypt(p, ct, NULL, ek, m, g + 32);
    memcpy(ss, g, PQ_KEM_SS_BYTES);
    pq_wipe(g, sizeof g);
    return PQ_OK;
}

/* J(z ‖ c) = SHAKE256(z ‖ c, 32 bytes), the secret of a rejected ciphertext. */
static OWN_FRAME void reject_secret(uint8_t out[32], const uint8_t z[32], const uint8_t *ct,
                                    size_t ct_len)
{
    pq_sponge s;
    pq_sponge_init(&s, PQ_RATE_SHAKE256);
    pq_sponge_absorb(&s, z, 32);
    pq_sponge_absorb(&s, ct, ct_len);
    pq_sponge_finish(&s, PQ_SUFFIX_SHAKE);
    pq_sponge_squeeze(&s, out, 32);
    pq_sponge_wipe(&s);
}

int pq_kem_decaps(const pq_kem_params *p, uint8_t ss[PQ_KEM_SS_BYTES], const uint8_t *ct,
                  const uint8_t *dk)
{
    const uint8_t *ek = dk + PQ_MLKEM_POLY_BYTES * p->k;
    const uint8_t *h = ek + p->ek_bytes;
    uint8_t m[32], g[64]; /* g: m ‖ h, then K ‖ r */
    int err = pq_kem_check_dk(p, dk, p->dk_bytes);
    if (err != PQ_OK) {
        pq_wipe(ss, PQ_KEM_SS_BYTES);
        return err;
    }
    pke_decrypt(p, m, dk, ct);
    memcpy(g, m, 32);
    memcpy(g + 32, h, 32);
    pq_sha3_512(g, g, 64);
    uint32_t diff = pke_encrypt(p, NULL, ct, ek, m, g + 32);
    reject_secret(m, h + 32, ct, p->ct_bytes);
    pq_ct_replace_if(diff, g, m, PQ_KEM_SS_BYTES);
    memcpy(ss, g, PQ_KEM_SS_BYTES);
    pq_wipe(m, sizeof m);
    pq_wipe(g, sizeof g);
    return PQ_OK;
}
