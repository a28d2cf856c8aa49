/* SHA-256, HKDF and AES-CCM as the session protocol needs them.
 *
 * port/mbedtls implements them with mbedTLS, the SDK's on a board and the
 * system's on a computer; nothing else in the project knows which library it is.
 * All memory is the caller's, but for what the library takes from its own heap
 * during a call. Functions return PQ_OK or a negative PQ_ERR_*, PQ_ERR_FULL if that
 * heap is; on an error all outputs are zero. Secrets are wiped from the stack. */
#ifndef PQ_CRYPTO_H
#define PQ_CRYPTO_H

#include "pq_bytes.h"
#include "pq_error.h"

#define PQ_SHA256_SIZE    32 /* bytes, of SHA-256, HMAC-SHA-256 and a PRK */
#define PQ_CCM_KEY_SIZE   16 /* AES-128 */
#define PQ_CCM_NONCE_SIZE 13 /* L = 2: at most 65535 bytes of data */
#define PQ_CCM_TAG_SIZE   16

/* SHA-256 (FIPS 180-4) over the parts, one after the other. */
int pq_sha256(uint8_t out[PQ_SHA256_SIZE], const pq_span *parts, size_t n);

/* HMAC-SHA-256 (RFC 2104) over the parts. */
int pq_hmac(uint8_t out[PQ_SHA256_SIZE], pq_span key, const pq_span *parts, size_t n);

/* HKDF-Extract (RFC 5869 §2.2); an empty salt counts as 32 zero bytes. ikm comes
 * in parts. */
int pq_hkdf_extract(uint8_t prk[PQ_SHA256_SIZE], pq_span salt, const pq_span *ikm, size_t n);

/* HKDF-Expand (RFC 5869 §2.3); info comes in at most PQ_HKDF_MAX_PARTS parts, else
 * PQ_ERR_ARG. PQ_ERR_LENGTH if len is over 255 × 32. */
#define PQ_HKDF_MAX_PARTS 4
int pq_hkdf_expand(uint8_t *out, size_t len, const uint8_t prk[PQ_SHA256_SIZE], const pq_span *info,
                   size_t n);

/* AES-128-CCM with a 13-byte nonce and a 16-byte tag (RFC 3610; COSE algorithm
 * 30, RFC 9053 §4.2). out takes data.len + 16 bytes and may be where data is. */
int pq_ccm_seal(uint8_t *out, const uint8_t key[PQ_CCM_KEY_SIZE],
                const uint8_t nonce[PQ_CCM_NONCE_SIZE], pq_span aad, pq_span data);

/* The reverse: sealed is data ‖ tag, out takes sealed.len − 16 bytes and may be
 * where sealed is. PQ_ERR_TAG if the tag does not verify, PQ_ERR_LENGTH if there
 * is no room for one; out is then zero. */
int pq_ccm_open(uint8_t *out, const uint8_t key[PQ_CCM_KEY_SIZE],
                const uint8_t nonce[PQ_CCM_NONCE_SIZE], pq_span aad, pq_span sealed);

#endif
