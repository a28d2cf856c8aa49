/* What a radiotap header says of a frame, in the terms of pq_radio_info.
 * https://www.radiotap.org */
#ifndef PQ_RADIOTAP_H
#define PQ_RADIOTAP_H

#include "capture.h"
#include "pq_port.h"

typedef struct {
    pq_radio_info info; /* time_us only with PQ_FRAME_TSF; freq 0 = not told */
    pq_span part[2];    /* the frame without FCS; two parts where padding lay between */
    bool bad_fcs;       /* the header says that the FCS did not hold */
} pq_air_frame;

/* Takes a packet of link type radiotap or plain 802.11. PQ_ERR_UNSUPPORTED:
 * another link type; PQ_ERR_SHORT, PQ_ERR_VERSION: no valid radiotap header, or
 * no frame behind it. */
int pq_air_frame_parse(pq_air_frame *f, const pq_packet *p);

#endif
