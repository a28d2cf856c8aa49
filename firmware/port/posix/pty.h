/* The pseudo-terminal that a host sees as the board's serial port. */
#ifndef PQ_PTY_H
#define PQ_PTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opens one in raw mode; returns the master, which does not block and hangs up
 * until a host opens the slave, and the slave's path. -1: errno says why. */
int pq_pty_open(char *path, size_t size);

/* Whether a host has the slave open. */
bool pq_pty_attached(int master);

/* Throws away what the slave has not been read of. */
void pq_pty_forget(const char *path);

/* Bytes in the slave that the host has not read. What the kernel has not yet
 * passed on to it cannot be asked for. */
size_t pq_pty_unread(const char *path);

/* The baud rate that the host has set; 0 if it is not a common one. */
uint32_t pq_pty_baud(int master);

#endif
