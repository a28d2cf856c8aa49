#include "pq_console.h"

#include <string.h>

#include "pq_command.h"
#include "pq_secret.h"

enum { BACKSPACE = 0x08, CTRL_C = 0x03, CTRL_U = 0x15, ESCAPE = 0x1b, DELETE = 0x7f };

void pq_console_init(pq_console *c)
{
    pq_wipe(c, sizeof *c);
    pq_text_init(&c->out, c->out_buf, sizeof c->out_buf);
}

/* --- Output */

/* Echo is worth less than lines: what does not fit is not counted. */
static void echo(pq_console *c, const char *p, size_t n)
{
    pq_text_bytes(&c->out, p, n);
    c->out.cut = false;
}

/* Shows the typed bytes from … on, secrets as asterisks. */
static void echo_line(pq_console *c, size_t from)
{
    size_t secret = pq_command_secret(c->line, c->len);
    for (size_t i = from; i < c->len; i++)
        echo(c, i < secret ? &c->line[i] : "*", 1);
    c->shown = c->len > 0;
}

/* Only once half of the buffer is free, so that it is told once. */
static void tell_lost(pq_console *c)
{
    if (c->lost == 0 || c->out.len > sizeof c->out_buf / 2)
        return;
    pq_text_str(&c->out, "[");
    pq_text_number(&c->out, c->lost);
    pq_text_str(&c->out, c->lost == 1 ? " line lost]\r\n" : " lines lost]\r\n");
    c->lost = 0;
}

pq_text *pq_console_begin(pq_console *c)
{
    if (c->shown)
        echo(c, "\r\n", 2);
    c->shown = false;
    tell_lost(c);
    c->begun = c->out.len;
    return &c->out;
}

void pq_console_end(pq_console *c)
{
    pq_text_str(&c->out, "\r\n");
    if (c->out.cut) {
        c->out.len = c->begun;
        c->out.cut = false;
        c->lost++;
    }
    echo_line(c, 0);
}

void pq_console_say(pq_console *c, const char *line)
{
    pq_text_str(pq_console_begin(c), line);
    pq_console_end(c);
}

bool pq_console_idle(const pq_console *c)
{
    return c->out.len == 0;
}

void pq_console_flush(pq_console *c)
{
    size_t n = pq_port_uart_write((const uint8_t *)c->out_buf, c->out.len);
    memmove(c->out_buf, c->out_buf + n, c->out.len - n);
    c->out.len -= n;
}

/* --- Input */

static void forget(pq_console *c)
{
    pq_wipe(c->line, sizeof c->line);
    c->len = 0;
    c->overlong = false;
}

/* Takes back the last character, all bytes of it. */
static void backspace(pq_console *c)
{
    bool more = c->len > 0;
    if (more)
        echo(c, "\b \b", 3);
    while (more) {
        uint8_t b = (uint8_t)c->line[--c->len];
        c->line[c->len] = 0;
        more = b >> 6 == 2 && c->len > 0; /* UTF-8: the rest of a character */
    }
    c->shown = c->len > 0;
}

/* Skips what arrow keys and the like send: ESC x, or ESC [ … up to a letter. */
static void skip_escape(pq_console *c, uint8_t b)
{
    if (c->escape == 1 && (b == '[' || b == 'O'))
        c->escape = 2;
    else if (c->escape == 1 || b >= 0x40)
        c->escape = 0;
}

static void type(pq_console *c, uint8_t b)
{
    if (c->len == sizeof c->line) {
        c->overlong = true;
        return;
    }
    c->line[c->len++] = (char)b;
    echo_line(c, c->len - 1u);
}

static void refuse_line(pq_console *c)
{
    forget(c);
    pq_text *t = pq_console_begin(c);
    pq_text_str(t, "error: the line is longer than ");
    pq_text_number(t, PQ_CONSOLE_LINE);
    pq_text_str(t, " bytes; nothing of it was used");
    pq_console_end(c);
}

/* Whether a line that is worth handling has ended. */
static bool end_line(pq_console *c, uint8_t b)
{
    bool second = b == '\n' && c->after_cr;
    c->after_cr = b == '\r';
    if (second || c->len == 0)
        return false;
    echo(c, "\r\n", 2);
    c->shown = false;
    if (c->overlong)
        refuse_line(c);
    return c->len > 0;
}

static bool take(pq_console *c, uint8_t b)
{
    if (b == '\r' || b == '\n') {
        c->escape = 0;
        return end_line(c, b);
    }
    c->after_cr = false;
    if (c->escape > 0) {
        skip_escape(c, b);
    } else if (b == ESCAPE) {
        c->escape = 1;
    } else if (b == BACKSPACE || b == DELETE) {
        backspace(c);
    } else if (b == CTRL_C || b == CTRL_U) {
        if (c->shown)
            echo(c, "\r\n", 2);
        c->shown = false;
        forget(c);
    } else if (b == '\t') {
        type(c, ' ');
    } else if (b >= 0x20) {
        type(c, b);
    }
    return false;
}

bool pq_console_poll(pq_console *c)
{
    uint8_t b;
    bool line = false;
    pq_console_flush(c);
    /* Byte by byte: what follows a line waits in the UART until it is handled. */
    while (!line && pq_port_uart_read(&b, 1) == 1)
        line = take(c, b);
    pq_wipe(&b, sizeof b);
    pq_console_flush(c);
    return line;
}

void pq_console_done(pq_console *c)
{
    forget(c);
}
