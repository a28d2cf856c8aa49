#include "pq_filter.h"

#include <string.h>

/* Frame Control, IEEE 802.11-2020 §9.2.4.1 */
enum {
    TYPE_MGT = 0,
    TYPE_CTL = 1,
    TYPE_DATA = 2,
    SUBTYPE_BEACON = 8,
    CTL_WRAPPER = 7,
    TO_AND_FROM_DS = 3,
};

/* Control subtypes that carry RA and TA (or BSSID), §9.3.1; the others have
 * RA alone. Bits: 2 Trigger, 3 TACK, 4 beamforming report poll, 5 NDP
 * announcement, 8 block ack request, 9 block ack, 10 PS-Poll, 11 RTS,
 * 14 CF-End, 15 CF-End + CF-Ack. */
static const uint16_t ctl_two_addresses = 0xCF3C;

int pq_filter_parse(pq_filter *f, const uint8_t *body, size_t len)
{
    memset(f, 0, sizeof *f);
    if (len < PQ_FILTER_HEAD_SIZE)
        return PQ_ERR_SHORT;
    size_t n = body[2];
    if ((body[0] & ~PQ_FILTER_ALL) || (body[1] & ~PQ_FILTER_NO_BEACONS) || n > PQ_FILTER_MAX_ADDRS)
        return PQ_ERR_ARG;
    if (len < PQ_FILTER_HEAD_SIZE + 6 * n)
        return PQ_ERR_SHORT;
    f->types = body[0];
    f->flags = body[1];
    f->n = (uint8_t)n;
    memcpy(f->addr, body + PQ_FILTER_HEAD_SIZE, 6 * n);
    return PQ_OK;
}

size_t pq_filter_write(const pq_filter *f, uint8_t out[PQ_FILTER_MAX_SIZE])
{
    out[0] = f->types;
    out[1] = f->flags;
    out[2] = f->n;
    memcpy(out + PQ_FILTER_HEAD_SIZE, f->addr, 6 * (size_t)f->n);
    return PQ_FILTER_HEAD_SIZE + 6 * (size_t)f->n;
}

/* Offsets of the address fields of a frame; returns how many. */
static size_t addresses(uint8_t type, uint8_t subtype, uint8_t fc1, uint8_t at[4])
{
    at[0] = 4, at[1] = 10, at[2] = 16, at[3] = 24;
    switch (type) {
    case TYPE_MGT:
        return 3;
    case TYPE_DATA:
        return (fc1 & 3) == TO_AND_FROM_DS ? 4 : 3;
    case TYPE_CTL:
        return (ctl_two_addresses >> subtype & 1) ? 2 : 1;
    default:
        return 0;
    }
}

static bool has_address(const pq_filter *f, const uint8_t *frame, size_t len)
{
    if (len < 2)
        return false;
    uint8_t at[4];
    uint8_t type = frame[0] >> 2 & 3, subtype = frame[0] >> 4;
    size_t n = addresses(type, subtype, frame[1], at);
    if (type == TYPE_CTL && subtype == CTL_WRAPPER && len > 10) {
        /* Carried Frame Control and HT Control stand between its addresses. */
        n = addresses(TYPE_CTL, frame[10] >> 4, 0, at);
        at[1] = 16;
    }
    for (size_t i = 0; i < n && at[i] + 6u <= len; i++)
        for (size_t k = 0; k < f->n; k++)
            if (memcmp(frame + at[i], f->addr[k], 6) == 0)
                return true;
    return false;
}

bool pq_filter_pass(const pq_filter *f, const uint8_t *frame, size_t len)
{
    uint8_t type = len < 2 ? 3 : frame[0] >> 2 & 3;
    uint8_t need = type == 3 ? PQ_FILTER_ALL : (uint8_t)(1 << type);
    if ((f->types & need) != need)
        return false;
    if ((f->flags & PQ_FILTER_NO_BEACONS) && type == TYPE_MGT && frame[0] >> 4 == SUBTYPE_BEACON)
        return false;
    return f->n == 0 || has_address(f, frame, len);
}
