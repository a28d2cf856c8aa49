/* The console of a gateway or sender on this computer: a pseudo-terminal, or stdin
 * and stdout. What is printed while nobody has the pseudo-terminal open is lost, as
 * on a real board. */
#ifndef PQ_TERM_H
#define PQ_TERM_H

#include <poll.h>

#include "pq_port.h"

/* Opens a pseudo-terminal, with a symbolic link to it unless link is NULL. */
int pq_term_open_pty(const char *link);
void pq_term_open_stdio(void);

/* Path of the pseudo-terminal. */
const char *pq_term_name(void);

size_t pq_term_write(const uint8_t *p, size_t n);
size_t pq_term_read(uint8_t *p, size_t n);

/* Whether whoever read stdout has gone: there is no console any more. */
bool pq_term_gone(void);

/* What to poll for, two entries, and µs after which to look again. */
uint32_t pq_term_watch(struct pollfd p[2], uint32_t max_us);

/* Takes the link away. */
void pq_term_close(void);

#endif
