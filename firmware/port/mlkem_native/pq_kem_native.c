/* mlkem-native as the backend of pq_kem.h. Links with one object of its
 * mlkem_native.c for each parameter set (see kem.mk). */
#include "pq_kem.h"
#include "pq_secret.h"

#define MLK_CONFIG_FILE "pq_mlkem_native_config.h"

#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 512
#define MLK_CONFIG_PARAMETER_SET 512
#include "mlkem_native.h"
#undef MLK_H
#undef MLK_CONFIG_PARAMETER_SET
#endif
#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 768
#define MLK_CONFIG_PARAMETER_SET 768
#include "mlkem_native.h"
#undef MLK_H
#undef MLK_CONFIG_PARAMETER_SET
#endif
#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 1024
#define MLK_CONFIG_PARAMETER_SET 1024
#include "mlkem_native.h"
#endif

/* Calls fn of the parameter set that k stands for; err gets what it returns. */
#if !defined(PQ_KEM_ONLY)
#define CALL(err, k, fn, ...)                                                                      \
    switch (k) {                                                                                   \
    case 2:                                                                                        \
        err = pq_mlkem_native512_##fn(__VA_ARGS__);                                                \
        break;                                                                                     \
    case 3:                                                                                        \
        err = pq_mlkem_native768_##fn(__VA_ARGS__);                                                \
        break;                                                                                     \
    default:                                                                                       \
        err = pq_mlkem_native1024_##fn(__VA_ARGS__);                                               \
        break;                                                                                     \
    }
#else
#define GLUE_(a, b, c)        a##b##_##c
#define GLUE(a, b, c)         GLUE_(a, b, c)
#define CALL(err, k, fn, ...) (void)(k), err = GLUE(pq_mlkem_native, PQ_KEM_ONLY, fn)(__VA_ARGS__)
#endif

int pq_kem_keypair_derand(const pq_kem_params *p, uint8_t *ek, uint8_t *dk,
                          const uint8_t seed[PQ_KEM_SEED_BYTES])
{
    int err;
    CALL(err, p->k, keypair_derand, ek, dk, seed);
    return err == 0 ? PQ_OK : PQ_ERR_KEY;
}

int pq_kem_encaps_derand(const pq_kem_params *p, uint8_t *ct, uint8_t ss[PQ_KEM_SS_BYTES],
                         const uint8_t *ek, const uint8_t m[PQ_KEM_MESSAGE_BYTES])
{
    int err;
    CALL(err, p->k, enc_derand, ct, ss, ek, m);
    if (err != 0) {
        pq_wipe(ct, p->ct_bytes);
        pq_wipe(ss, PQ_KEM_SS_BYTES);
        return PQ_ERR_KEY;
    }
    return PQ_OK;
}

int pq_kem_decaps(const pq_kem_params *p, uint8_t ss[PQ_KEM_SS_BYTES], const uint8_t *ct,
                  const uint8_t *dk)
{
    int err;
    CALL(err, p->k, dec, ss, ct, dk);
    if (err != 0) {
        pq_wipe(ss, PQ_KEM_SS_BYTES);
        return PQ_ERR_KEY;
    }
    return PQ_OK;
}

int pq_kem_check_ek(const pq_kem_params *p, const uint8_t *ek, size_t len)
{
    int err;
    if (len != p->ek_bytes) {
        return PQ_ERR_LENGTH;
    }
    CALL(err, p->k, check_pk, ek);
    return err == 0 ? PQ_OK : PQ_ERR_KEY;
}

int pq_kem_check_dk(const pq_kem_params *p, const uint8_t *dk, size_t len)
{
    int err;
    if (len != p->dk_bytes) {
        return PQ_ERR_LENGTH;
    }
    CALL(err, p->k, check_sk, dk);
    return err == 0 ? PQ_OK : PQ_ERR_KEY;
}
