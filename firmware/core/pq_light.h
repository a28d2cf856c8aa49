/* What the LED shows: a steady colour for the board's state, and short patterns
 * for what happens. Nothing blocks; time decides. RAM: 16 bytes on RV32. */
#ifndef PQ_LIGHT_H
#define PQ_LIGHT_H

#include "pq_port.h"

typedef enum {
    PQ_LIGHT_NONE,
    PQ_LIGHT_SUCCESS, /* green, twice, 120 ms on, 120 ms off: a key exchange,
                       * a decryption or a tag check succeeded */
    PQ_LIGHT_FAILURE, /* red, five times, 60 ms on, 60 ms off: one failed */
} pq_light_pattern;

typedef struct {
    uint8_t steady;  /* PQ_LED_…, between patterns */
    uint8_t shown;   /* PQ_LED_…, or 0xff before the first */
    uint8_t playing; /* pq_light_pattern */
    uint8_t next;    /* pattern that follows */
    uint64_t since;  /* µs, start of what is playing */
} pq_light;

void pq_light_init(pq_light *l);

/* Plays a pattern, after the one that plays now. The same again is not played
 * twice, so that success and failure in quick succession are both seen. */
void pq_light_flash(pq_light *l, pq_light_pattern p);

void pq_light_steady(pq_light *l, uint8_t colours);

/* Shows what is due. Returns µs until the next change; UINT32_MAX: none. */
uint32_t pq_light_poll(pq_light *l);

#endif
