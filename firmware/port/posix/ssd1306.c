#include "ssd1306.h"

#include <string.h>

void pq_ssd1306_init(pq_ssd1306 *d)
{
    memset(d, 0, sizeof *d);
    d->last_column = PQ_SCREEN_WIDTH - 1;
    d->last_page = PQ_SCREEN_ROWS - 1;
    for (size_t i = 0; i < sizeof d->memory; i++) /* undefined at power-on */
        d->memory[i / PQ_SCREEN_WIDTH][i % PQ_SCREEN_WIDTH] = (uint8_t)(i * 37 ^ i >> 3);
}

/* Bytes that follow a command; -1: none that is modelled. */
static int operands(uint8_t c)
{
    if (c >= 0x40 && c <= 0x7f)
        return 0;
    switch (c) {
    case 0xae:
    case 0xaf:
    case 0xa1:
    case 0xc8:
    case 0xa4:
    case 0xa6:
        return 0;
    case 0xd5:
    case 0xa8:
    case 0xd3:
    case 0x8d:
    case 0x20:
    case 0xda:
    case 0x81:
    case 0xd9:
    case 0xdb:
        return 1;
    case 0x21:
    case 0x22:
        return 2;
    default:
        return -1;
    }
}

static void command(pq_ssd1306 *d, const uint8_t *c)
{
    switch (c[0]) {
    case 0xae:
    case 0xaf:
        d->on = c[0] == 0xaf;
        break;
    case 0x8d:
        d->pump = c[1] & 4;
        break;
    case 0x20:
        d->horizontal = c[1] == 0;
        break;
    case 0xa8:
        d->faults += c[1] != 63;
        break;
    case 0x21:
        d->faults += c[1] > c[2] || c[2] >= PQ_SCREEN_WIDTH;
        d->column = d->first_column = c[1] % PQ_SCREEN_WIDTH;
        d->last_column = c[2] % PQ_SCREEN_WIDTH;
        break;
    case 0x22:
        d->faults += c[1] > c[2] || c[2] >= PQ_SCREEN_ROWS;
        d->page = d->first_page = c[1] % PQ_SCREEN_ROWS;
        d->last_page = c[2] % PQ_SCREEN_ROWS;
        break;
    default:
        break;
    }
}

static void data(pq_ssd1306 *d, uint8_t v)
{
    d->faults += !d->horizontal;
    d->memory[d->page][d->column] = v;
    if (d->column != d->last_column) {
        d->column = (uint8_t)((d->column + 1) % PQ_SCREEN_WIDTH);
        return;
    }
    d->column = d->first_column;
    d->page = d->page != d->last_page ? (uint8_t)((d->page + 1) % PQ_SCREEN_ROWS) : d->first_page;
}

int pq_ssd1306_message(pq_ssd1306 *d, const uint8_t *p, size_t n)
{
    if (n == 0 || n > 255)
        return PQ_ERR_ARG;
    if (p[0] == 0x40) {
        d->changes++;
        for (size_t i = 1; i < n; i++)
            data(d, p[i]);
        return PQ_OK;
    }
    d->faults += p[0] != 0;
    for (size_t i = 1; i < n;) {
        int more = operands(p[i]);
        if (more < 0 || (size_t)more >= n - i) {
            d->faults++;
            break;
        }
        d->changes += p[i] == 0xae || p[i] == 0xaf;
        command(d, p + i);
        i += 1 + (size_t)more;
    }
    return PQ_OK;
}

static char cell(const pq_ssd1306 *d, size_t row, size_t column)
{
    const uint8_t *at = d->memory[row] + column * (PQ_FONT_WIDTH + 1);
    for (size_t c = 0; at[PQ_FONT_WIDTH] == 0 && c <= PQ_FONT_LAST - PQ_FONT_FIRST; c++)
        if (memcmp(at, pq_font[c], PQ_FONT_WIDTH) == 0)
            return (char)(PQ_FONT_FIRST + c);
    return 0x7f;
}

size_t pq_ssd1306_text(const pq_ssd1306 *d, char out[PQ_SSD1306_TEXT_MAX])
{
    size_t len = 0, used = 0;
    for (size_t row = 0; d->on && d->pump && row < PQ_SCREEN_ROWS; row++) {
        if (row > 0)
            out[len++] = '\n';
        size_t end = len;
        for (size_t column = 0; column < PQ_SCREEN_COLUMNS; column++) {
            out[len] = cell(d, row, column);
            if (out[len++] != ' ')
                used = end = len;
        }
        len = end;
    }
    out[used] = '\0';
    return used;
}

bool pq_ssd1306_pbm(const pq_ssd1306 *d, FILE *f)
{
    fprintf(f, "P1\n%d %d\n", PQ_SCREEN_WIDTH, PQ_SCREEN_ROWS * 8);
    for (int y = 0; y < PQ_SCREEN_ROWS * 8; y++)
        for (int x = 0; x < PQ_SCREEN_WIDTH; x++) {
            bool lit = d->on && d->pump && d->memory[y / 8][x] >> y % 8 & 1;
            fputc(lit ? '1' : '0', f);
            if (x % 64 == 63) /* a plain PBM's lines are at most 70 long */
                fputc('\n', f);
        }
    return !ferror(f);
}
