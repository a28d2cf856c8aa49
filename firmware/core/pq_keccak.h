/* SHA-3 and SHAKE (FIPS 202).
 *
 * A sponge is 404 bytes, the caller's. Absorb any number of pieces, finish,
 * then squeeze any number of pieces:
 *
 *     pq_sponge s;
 *     pq_sponge_init(&s, PQ_RATE_SHAKE256);
 *     pq_sponge_absorb(&s, data, len);
 *     pq_sponge_finish(&s, PQ_SUFFIX_SHAKE);
 *     pq_sponge_squeeze(&s, out, out_len);
 *     pq_sponge_wipe(&s);
 *
 * Constant time: no branch and no address depends on the data.
 */
#ifndef PQ_KECCAK_H
#define PQ_KECCAK_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the state that take in or give out data: 200 − 2·security strength. */
#define PQ_RATE_SHAKE128 168
#define PQ_RATE_SHAKE256 136
#define PQ_RATE_SHA3_256 136
#define PQ_RATE_SHA3_512 72

/* Domain separation and the first padding bit (FIPS 202 §6.1, §6.2, §B.2). */
#define PQ_SUFFIX_SHA3  0x06
#define PQ_SUFFIX_SHAKE 0x1f

typedef struct {
    uint32_t word[50];    /* state; lane (x,y) is words 10y+2x (low) and 10y+2x+1 */
    uint32_t scratch[50]; /* every second round's; here so that wiping reaches it */
    uint16_t rate;        /* bytes */
    uint16_t pos;         /* bytes of the rate already absorbed or squeezed */
} pq_sponge;

void pq_sponge_init(pq_sponge *s, unsigned rate);
void pq_sponge_absorb(pq_sponge *s, const uint8_t *in, size_t len);
/* Pads; from here on the sponge gives out. */
void pq_sponge_finish(pq_sponge *s, unsigned suffix);
void pq_sponge_squeeze(pq_sponge *s, uint8_t *out, size_t len);
/* After pq_sponge_finish, in place of pq_sponge_squeeze: leaves the next whole
 * block of rate bytes in s->word, little-endian words. */
void pq_sponge_next_block(pq_sponge *s);
void pq_sponge_wipe(pq_sponge *s);

/* Keccak-f[1600] (FIPS 202 §3.3, 24 rounds) on s->word. */
void pq_keccak_f1600(pq_sponge *s);

void pq_sha3_256(uint8_t out[32], const uint8_t *in, size_t len);
void pq_sha3_512(uint8_t out[64], const uint8_t *in, size_t len);

#endif
