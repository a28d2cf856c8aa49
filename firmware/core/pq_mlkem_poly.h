/* Polynomials mod X^256 + 1 and q = 3329, as ML-KEM needs them (FIPS 203 §4).
 * Inside the core only; pq_kem.h is the interface.
 *
 * Nothing here keeps a matrix entry, a noise polynomial or a compressed
 * ciphertext in memory: what is sampled, decoded or compressed is used at once.
 *
 * Constant time in all polynomials, noise seeds and messages; the public seed
 * rho alone decides branches (rejection sampling).
 */
#ifndef PQ_MLKEM_POLY_H
#define PQ_MLKEM_POLY_H

#include <stdint.h>
#include "pq_keccak.h"

#define PQ_MLKEM_N          256
#define PQ_MLKEM_Q          3329U
#define PQ_MLKEM_POLY_BYTES 384 /* ByteEncode_12 of a polynomial */

typedef struct {
    uint16_t c[PQ_MLKEM_N]; /* 512 bytes */
} pq_poly;

/* NTT, Algorithm 9, in place. From at most 1.1q to at most 8.1q. */
void pq_poly_ntt(pq_poly *p);
/* NTT^-1, Algorithm 10, in place. From at most 1.42q to below q. */
void pq_poly_inv_ntt(pq_poly *p);

/* acc += a·b in the NTT domain, Algorithm 11. b and acc at most 9q before, acc
 * below 1.42q after. a is ByteDecode_12 of the 384 bytes, which may hold values
 * up to 4095. */
void pq_poly_mul_add_bytes(pq_poly *acc, const uint8_t *a, const pq_poly *b);
/* The same with a = SampleNTT(rho ‖ j ‖ i), Algorithm 7. */
void pq_poly_mul_add_uniform(pq_poly *acc, const uint8_t rho[32], unsigned j, unsigned i,
                             const pq_poly *b);

/* p = SamplePolyCBD_eta(PRF_eta(seed, nonce)), Algorithm 8, eta 2 or 3; at most
 * q + 3. */
void pq_poly_noise(pq_poly *p, unsigned eta, const uint8_t seed[32], unsigned nonce);
/* p += the same with eta = 2; adds at most q + 2. */
void pq_poly_add_noise2(pq_poly *p, const uint8_t seed[32], unsigned nonce);

/* p += Decompress_1(ByteDecode_1(m)), at most q/2. */
void pq_poly_add_message(pq_poly *p, const uint8_t m[32]);
/* p -= b, for b at most q; adds at most q. */
void pq_poly_sub(pq_poly *p, const pq_poly *b);

/* out = ByteEncode_d(Compress_d(p)), 32d bytes, d 1 to 11. */
void pq_poly_compress(uint8_t *out, const pq_poly *p, unsigned d);
/* Returns 0 if pq_poly_compress would write exactly these bytes. */
uint32_t pq_poly_compress_diff(const uint8_t *in, const pq_poly *p, unsigned d);
/* p = Decompress_d(ByteDecode_d(in)), below q. */
void pq_poly_decompress(pq_poly *p, const uint8_t *in, unsigned d);

/* out = ByteEncode_12(p), 384 bytes, reduced mod q. */
void pq_poly_encode12(uint8_t *out, const pq_poly *p);
/* Returns 0 if the 384 bytes are ByteEncode_12 of values below q (§7.2). */
uint32_t pq_poly_encode12_invalid(const uint8_t *in);

#endif
