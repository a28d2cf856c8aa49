/* Packets of a capture file that lies in memory: pcap (both byte orders, µs or
 * ns) and pcapng. Nothing is allocated and nothing outside of the given bytes
 * is read. A damaged file is read as far as it goes. */
#ifndef PQ_CAPTURE_H
#define PQ_CAPTURE_H

#include <stdbool.h>

#include "pq_bytes.h"
#include "pq_error.h"

#define PQ_CAPTURE_INTERFACES 64      /* of a pcapng section */
#define PQ_CAPTURE_MAX_PACKET 0x40000 /* bytes; more is damage */

/* Link types, https://www.tcpdump.org/linktypes.html */
#define PQ_DLT_IEEE802_11       105
#define PQ_DLT_IEEE802_11_RADIO 127

typedef struct {
    uint16_t link;   /* PQ_DLT_… */
    uint8_t fcs;     /* bytes of FCS behind every frame, if the file says so */
    uint8_t tsresol; /* pcapng if_tsresol: 6 = µs; with bit 7, a power of two */
} pq_capture_interface;

typedef struct {
    const uint8_t *data;
    size_t size, at;
    size_t packets; /* read so far */
    bool pcapng, big_endian, nano;
    uint32_t interfaces;
    pq_capture_interface interface[PQ_CAPTURE_INTERFACES];
    char error[160]; /* what is wrong, and at which byte */
} pq_capture;

typedef struct {
    uint64_t time_ns; /* since 1970; 0 where the file has no time */
    pq_capture_interface from;
    pq_span data;
    uint32_t air_len; /* bytes before the capture cut it, as the file says */
} pq_packet;

/* PQ_ERR_SYNC, PQ_ERR_VERSION or PQ_ERR_SHORT: not a capture; c->error says why. */
int pq_capture_open(pq_capture *c, const uint8_t *data, size_t size);

/* 1: *p is the next packet. 0: the end. Negative: damage, see c->error; what
 * came before is good and nothing comes after. */
int pq_capture_next(pq_capture *c, pq_packet *p);

#endif
