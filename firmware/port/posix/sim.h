/* The simulated board: its options, and what its parts know of each other.
 * uart.c and radio.c implement pq_port.h with one thread each: the role's main
 * loop, which is the caller's, and the radio's.
 *
 * There is one board per process, so that its state is that of the process. */
#ifndef PQ_SIM_H
#define PQ_SIM_H

#include "options.h"
#include "pq_port.h"

typedef struct {
    /* Radio: one of the first two, or neither: it hears nothing. */
    const char *capture;      /* file to play */
    const char *radio_socket; /* Unix socket to connect to */
    double speed;             /* 1 = the file's own pace, 0 = as fast as the board takes it */
    bool loop;
    bool any_channel; /* hear every channel at once */
    bool no_tsft;     /* stamp with the board's clock, not the file's TSFT */
    bool wait;        /* hold the radio until the host sends its first byte */
    bool end_exit;    /* leave when the radio has nothing more */

    /* UART: a pseudo-terminal, or stdin and stdout. */
    bool stdio;
    const char *link;   /* symbolic link to the pseudo-terminal */
    bool fixed_rate;    /* uart_rate holds, whatever the baud rate */
    uint32_t uart_rate; /* bytes/s, 0 = unlimited */
    bool strict_baud;   /* garble while the host's baud rate is another */
    bool silent;        /* nothing ever comes out */
    bool boot_text;     /* what a boot ROM prints comes first */
    bool verbose;
} pq_sim_options;

/* Counted where it happens, independently of the core. */
typedef struct {
    uint64_t packets;     /* taken from the file or the socket */
    uint64_t unusable;    /* of them: other link type, bad FCS, malformed */
    uint64_t off_channel; /* of them: on a channel that was not tuned */
    uint64_t heard;       /* of them: delivered to the core */
    uint64_t filtered;    /* of heard */
    uint64_t dropped;     /* of heard */
    uint64_t kept;        /* of heard */
} pq_sim_radio_counts;

typedef struct {
    uint64_t to_host;   /* bytes that left for the host */
    uint64_t into_void; /* bytes that left while no host listened */
    uint64_t from_host; /* bytes */
} pq_sim_uart_counts;

/* Both return PQ_OK, or an error that they have told on stderr. */
int pq_sim_uart_open(const pq_sim_options *o, uint32_t baud);
int pq_sim_radio_open(const pq_sim_options *o);

/* Path of the pseudo-terminal that a host opens. */
const char *pq_sim_uart_name(void);

/* Gives the bytes taken a chance to leave, then ends. */
void pq_sim_uart_close(void);
void pq_sim_radio_close(void);

/* From the radio's thread or a signal handler: pq_port_wait returns. */
void pq_sim_wake(void);

/* From a signal handler: pq_port_wait says PQ_PORT_STOP from now on. */
void pq_sim_stop(void);

/* From the main loop: the ring may have room again; the host has spoken. */
void pq_sim_radio_kick(void);
void pq_sim_radio_release(void);

/* Whether the radio has nothing more, nor ever will. */
bool pq_sim_radio_ended(void);

/* Once the threads are over. */
pq_sim_radio_counts pq_sim_radio_count(void);
pq_sim_uart_counts pq_sim_uart_count(void);

#endif
