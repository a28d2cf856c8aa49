/* Which 802.11 frames the sniffer sends to the host: by type, beacons or not,
 * and by the addresses that stand in the frame.
 *
 * RAM: none; a pq_filter is 51 bytes. */
#ifndef PQ_FILTER_H
#define PQ_FILTER_H

#include <stdbool.h>

#include "pq_bytes.h"
#include "pq_error.h"
#include "pq_wire.h"

#define PQ_FILTER_MAX_SIZE (PQ_FILTER_HEAD_SIZE + 6 * PQ_FILTER_MAX_ADDRS) /* body, bytes */
#define PQ_MAC_HEADER_MAX  30 /* bytes up to and with address 4, IEEE 802.11-2020 §9.3.2.1 */

typedef struct {
    uint8_t types; /* PQ_FILTER_MGT | … */
    uint8_t flags; /* PQ_FILTER_NO_BEACONS */
    uint8_t n;     /* addresses; 0 = any */
    uint8_t addr[PQ_FILTER_MAX_ADDRS][6];
} pq_filter;

/* Reads the body of a filter command; bytes after the addresses are ignored.
 * PQ_ERR_SHORT or PQ_ERR_ARG (a bit or a number that has no meaning), and
 * then *f is zeroed. */
int pq_filter_parse(pq_filter *f, const uint8_t *body, size_t len);

/* Writes f as the body of a filter command; returns its size. */
size_t pq_filter_write(const pq_filter *f, uint8_t out[PQ_FILTER_MAX_SIZE]);

/* Whether a frame passes, judged by its first bytes; PQ_MAC_HEADER_MAX of them
 * are enough. Address fields are found by type and subtype; one that does not
 * stand in the frame as a whole does not count. A frame of a type that has no
 * bit (extension, or shorter than its Frame Control) passes only if all types
 * do. */
bool pq_filter_pass(const pq_filter *f, const uint8_t *frame, size_t len);

#endif
