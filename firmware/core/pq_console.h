/* A line editor over the UART, for people and for programs: bounded, with
 * backspace, CR, LF or both as the end of a line. What the board prints goes
 * between the lines typed: a line half typed is shown again behind it. Passphrases and keys are
 * echoed as '*', and every line is wiped once it has been handled.
 *
 * What the UART does not take waits in a buffer; lines that do not fit there are
 * lost whole, counted, and the count is printed.
 *
 * RAM: 4.4 KB, PQ_CONSOLE_OUT of them for output. */
#ifndef PQ_CONSOLE_H
#define PQ_CONSOLE_H

#include "pq_text.h"

#define PQ_CONSOLE_LINE 256 /* bytes typed in a line, at most */
#define PQ_CONSOLE_OUT                                                                             \
    4096 /* bytes of output that wait: the longest message with every                              \
          * byte escaped */

typedef struct {
    char line[PQ_CONSOLE_LINE];
    uint16_t len;
    bool overlong;  /* the line is refused when it ends */
    bool after_cr;  /* an LF now belongs to the line before */
    uint8_t escape; /* inside of a terminal's escape sequence */
    bool shown;     /* the terminal's cursor stands behind a line half typed */
    pq_text out;
    size_t begun;  /* where the line being printed starts in out */
    uint32_t lost; /* lines that did not fit, since it was last told */
    char out_buf[PQ_CONSOLE_OUT];
} pq_console;

void pq_console_init(pq_console *c);

/* Hands output to the UART and takes what was typed. Returns true when a line is
 * complete: it is c->line, c->len bytes, and pq_console_done comes before the next
 * call. */
bool pq_console_poll(pq_console *c);

/* Wipes the line that pq_console_poll has returned. */
void pq_console_done(pq_console *c);

/* Begins a line of output; pq_text_… puts it together, and pq_console_end ends it. */
pq_text *pq_console_begin(pq_console *c);
void pq_console_end(pq_console *c);

/* A whole line. */
void pq_console_say(pq_console *c, const char *line);

/* Hands over what the UART takes now; pq_console_poll does so as well. */
void pq_console_flush(pq_console *c);

/* Whether all output has been handed over. */
bool pq_console_idle(const pq_console *c);

#endif
