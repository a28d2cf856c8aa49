/* Text put together in a buffer of fixed size, without printf. What does not fit
 * is left out whole and noted in cut. RAM: the caller's buffer. */
#ifndef PQ_TEXT_H
#define PQ_TEXT_H

#include <stdbool.h>

#include "pq_port.h"

typedef struct {
    char *p;
    size_t size, len; /* bytes of p, bytes used; no NUL behind them */
    bool cut;         /* something was left out */
} pq_text;

void pq_text_init(pq_text *t, char *p, size_t size);

void pq_text_bytes(pq_text *t, const void *p, size_t n);
void pq_text_str(pq_text *t, const char *s);
void pq_text_number(pq_text *t, uint64_t v);
void pq_text_hex(pq_text *t, const uint8_t *p, size_t n);
/* Milliseconds with one decimal, rounded, "6.1 ms"; below one with three, "0.041 ms". */
void pq_text_ms(pq_text *t, uint64_t us);
/* "192.168.4.2:5683", "[fd00:0:0:0:0:0:0:1]:5683"; port 0 is not written. */
void pq_text_endpoint(pq_text *t, const pq_endpoint *e);

/* Text of a stranger, made harmless for a terminal: printable ASCII and UTF-8 stay,
 * a backslash doubles, and control characters (C1 and those that change the
 * direction of writing included) and invalid UTF-8 become \xNN, byte by byte. */
void pq_text_safe(pq_text *t, pq_span s);

#endif
