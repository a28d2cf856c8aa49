/* A flash whose power can be cut: in the middle of a byte, and in the middle of
 * an erase. */
#ifndef PQ_FAKE_FLASH_H
#define PQ_FAKE_FLASH_H

#include <setjmp.h>

#include "pq_port.h"

/* An erase takes as many steps: nothing done yet, first half, second half, and
 * anything at all in the sector. */
#define FAKE_ERASE_STEPS 4

typedef struct {
    uint8_t mem[PQ_FLASH_SIZE];
    long fuse;      /* steps (a byte written, or FAKE_ERASE_STEPS per erase) until the
                     * power is cut; negative: never */
    bool half_byte; /* the cut byte has some of its bits cleared */
    jmp_buf cut;    /* where the cut leads */
    uint32_t noise; /* state of what is left in cut cells */
    long steps;     /* done since the test cleared it */
    int stuck;      /* this byte of mem does not take what is written; -1: none */
    bool broken;    /* reads fail */
} fake_flash_chip;

extern fake_flash_chip fake_flash;

/* Blank, whole, powered. */
void fake_flash_reset(void);

#endif
