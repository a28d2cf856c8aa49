/* The sender as a program: a port's main calls this once the board is up.
 *
 * RAM on RV32: 11.7 KB built for ML-KEM-512 alone, 13.3 KB for all three sets. */
#ifndef PQ_ROLE_SENDER_H
#define PQ_ROLE_SENDER_H

#include "pq_sender.h"

#include "node.h"

#define PQ_SENDER_ROLE_DATAGRAM 1472 /* bytes; a longer one is no answer of ours */

typedef struct {
    pq_node node;
    pq_sender sender;
    bool open;         /* the socket is */
    bool running;      /* all settings are there */
    bool told;         /* what is missing */
    uint64_t next;     /* µs, when the next status message is due */
    uint32_t messages; /* queued */
    uint8_t datagram[PQ_SENDER_ROLE_DATAGRAM];
} pq_sender_role;

/* Runs until the port says stop; *r is then wiped. PQ_ERR_ARG: the suite (1–3) was
 * not built in. */
int pq_role_sender(pq_sender_role *r, const pq_board *board, uint8_t suite);

#endif
