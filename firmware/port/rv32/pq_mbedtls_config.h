/* mbedTLS on the RV32 emulator: SHA-256, HMAC and AES-CCM, and nothing
 * that needs a system. For 2.28 and 3.x; port/mbedtls is what calls it.
 *
 * Not mbedtls_config.h: 3.x has a header of that name, which it would find first. */
#ifndef PQ_RV32_MBEDTLS_CONFIG_H
#define PQ_RV32_MBEDTLS_CONFIG_H

#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES /* constants, not RAM that is filled at the first use */
#define MBEDTLS_CCM_C
#define MBEDTLS_CIPHER_C
#define MBEDTLS_MD_C
#define MBEDTLS_SHA256_C

#endif
