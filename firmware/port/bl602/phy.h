/* What the radio of a BL602 says of a frame, in the words of pq_port.h. Knows
 * nothing of the SDK, so that it can be tested anywhere. */
#ifndef PQ_BL602_PHY_H
#define PQ_BL602_PHY_H

#include "pq_port.h"

/* From the receive vector that precedes each frame (the SDK's struct hw_vect). */
typedef struct {
    uint64_t tsf;       /* µs */
    uint16_t freq;      /* MHz, primary channel; 0 = not given */
    int8_t rssi;        /* dBm; 0 = not given */
    uint8_t format;     /* 0 non-HT, 1 non-HT duplicate, 2 HT mixed, 3 HT greenfield */
    uint8_t leg_rate;   /* non-HT: 0–3 are 1, 2, 5.5, 11 Mb/s; above, the RATE field of
                         * IEEE 802.11-2020 §17.3.4.2 with its first bit uppermost */
    uint8_t mcs;        /* HT */
    bool short_gi;      /* HT */
    bool wide;          /* 40 MHz */
    bool long_preamble; /* DSSS */
    bool aggregation;   /* part of an A-MPDU */
} pq_phy_vector;

/* PHY, rate, flags, frequency and RSSI of *info; time_us and air_len are left. A
 * rate that no standard knows gives PQ_PHY_UNKNOWN. channel (1–14) stands in for a
 * frequency that is not given. */
void pq_phy_info(pq_radio_info *info, const pq_phy_vector *v, uint8_t channel);

#define PQ_PHY_PIECES     4    /* of the library's buffers that a frame spans at most */
#define PQ_PHY_PIECE_SIZE 1736 /* bytes, each but the last is full */

/* Sets the lengths of n parts whose data pointers are set, as a frame of len bytes
 * fills them one after the other. Returns how many it needs. */
size_t pq_phy_fill(pq_span *parts, size_t n, size_t len);

/* Length on air, and PQ_FRAME_CUT if the parts hold less. */
void pq_phy_length(pq_radio_info *info, const pq_span *parts, size_t n, size_t air_len);

/* Turns TSF stamps, taken as a frame arrives, into µs since boot. The board's own
 * clock is read some time later, so the least distance seen between the two is
 * taken as their offset; both count from one crystal. RAM: 24 bytes. */
typedef struct {
    uint64_t tsf;    /* last */
    uint64_t offset; /* from TSF to µs since boot */
    bool running;
} pq_phy_clock;

#define PQ_PHY_CLOCK_LATE_US 100000u /* behind by more: the TSF was set anew */

/* Time of a frame with this TSF, where the board's clock now says now. A TSF that
 * stands still, as it may in monitor mode, gives now. Never later than now. */
uint64_t pq_phy_time(pq_phy_clock *c, uint64_t tsf, uint64_t now);

/* Whether the SDK's library keeps a management frame to itself in monitor mode,
 * so that we must take it before: disassociation, deauthentication, action, and
 * anything protected. fc is the frame control field, little-endian as loaded. */
bool pq_phy_withheld(uint16_t fc);

#endif
