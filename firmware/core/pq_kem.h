/* ML-KEM (FIPS 203), the module-lattice key encapsulation mechanism.
 *
 * One header, two backends: the project's own (pq_mlkem.c) and a checkout of
 * mlkem-native (port/mlkem_native, built where MLKEM_NATIVE_DIR is given).
 *
 * Sizes in bytes:
 *
 *                 encapsulation key   decapsulation key   ciphertext
 *   ML-KEM-512            800               1632              768
 *   ML-KEM-768           1184               2400             1088
 *   ML-KEM-1024          1568               3168             1568
 *
 * The shared secret is always 32. A decapsulation key can be stored as the 64
 * bytes d ‖ z that pq_kem_keypair_derand expands.
 *
 * Stack on RV32 (GCC 12 -O2): 2.3, 2.8 and 3.3 KB with PQ_KEM_ONLY, 3.3 KB
 * without; no static memory. Keys and ciphertexts that are aligned to 4 bytes
 * are hashed a little faster.
 *
 * All memory is the caller's; buffers of one call must not overlap. Functions
 * return PQ_OK or a negative PQ_ERR_*, and on an error all outputs are zero.
 * Secrets are wiped from the stack before the return. Time and addresses depend
 * on no secret; a ciphertext that was tampered with is no error, but yields a
 * pseudorandom secret (implicit rejection) in the same time.
 */
#ifndef PQ_KEM_H
#define PQ_KEM_H

#include <stddef.h>
#include <stdint.h>
#include "pq_error.h"

#define PQ_KEM_SS_BYTES      32 /* shared secret */
#define PQ_KEM_SEED_BYTES    64 /* d ‖ z */
#define PQ_KEM_MESSAGE_BYTES 32 /* m */

#define PQ_KEM_EK_BYTES(k) (384 * (k) + 32)
#define PQ_KEM_DK_BYTES(k) (768 * (k) + 96)
#define PQ_KEM_CT_BYTES(k) ((k) == 4 ? 1568 : 320 * (k) + 128)

/* A product needs one parameter set: -DPQ_KEM_ONLY=512 (768, 1024) leaves the
 * others out and makes the code and the stack smaller. */
#if !defined(PQ_KEM_ONLY)
#define PQ_KEM_MAX_K 4
#elif PQ_KEM_ONLY == 512
#define PQ_KEM_MAX_K 2
#elif PQ_KEM_ONLY == 768
#define PQ_KEM_MAX_K 3
#elif PQ_KEM_ONLY == 1024
#define PQ_KEM_MAX_K 4
#else
#error "PQ_KEM_ONLY must be 512, 768 or 1024"
#endif

/* Room for any of the sets that were built in. */
#define PQ_KEM_MAX_EK_BYTES PQ_KEM_EK_BYTES(PQ_KEM_MAX_K)
#define PQ_KEM_MAX_DK_BYTES PQ_KEM_DK_BYTES(PQ_KEM_MAX_K)
#define PQ_KEM_MAX_CT_BYTES PQ_KEM_CT_BYTES(PQ_KEM_MAX_K)

/* A parameter set (§8, table 2); eta2 is always 2. */
typedef struct {
    uint8_t k, eta1, du, dv;
    uint16_t ek_bytes, dk_bytes, ct_bytes;
} pq_kem_params;

#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 512
extern const pq_kem_params pq_kem_512;
#endif
#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 768
extern const pq_kem_params pq_kem_768;
#endif
#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 1024
extern const pq_kem_params pq_kem_1024;
#endif

/* Fills out with len random bytes from an approved generator; 0, or negative
 * where it cannot. */
typedef int (*pq_kem_random)(void *ctx, uint8_t *out, size_t len);

/* ML-KEM.KeyGen, Algorithm 19. PQ_ERR_RANDOM if random fails. */
int pq_kem_keypair(const pq_kem_params *p, uint8_t *ek, uint8_t *dk, pq_kem_random random,
                   void *ctx);
/* ML-KEM.KeyGen_internal, Algorithm 16, from d ‖ z. Always PQ_OK. */
int pq_kem_keypair_derand(const pq_kem_params *p, uint8_t *ek, uint8_t *dk,
                          const uint8_t seed[PQ_KEM_SEED_BYTES]);

/* ML-KEM.Encaps, Algorithm 20, input check included. PQ_ERR_KEY if ek is not
 * one, PQ_ERR_RANDOM if random fails. */
int pq_kem_encaps(const pq_kem_params *p, uint8_t *ct, uint8_t ss[PQ_KEM_SS_BYTES],
                  const uint8_t *ek, pq_kem_random random, void *ctx);
/* ML-KEM.Encaps_internal, Algorithm 17, and the input check. PQ_ERR_KEY. */
int pq_kem_encaps_derand(const pq_kem_params *p, uint8_t *ct, uint8_t ss[PQ_KEM_SS_BYTES],
                         const uint8_t *ek, const uint8_t m[PQ_KEM_MESSAGE_BYTES]);

/* ML-KEM.Decaps, Algorithm 21, input check included. PQ_ERR_KEY if dk is
 * damaged. */
int pq_kem_decaps(const pq_kem_params *p, uint8_t ss[PQ_KEM_SS_BYTES], const uint8_t *ct,
                  const uint8_t *dk);

/* The input checks alone, for keys as they arrive. PQ_ERR_LENGTH if len is not
 * that of the parameter set. A ciphertext needs no more than its length compared
 * with p->ct_bytes. */

/* The modulus check of §7.2: PQ_ERR_KEY if a coefficient is q or more. */
int pq_kem_check_ek(const pq_kem_params *p, const uint8_t *ek, size_t len);
/* The hash check of §7.3: PQ_ERR_KEY if dk does not hold H(ek) of its own ek. */
int pq_kem_check_dk(const pq_kem_params *p, const uint8_t *dk, size_t len);

#endif
