/* A model of the SSD1306: takes the I2C messages a board sends and holds what the
 * glass would show. Only what pq_screen may use is modelled; anything else counts
 * as a fault. */
#ifndef PQ_SSD1306_H
#define PQ_SSD1306_H

#include <stdio.h>

#include "pq_screen.h"

typedef struct {
    uint8_t memory[PQ_SCREEN_ROWS][PQ_SCREEN_WIDTH]; /* page, column; bit 0 on top */
    bool on, pump, horizontal;
    uint8_t column, first_column, last_column;
    uint8_t page, first_page, last_page;
    uint32_t faults;  /* commands unknown, cut short or out of range */
    uint32_t changes; /* messages that may have changed what is seen */
} pq_ssd1306;

void pq_ssd1306_init(pq_ssd1306 *d);

/* One message, control byte first. PQ_ERR_ARG: longer than 255 bytes, or empty. */
int pq_ssd1306_message(pq_ssd1306 *d, const uint8_t *p, size_t n);

/* Room for all rows, each with its \n or NUL. */
#define PQ_SSD1306_TEXT_MAX ((PQ_SCREEN_COLUMNS + 1) * PQ_SCREEN_ROWS)

/* What a reader of the glass would type: rows without trailing spaces, joined by
 * \n, rows empty at the end left out; nothing while it is off. A cell that is no
 * character of the font reads as 0x7f. Returns the length; there is a NUL behind. */
size_t pq_ssd1306_text(const pq_ssd1306 *d, char out[PQ_SSD1306_TEXT_MAX]);

/* As a plain PBM picture, lit pixels 1. False: errno says why. */
bool pq_ssd1306_pbm(const pq_ssd1306 *d, FILE *f);

#endif
