/* The sniffer as a program: a port's main calls this once the board is up. */
#ifndef PQ_ROLE_SNIFFER_H
#define PQ_ROLE_SNIFFER_H

#include "pq_sniffer.h"

#define PQ_ROLE_VERSION "0.1.0" /* of the firmware, in the hello record */

/* Runs until the port says stop, or, where a radio can end, until all it heard
 * and a last status are written. PQ_ERR_ARG if the board cannot be a sniffer. */
int pq_role_sniffer(pq_sniffer *s, const pq_board *board);

#endif
