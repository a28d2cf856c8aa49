/* The sniffer's role: what the radio hears goes through filter and snap length
 * into the ring, and from there as records to the UART; between frames stand
 * status, hello, log and the replies to the host's commands.
 *
 * Two sides, each one task:
 *   producer  pq_sniffer_heard, pq_sniffer_has_room     (radio callback)
 *   consumer  everything else                           (main loop)
 * They share the ring, one counter, and the rules (filter, snap length), which
 * go over in a triple buffer: neither side ever waits for the other.
 *
 * Sequence numbers are given by the consumer, as records leave for the UART. A
 * frame dropped for want of room takes a number too: the entry after the hole
 * says how many there were. Nothing but frames is ever dropped: a status,
 * hello or reply is made only when it can be written, and a log line that finds
 * another one waiting is refused, not made. So, at every status record, the
 * gaps in the sequence so far are exactly its count of dropped frames, and
 *
 *   passed = frame records before it + dropped,   heard = passed + filtered out
 *
 * Frames that still wait in the ring, and drops behind them, are not yet in
 * those counts. The other records overtake waiting frames, so timestamps of
 * frames may lie before that of a status they follow.
 *
 * RAM: a pq_sniffer is 9408 bytes on RV32, of which 8214 let it read
 * any command that the format allows; the ring is the board's. */
#ifndef PQ_SNIFFER_H
#define PQ_SNIFFER_H

#include "pq_filter.h"
#include "pq_port.h"
#include "pq_record.h"
#include "pq_ring.h"

#define PQ_SNIFFER_STATUS_US  1000000u /* a status record this often */
#define PQ_SNIFFER_GAP_US     200000u  /* a command that pauses this long inside is given up */
#define PQ_SNIFFER_LOG_MAX    120      /* bytes of text in a log record */
#define PQ_SNIFFER_REPLY_MAX  (PQ_REPLY_HEAD_SIZE + PQ_FILTER_MAX_SIZE)
#define PQ_SNIFFER_BODY_MAX   (PQ_HELLO_HEAD_SIZE + 2 * (1 + PQ_STRING_MAX)) /* hello is longest */
#define PQ_SNIFFER_FRAME_HEAD (8 + PQ_FRAME_HEAD_SIZE) /* in the ring: time, head of the body */

/* What the producer needs to know to judge a frame. */
typedef struct {
    pq_filter filter;
    uint16_t snap; /* bytes, 0 = whole */
} pq_sniffer_rules;

typedef struct {
    uint16_t dwell; /* ms */
    uint8_t n;      /* 0 = not hopping */
    uint8_t channel[PQ_HOP_MAX_CHANNELS];
} pq_sniffer_hop;

/* All fields are private; made is for tests and statistics. */
typedef struct {
    pq_board board;
    pq_ring ring;

    /* Triple buffer: each side owns one slot and trades it for the middle one. */
    pq_sniffer_rules rules[3];
    _Atomic uint32_t rules_middle; /* slot number, and RULES_NEW */
    uint32_t rules_front;          /* producer's slot */
    uint32_t rules_back;           /* consumer's slot */
    _Atomic uint32_t filtered;     /* producer: frames that the filter held back */

    /* Consumer from here. */
    pq_sniffer_rules wanted; /* in force from the next frame on */
    pq_sniffer_hop hop;
    uint8_t hop_at; /* index into hop.channel */
    uint8_t channel;
    uint32_t baud, next_baud;                  /* next_baud: once the reply has left, 0 = none */
    uint64_t next_status, next_hop, last_byte; /* µs */

    uint32_t made;       /* records, the dropped ones included; its low half is the sequence */
    uint32_t frames;     /* frame records among them */
    uint32_t accounted;  /* dropped frames among them */
    uint32_t uart_bytes; /* taken by the UART */

    uint8_t due; /* records to make, DUE_… */
    uint8_t reply[PQ_SNIFFER_REPLY_MAX];
    uint8_t reply_len, log_len, echo_len;
    uint8_t echo[8]; /* host clock of the time echo that is being answered */
    uint8_t log[1 + PQ_SNIFFER_LOG_MAX];

    pq_span tx[4]; /* the record that is being written */
    uint8_t tx_at; /* first of tx that is not out yet; 4 = none */
    bool tx_frame; /* it lies in the ring, to be popped after */
    uint8_t tx_buf[PQ_HEADER_SIZE + PQ_SNIFFER_BODY_MAX + PQ_TRAILER_SIZE];

    pq_reader reader;
    uint32_t skipped_told, foreign_told; /* reader counts already logged */
    uint8_t rx_buf[PQ_MAX_RECORD];
} pq_sniffer;

/* Prepares s, tunes the radio and schedules hello and a first log line. PQ_ERR_ARG
 * if the board's ring or channel is not usable. */
int pq_sniffer_init(pq_sniffer *s, const pq_board *board);

/* Producer; these are a pq_radio_sink's functions, ctx is the pq_sniffer. */
int pq_sniffer_heard(void *ctx, const pq_radio_info *info, const pq_span *parts, size_t n);
bool pq_sniffer_has_room(void *ctx, size_t len);

/* One turn of the main loop: hops, reads commands, writes what the UART takes.
 * Returns for how many µs there is nothing to do unless the port wakes us;
 * 0 = call again at once. */
uint32_t pq_sniffer_poll(pq_sniffer *s);

/* A log line; longer text is cut. PQ_ERR_BUSY if one still waits: this one is
 * not made. */
int pq_sniffer_log(pq_sniffer *s, uint8_t level, const char *text);

/* A status record as soon as the UART takes it. */
void pq_sniffer_status(pq_sniffer *s);

/* Whether nothing waits to be written. */
bool pq_sniffer_idle(pq_sniffer *s);

/* --- Between pq_sniffer.c and pq_sniffer_command.c */

enum {
    PQ_SNIFFER_DUE_HELLO = 1,
    PQ_SNIFFER_DUE_STATUS = 2,
    PQ_SNIFFER_DUE_REPLY = 4,
    PQ_SNIFFER_DUE_LOG = 8,
};

/* Carries out a command and makes its reply, and what else it asks for, due. */
void pq_sniffer_command(pq_sniffer *s, const pq_header *h, const uint8_t *body);

/* The rules in s->wanted apply from the next frame that the radio delivers. */
void pq_sniffer_publish_rules(pq_sniffer *s);

/* Tunes and remembers; the error is the port's, and the channel then the old. */
int pq_sniffer_tune(pq_sniffer *s, uint8_t channel);

#endif
