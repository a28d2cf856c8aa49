/* Text on an SSD1306 with 128×64 pixels over I2C: 21 columns and 8 rows in a 5×7
 * font for printable ASCII; every other byte shows as '?'. A row of text is one
 * page of the display's memory.
 *
 * Writing only changes the text; pq_screen_poll sends what changed, one I2C
 * message a call, so that the board never waits long. A screen that is not there
 * is looked for again every PQ_SCREEN_RETRY_US.
 *
 * RAM: 184 bytes on RV32; stack: 200 bytes; font: 475 bytes of flash. */
#ifndef PQ_SCREEN_H
#define PQ_SCREEN_H

#include "pq_port.h"

#define PQ_SCREEN_COLUMNS  21
#define PQ_SCREEN_ROWS     8
#define PQ_SCREEN_WIDTH    128 /* pixels */
#define PQ_SCREEN_RETRY_US 2000000u

#define PQ_FONT_WIDTH 5 /* pixels; a sixth stays dark between two characters */
#define PQ_FONT_FIRST 0x20
#define PQ_FONT_LAST  0x7e

/* Columns of each character from PQ_FONT_FIRST on, left to right; bit 0 is the
 * top row, as a page of the display has it. */
extern const uint8_t pq_font[PQ_FONT_LAST - PQ_FONT_FIRST + 1][PQ_FONT_WIDTH];

typedef struct {
    char text[PQ_SCREEN_ROWS][PQ_SCREEN_COLUMNS];
    uint8_t row, column; /* of the cursor; column PQ_SCREEN_COLUMNS: the next character wraps */
    uint8_t dirty;       /* bit r: row r differs from what the screen shows */
    uint8_t state;
    uint64_t retry; /* µs, when to look for a screen again */
} pq_screen;

void pq_screen_init(pq_screen *s);

/* Blank, cursor at the top left. */
void pq_screen_clear(pq_screen *s);

/* Where the next character goes; outside of the screen it goes to the last row
 * or column. */
void pq_screen_cursor(pq_screen *s, uint8_t row, uint8_t column);

/* Writes at the cursor; \n begins a new row, \r the row again. Long text wraps,
 * and at the bottom everything moves up. */
void pq_screen_write(pq_screen *s, const void *p, size_t n);
void pq_screen_str(pq_screen *s, const char *text);

/* Sends one message if one is due. Returns µs until the next is: 0 = call again,
 * UINT32_MAX = once something was written. */
uint32_t pq_screen_poll(pq_screen *s);

/* Whether a screen has answered. */
bool pq_screen_present(const pq_screen *s);

#endif
