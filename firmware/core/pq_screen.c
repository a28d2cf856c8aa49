#include "pq_screen.h"

#include <string.h>

enum { STATE_ABSENT, STATE_DARK, STATE_ON };

/* First byte of an I2C message (SSD1306 data sheet, 8.1.5.2). */
#define CONTROL_COMMANDS 0x00
#define CONTROL_DATA     0x40

/* Data sheet, chapter 9. The display stays dark until its memory is drawn. */
static const uint8_t start[] = {
    CONTROL_COMMANDS,
    0xae, /* display off */
    0xd5,
    0x80, /* clock: ratio 1, oscillator at reset value */
    0xa8,
    0x3f, /* 64 rows */
    0xd3,
    0x00, /* no offset */
    0x40, /* start line 0 */
    0x8d,
    0x14, /* charge pump on */
    0x20,
    0x00, /* horizontal addressing */
    0xa1, /* column 127 is the leftmost segment … */
    0xc8, /* … and rows count from the other end: glass with its pins on top */
    0xda,
    0x12, /* alternative row pins */
    0x81,
    0x7f, /* contrast, half */
    0xd9,
    0xf1, /* precharge for the charge pump */
    0xdb,
    0x40, /* deselect level */
    0xa4, /* show the memory */
    0xa6, /* a set bit is lit */
};

void pq_screen_init(pq_screen *s)
{
    memset(s, 0, sizeof *s);
    pq_screen_clear(s);
}

void pq_screen_clear(pq_screen *s)
{
    memset(s->text, ' ', sizeof s->text);
    s->row = s->column = 0;
    s->dirty = 0xff;
}

void pq_screen_cursor(pq_screen *s, uint8_t row, uint8_t column)
{
    s->row = row < PQ_SCREEN_ROWS ? row : PQ_SCREEN_ROWS - 1;
    s->column = column < PQ_SCREEN_COLUMNS ? column : PQ_SCREEN_COLUMNS - 1;
}

static void new_row(pq_screen *s)
{
    s->column = 0;
    if (s->row + 1 < PQ_SCREEN_ROWS) {
        s->row++;
        return;
    }
    memmove(s->text[0], s->text[1], sizeof s->text - sizeof s->text[0]);
    memset(s->text[PQ_SCREEN_ROWS - 1], ' ', sizeof s->text[0]);
    s->dirty = 0xff;
}

void pq_screen_write(pq_screen *s, const void *p, size_t n)
{
    const uint8_t *c = p;
    for (size_t i = 0; i < n; i++) {
        if (c[i] == '\n') {
            new_row(s);
        } else if (c[i] == '\r') {
            s->column = 0;
        } else {
            if (s->column == PQ_SCREEN_COLUMNS)
                new_row(s);
            bool shown = c[i] >= PQ_FONT_FIRST && c[i] <= PQ_FONT_LAST;
            s->text[s->row][s->column++] = shown ? (char)c[i] : '?';
            s->dirty |= (uint8_t)(1u << s->row);
        }
    }
}

void pq_screen_str(pq_screen *s, const char *text)
{
    pq_screen_write(s, text, strlen(text));
}

/* One row as a page of the display's memory. */
static bool send_row(const pq_screen *s, uint8_t row)
{
    const uint8_t window[] = {CONTROL_COMMANDS, 0x21, 0, PQ_SCREEN_WIDTH - 1, 0x22, row, row};
    uint8_t page[1 + PQ_SCREEN_WIDTH] = {CONTROL_DATA};
    for (size_t i = 0; i < PQ_SCREEN_COLUMNS; i++)
        memcpy(page + 1 + i * (PQ_FONT_WIDTH + 1),
               pq_font[(uint8_t)s->text[row][i] - PQ_FONT_FIRST], PQ_FONT_WIDTH);
    return pq_port_screen_write(window, sizeof window) == PQ_OK &&
           pq_port_screen_write(page, sizeof page) == PQ_OK;
}

/* The next thing to do towards a screen that shows the text; false: no answer. */
static bool step(pq_screen *s)
{
    static const uint8_t on[] = {CONTROL_COMMANDS, 0xaf};
    if (s->state == STATE_ABSENT) {
        s->dirty = 0xff;
        if (pq_port_screen_write(start, sizeof start) != PQ_OK)
            return false;
        s->state = STATE_DARK;
        return true;
    }
    for (uint8_t row = 0; row < PQ_SCREEN_ROWS; row++)
        if (s->dirty & 1u << row) {
            s->dirty &= (uint8_t) ~(1u << row);
            return send_row(s, row);
        }
    if (s->state == STATE_DARK) {
        s->state = STATE_ON;
        return pq_port_screen_write(on, sizeof on) == PQ_OK;
    }
    return true;
}

uint32_t pq_screen_poll(pq_screen *s)
{
    uint64_t now = pq_port_time_us();
    if (s->state == STATE_ABSENT && now < s->retry)
        return (uint32_t)(s->retry - now);
    if (!step(s)) {
        s->state = STATE_ABSENT;
        s->retry = now + PQ_SCREEN_RETRY_US;
        return PQ_SCREEN_RETRY_US;
    }
    return s->state == STATE_ON && s->dirty == 0 ? UINT32_MAX : 0;
}

bool pq_screen_present(const pq_screen *s)
{
    return s->state != STATE_ABSENT;
}
