/* A board that a test holds in its hands. Time stands still unless the test
 * moves it. */
#ifndef PQ_FAKE_PORT_H
#define PQ_FAKE_PORT_H

#include "pq_port.h"

#define FAKE_OUT_MAX (1u << 20)

typedef struct {
    uint64_t now; /* µs */
    uint8_t *out; /* what the board wrote, FAKE_OUT_MAX bytes */
    size_t out_len;
    size_t out_room; /* bytes the UART still takes */
    const uint8_t *in;
    size_t in_len, in_step; /* bytes to read; at most so many at once, 0 = any */
    bool busy;              /* bytes are still leaving */
    uint32_t baud;          /* last rate set */
    uint8_t channel;        /* last one tuned */
    uint32_t tuned;         /* a bit for every channel tuned, until the test clears it */
    int channel_error;      /* what tuning answers */
    uint64_t random;        /* state of the random bytes, which repeat from run to run */
    int random_error;       /* what asking for them answers */
} fake_port;

extern fake_port fake;

#endif
