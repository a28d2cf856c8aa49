/* How long each step took last and at worst, by its name.
 * RAM: 200 bytes on RV32. */
#ifndef PQ_STOPWATCH_H
#define PQ_STOPWATCH_H

#include "pq_text.h"

#define PQ_STOPWATCH_STEPS 12

typedef struct {
    const char *name;     /* lives on with whoever noted it */
    uint32_t last, worst; /* µs */
    uint32_t count;
} pq_step;

typedef struct {
    pq_step step[PQ_STOPWATCH_STEPS];
    uint32_t steps;
    uint32_t lost; /* times of a step too many */
} pq_stopwatch;

void pq_stopwatch_init(pq_stopwatch *w);
void pq_stopwatch_note(pq_stopwatch *w, const char *name, uint32_t us);

/* "kem.decaps: worst 6.1 ms, last 6.0 ms, 12 times" */
void pq_stopwatch_text(pq_text *t, const pq_step *s);

#endif
