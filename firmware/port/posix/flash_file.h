/* The key area of a board's flash as a file of PQ_FLASH_SIZE bytes, mode 0600, or in
 * memory alone. Implements pq_port_flash_…; every change is on disk when it returns,
 * so that a process killed at any time is a board that has lost its power. */
#ifndef PQ_FLASH_FILE_H
#define PQ_FLASH_FILE_H

#include "pq_port.h"

/* path NULL: in memory, blank. A missing file is made, blank. PQ_ERR_FLASH: told on
 * stderr why not; a file in use by another board is refused. */
int pq_flash_file_open(const char *path);

#endif
