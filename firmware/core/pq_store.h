/* What a board keeps over a power cut: keys, pins, and the network's name and
 * passphrase. Two slots, one per flash sector, each with a checksum; a change is
 * written to the other slot, so that a cut at any byte leaves the old or the new
 * contents. Damage is told, never mended in silence. */
#ifndef PQ_STORE_H
#define PQ_STORE_H

#include "pq_gateway.h"

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

/* Reads the newest whole slot. PQ_ERR_EMPTY: both are blank, *out is zero.
 * PQ_ERR_DAMAGED: something was there and no slot is whole, *out is zero.
 * PQ_ERR_FLASH. */
int pq_store_load(pq_settings *out);

/* Writes to the slot that does not hold the newest contents, reads it back, and
 * only then returns PQ_OK. PQ_ERR_FLASH: the old contents stand. Refuses with
 * PQ_ERR_DAMAGED where pq_store_load does, unless erase_damaged. */
int pq_store_save(const pq_settings *s, bool erase_damaged);

#endif
