/* pq_crypto.h over mbedTLS, with nothing but what versions 2.28 and 3.6 have in
 * common. The library takes its contexts from its heap, about 400 bytes at a
 * time, and gives them back before each return. */
#include "pq_crypto.h"

#include <mbedtls/ccm.h>
#include <mbedtls/md.h>
#include <string.h>

#include "pq_secret.h"

/* Hashes the parts, under a key unless that is NULL. */
static int digest(uint8_t out[PQ_SHA256_SIZE], const pq_span *key, const pq_span *parts, size_t n)
{
    mbedtls_md_context_t md;
    mbedtls_md_init(&md);
    int bad = mbedtls_md_setup(&md, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), key != NULL) != 0;
    int err = bad ? PQ_ERR_FULL : PQ_OK;
    if (!bad)
        bad =
            key != NULL ? mbedtls_md_hmac_starts(&md, key->data, key->len) : mbedtls_md_starts(&md);
    for (size_t i = 0; i < n && !bad; i++)
        if (parts[i].len > 0)
            bad = key != NULL ? mbedtls_md_hmac_update(&md, parts[i].data, parts[i].len)
                              : mbedtls_md_update(&md, parts[i].data, parts[i].len);
    if (!bad)
        bad = key != NULL ? mbedtls_md_hmac_finish(&md, out) : mbedtls_md_finish(&md, out);
    mbedtls_md_free(&md); /* wipes */
    if (bad)
        pq_wipe(out, PQ_SHA256_SIZE);
    return bad && err == PQ_OK ? PQ_ERR_ARG : err;
}

int pq_sha256(uint8_t out[PQ_SHA256_SIZE], const pq_span *parts, size_t n)
{
    return digest(out, NULL, parts, n);
}

int pq_hmac(uint8_t out[PQ_SHA256_SIZE], pq_span key, const pq_span *parts, size_t n)
{
    return digest(out, &key, parts, n);
}

int pq_hkdf_extract(uint8_t prk[PQ_SHA256_SIZE], pq_span salt, const pq_span *ikm, size_t n)
{
    static const uint8_t none[PQ_SHA256_SIZE];
    if (salt.len == 0)
        salt = (pq_span){none, sizeof none};
    return digest(prk, &salt, ikm, n);
}

/* RFC 5869 §2.3: T(i) = HMAC(PRK, T(i−1) ‖ info ‖ i). */
int pq_hkdf_expand(uint8_t *out, size_t len, const uint8_t prk[PQ_SHA256_SIZE], const pq_span *info,
                   size_t n)
{
    uint8_t t[PQ_SHA256_SIZE], i = 0;
    pq_span key = {prk, PQ_SHA256_SIZE}, parts[2 + PQ_HKDF_MAX_PARTS] = {{t, 0}};
    int err = len > 255 * PQ_SHA256_SIZE ? PQ_ERR_LENGTH : n > PQ_HKDF_MAX_PARTS ? PQ_ERR_ARG : 0;
    for (size_t p = 0; p < n && err == PQ_OK; p++)
        parts[1 + p] = info[p];
    parts[1 + (err == PQ_OK ? n : 0)] = (pq_span){&i, 1};
    for (size_t at = 0; at < len && err == PQ_OK; at += PQ_SHA256_SIZE) {
        i++;
        err = digest(t, &key, parts, n + 2);
        parts[0].len = sizeof t;
        memcpy(out + at, t, len - at < sizeof t ? len - at : sizeof t);
    }
    pq_wipe(t, sizeof t);
    if (err < 0)
        pq_wipe(out, len);
    return err;
}

static int ccm_begin(mbedtls_ccm_context *ccm, const uint8_t key[PQ_CCM_KEY_SIZE])
{
    mbedtls_ccm_init(ccm);
    int err = mbedtls_ccm_setkey(ccm, MBEDTLS_CIPHER_ID_AES, key, 8 * PQ_CCM_KEY_SIZE);
    return err == 0 ? PQ_OK : PQ_ERR_FULL;
}

int pq_ccm_seal(uint8_t *out, const uint8_t key[PQ_CCM_KEY_SIZE],
                const uint8_t nonce[PQ_CCM_NONCE_SIZE], pq_span aad, pq_span data)
{
    mbedtls_ccm_context ccm;
    int err = ccm_begin(&ccm, key);
    if (data.len > 0xffff)
        err = PQ_ERR_LENGTH;
    if (err == PQ_OK &&
        mbedtls_ccm_encrypt_and_tag(&ccm, data.len, nonce, PQ_CCM_NONCE_SIZE, aad.data, aad.len,
                                    data.data, out, out + data.len, PQ_CCM_TAG_SIZE) != 0)
        err = PQ_ERR_ARG;
    mbedtls_ccm_free(&ccm);
    if (err < 0)
        pq_wipe(out, data.len + PQ_CCM_TAG_SIZE);
    return err;
}

int pq_ccm_open(uint8_t *out, const uint8_t key[PQ_CCM_KEY_SIZE],
                const uint8_t nonce[PQ_CCM_NONCE_SIZE], pq_span aad, pq_span sealed)
{
    if (sealed.len < PQ_CCM_TAG_SIZE)
        return PQ_ERR_LENGTH;
    size_t len = sealed.len - PQ_CCM_TAG_SIZE;
    mbedtls_ccm_context ccm;
    int err = ccm_begin(&ccm, key);
    if (len > 0xffff)
        err = PQ_ERR_LENGTH;
    if (err == PQ_OK) {
        int got = mbedtls_ccm_auth_decrypt(&ccm, len, nonce, PQ_CCM_NONCE_SIZE, aad.data, aad.len,
                                           sealed.data, out, sealed.data + len, PQ_CCM_TAG_SIZE);
        PQ_DECLASSIFY(&got, sizeof got); /* the library compares in constant time */
        err = got == 0 ? PQ_OK : got == MBEDTLS_ERR_CCM_AUTH_FAILED ? PQ_ERR_TAG : PQ_ERR_ARG;
    }
    mbedtls_ccm_free(&ccm);
    if (err < 0)
        pq_wipe(out, len);
    return err;
}
