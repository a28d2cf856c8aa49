/* A gateway or a sender as a process on this computer: options, and the port that
 * its role runs on. There is one board per process, so that its state is that of the
 * process. */
#ifndef PQ_NODE_SIM_H
#define PQ_NODE_SIM_H

#include "pq_port.h"

typedef struct {
    const char *program; /* "pqiot-board-gateway" */
    const char *says;    /* what it is, for --help */
    pq_board board;
    uint8_t suite;      /* 1–3 */
    pq_endpoint listen; /* the board's address on this computer */
    bool other_port;    /* port instead of the one that the role asks for */
    uint16_t port;
    const char *flash; /* file, or NULL: forgotten at the end */
    bool stdio;
    const char *link;         /* symbolic link to the pseudo-terminal */
    const char *screen, *pbm; /* files that follow the screen, or NULL */
    bool lab, seeded;
    uint32_t seed;
} pq_node_options;

/* Fills *o from the command line; returns -1 to go on, or the exit status. */
int pq_node_parse(pq_node_options *o, int argc, char **argv);

/* Runs a board until it is ended; run is its role, called again after each reset.
 * Returns the exit status. */
int pq_node_run(const pq_node_options *o, int (*run)(const pq_board *board, uint8_t suite));

#endif
