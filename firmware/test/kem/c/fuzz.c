/* libFuzzer: arbitrary bytes as a decapsulation key and ciphertext, as an
 * encapsulation key, and as data for the sponge. ASan and UBSan watch; the
 * contracts of pq_kem.h are asserted. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "pq_kem.h"
#include "pq_keccak.h"

#define SET (&pq_kem_512)

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static int all_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= p[i];
    }
    return any == 0;
}

/* Copies at most n bytes of the input to b, zeros after them. */
static void take(uint8_t *b, size_t n, const uint8_t **data, size_t *size)
{
    size_t have = *size < n ? *size : n;
    memset(b, 0, n);
    if (have > 0) {
        memcpy(b, *data, have);
    }
    *data += have;
    *size -= have;
}

static void fuzz_encaps(const uint8_t *data, size_t size, int reduce)
{
    uint8_t ek[PQ_KEM_MAX_EK_BYTES], m[PQ_KEM_MESSAGE_BYTES];
    uint8_t ct[PQ_KEM_MAX_CT_BYTES], ss[PQ_KEM_SS_BYTES];
    require(pq_kem_check_ek(SET, data, size) != PQ_OK || size == sizeof ek);
    take(ek, sizeof ek, &data, &size);
    take(m, sizeof m, &data, &size);
    if (reduce) { /* below q: every second nibble below 8 puts all coefficients there */
        for (size_t i = 0; i + 2 < sizeof ek - 32; i += 3) {
            ek[i + 1] &= 0xf7;
            ek[i + 2] &= 0x7f;
        }
    }
    int err = pq_kem_encaps_derand(SET, ct, ss, ek, m);
    require(err == pq_kem_check_ek(SET, ek, sizeof ek));
    require(err == PQ_OK || (all_zero(ct, sizeof ct) && all_zero(ss, sizeof ss)));
    require(!reduce || err == PQ_OK);
}

static void fuzz_decaps(const uint8_t *data, size_t size, int repair)
{
    uint8_t dk[PQ_KEM_MAX_DK_BYTES], ct[PQ_KEM_MAX_CT_BYTES], ss[PQ_KEM_SS_BYTES];
    require(pq_kem_check_dk(SET, data, size) != PQ_OK || size == sizeof dk);
    take(ct, sizeof ct, &data, &size);
    take(dk, sizeof dk, &data, &size);
    if (repair) { /* a right hash lets any other bytes through to the arithmetic */
        pq_sha3_256(dk + sizeof dk - 64, dk + sizeof dk - 64 - SET->ek_bytes, SET->ek_bytes);
    }
    int err = pq_kem_decaps(SET, ss, ct, dk);
    require(err == pq_kem_check_dk(SET, dk, sizeof dk));
    require(err == PQ_OK || all_zero(ss, sizeof ss));
    require(!repair || err == PQ_OK);
}

/* A genuine key and ciphertext with one byte changed: the secret must differ,
 * unless nothing was changed. */
static void fuzz_tampered(const uint8_t *data, size_t size)
{
    uint8_t seed[PQ_KEM_SEED_BYTES], m[PQ_KEM_MESSAGE_BYTES], where[3];
    uint8_t ek[PQ_KEM_MAX_EK_BYTES], dk[PQ_KEM_MAX_DK_BYTES], ct[PQ_KEM_MAX_CT_BYTES];
    uint8_t ours[PQ_KEM_SS_BYTES], theirs[PQ_KEM_SS_BYTES];
    take(where, sizeof where, &data, &size);
    take(seed, sizeof seed, &data, &size);
    take(m, sizeof m, &data, &size);
    require(pq_kem_keypair_derand(SET, ek, dk, seed) == PQ_OK);
    require(pq_kem_encaps_derand(SET, ct, ours, ek, m) == PQ_OK);
    ct[(where[0] | where[1] << 8) % (int)sizeof ct] ^= where[2];
    require(pq_kem_decaps(SET, theirs, ct, dk) == PQ_OK);
    require((memcmp(ours, theirs, sizeof ours) == 0) == (where[2] == 0));
}

static void fuzz_sponge(const uint8_t *data, size_t size, size_t split)
{
    uint8_t whole[64], parts[64];
    pq_sponge s;
    split = size == 0 ? 0 : split % size;
    pq_sha3_512(whole, data, size);
    pq_sponge_init(&s, PQ_RATE_SHA3_512);
    pq_sponge_absorb(&s, data, split);
    pq_sponge_absorb(&s, data + split, size - split);
    pq_sponge_finish(&s, PQ_SUFFIX_SHA3);
    pq_sponge_squeeze(&s, parts, split % sizeof parts);
    pq_sponge_squeeze(&s, parts + split % sizeof parts, sizeof parts - split % sizeof parts);
    require(memcmp(whole, parts, sizeof whole) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    uint8_t kind = data[0];
    data++;
    size--;
    switch (kind % 4) {
    case 0:
        fuzz_encaps(data, size, kind & 4);
        break;
    case 1:
        fuzz_decaps(data, size, kind & 4);
        break;
    case 2:
        fuzz_tampered(data, size);
        break;
    default:
        fuzz_sponge(data, size, kind);
        break;
    }
    return 0;
}
