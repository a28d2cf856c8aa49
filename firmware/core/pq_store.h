/* What a board keeps over a power cut: keys, pins, and the network's name and
 * passphrase. Two slots, one per flash sector, each with a checksum; a change is
 * written to the other slot, so that a cut at any byte leaves the old or the new
 * contents. Damage is told, never mended in silence.
 *
 * A slot, PQ_STORE_SLOT_SIZE bytes at the start of its sector, little-endian:
 *
 *     0   4  magic "PQK1"
 *     4   4  generation: the later change has the higher one (modulo 2^32)
 *     8   1  flags: 1 seed, 2 pin, 4 require-psk, 8 trust on first use
 *     9   1  suite of the seed, 1–3; 0 without
 *    10   2  interval, s
 *    12  64  seed d ‖ z
 *    76  32  pin
 *   108   1  length of the gateway's address: 0, 4, 16
 *   109  16  the address, network order
 *   125   2  its port
 *   127   1  length of the network's name, 0–32
 *   128  32  the name
 *   160   1  length of the passphrase, 0–64
 *   161  64  the passphrase
 *   225   1  number of PSKs, 0–8
 *   226 520  for each: length of its name 1–32 (1), name (32), key (32)
 *   746   4  CRC-32 of all that
 *   750   1  mark: 0xff until the slot has been read back and found right
 *
 * Unused bytes are zero. A change writes the slot, reads it back, clears the
 * mark (from here on the new contents count) and erases the other slot, so that
 * no old secret stays. Hence at rest one slot is whole and the other blank, and
 * whatever happens to a byte of the whole one is noticed.
 *
 * What cannot be told apart: a sector whose erasing was cut may read as anything.
 * Where neither slot was ever whole, and a third cut in a row hits that erasing,
 * the empty store is told as damaged.
 *
 * RAM: none; stack: 2.5 KB. */
#ifndef PQ_STORE_H
#define PQ_STORE_H

#include "pq_gateway.h"

#define PQ_STORE_SLOT_SIZE 751 /* bytes */

typedef struct {
    bool has_seed; /* gateway: the 64 bytes d ‖ z of its key pair */
    uint8_t suite; /* 1, 2, 3: what the seed was made for */
    uint8_t seed[PQ_KEM_SEED_BYTES];
    bool has_pin; /* sender: the gateway's */
    uint8_t pin[32];
    bool require_psk;
    bool trust_on_first_use;
    uint8_t psk_count; /* a sender uses the first */
    pq_psk psks[PQ_GATEWAY_PSKS];
    char ssid[33];       /* at most 32 bytes, NUL-terminated; empty = none */
    char passphrase[65]; /* 8–63 characters or 64 hex digits; empty = open */
    pq_endpoint gateway; /* sender; addr_len 0 = none */
    uint16_t interval;   /* sender: seconds between status messages, 0 = none */
} pq_settings;

/* Reads the newest whole slot; where a cut left an older one beside it, erases
 * that. PQ_ERR_EMPTY: nothing has ever been stored, *out is zero.
 * PQ_ERR_DAMAGED: something was there and no slot is whole, *out is zero.
 * PQ_ERR_FLASH: *out is zero. */
int pq_store_load(pq_settings *out);

/* Writes to the slot that does not hold the newest contents, reads it back, and
 * only then returns PQ_OK. PQ_ERR_FLASH: the old contents stand. PQ_ERR_ARG: a
 * length that the header does not allow. Refuses with PQ_ERR_DAMAGED where
 * pq_store_load does, unless erase_damaged. */
int pq_store_save(const pq_settings *s, bool erase_damaged);

/* Erases both slots, whatever they hold. A cut leaves the old contents, damage
 * that is told, or nothing. PQ_ERR_FLASH. */
int pq_store_erase(void);

#endif
