#include "phy.h"

#include "pq_wire.h"

enum { FORMAT_DUPLICATE = 1, FORMAT_HT_MIXED = 2, FORMAT_HT_GREENFIELD = 3 };

/* 500 kb/s, by leg_rate; 0 = no such rate. */
static const uint8_t rates[16] = {
    2, 4, 11, 22, 0, 0, 0, 0, 96, 48, 24, 12, 108, 72, 36, 18,
};

static void legacy(pq_radio_info *info, const pq_phy_vector *v)
{
    uint8_t rate = v->leg_rate < sizeof rates ? rates[v->leg_rate] : 0;
    bool dsss = v->leg_rate < 4;
    if (rate == 0 || (dsss && v->format == FORMAT_DUPLICATE))
        return;
    info->rate = rate;
    info->phy = dsss ? PQ_PHY_DSSS : PQ_PHY_OFDM;
    if (dsss && !v->long_preamble)
        info->flags |= PQ_FRAME_SHORT_PREAMBLE;
}

static void ht(pq_radio_info *info, const pq_phy_vector *v)
{
    if (v->mcs > 76) /* IEEE 802.11-2020 §19.5 */
        return;
    info->phy = v->format == FORMAT_HT_MIXED ? PQ_PHY_HT_MIXED : PQ_PHY_HT_GREENFIELD;
    info->rate = v->mcs;
    if (v->short_gi)
        info->flags |= PQ_FRAME_SHORT_GI;
    if (v->aggregation)
        info->flags |= PQ_FRAME_AMPDU;
}

void pq_phy_info(pq_radio_info *info, const pq_phy_vector *v, uint8_t channel)
{
    info->phy = PQ_PHY_UNKNOWN;
    info->rate = 0;
    info->flags = v->wide ? PQ_FRAME_40_MHZ : 0;
    info->rssi = v->rssi < 0 ? v->rssi : PQ_RSSI_UNKNOWN;
    info->freq = v->freq;
    if (v->freq == 0)
        info->freq = (uint16_t)(channel == 14 ? 2484 : 2407 + 5 * channel);
    if (v->format <= FORMAT_DUPLICATE)
        legacy(info, v);
    else if (v->format <= FORMAT_HT_GREENFIELD)
        ht(info, v);
}

size_t pq_phy_fill(pq_span *parts, size_t n, size_t len)
{
    size_t used = 0;
    for (; used < n && len > 0; used++) {
        parts[used].len = len < PQ_PHY_PIECE_SIZE ? len : PQ_PHY_PIECE_SIZE;
        len -= parts[used].len;
    }
    return used;
}

void pq_phy_length(pq_radio_info *info, const pq_span *parts, size_t n, size_t air_len)
{
    size_t got = 0;
    for (size_t i = 0; i < n; i++)
        got += parts[i].len;
    info->air_len = air_len < UINT16_MAX ? (uint16_t)air_len : UINT16_MAX;
    if (got < air_len)
        info->flags |= PQ_FRAME_CUT;
}

uint64_t pq_phy_time(pq_phy_clock *c, uint64_t tsf, uint64_t now)
{
    bool moves = tsf > c->tsf;
    c->tsf = tsf;
    if (!moves) {
        c->running = false;
        return now;
    }
    uint64_t offset = now - tsf; /* modulo 2^64, as is the sum below */
    uint64_t late = offset - c->offset;
    if (!c->running || late > PQ_PHY_CLOCK_LATE_US) {
        c->running = true;
        c->offset = offset;
    }
    return tsf + c->offset;
}

bool pq_phy_withheld(uint16_t fc)
{
    enum { TYPE = 0x0c, MGT = 0, PROTECTED = 0x4000 };
    enum { DISASSOC = 10, DEAUTH = 12, ACTION = 13, ACTION_NO_ACK = 14 };
    if ((fc & TYPE) != MGT)
        return false;
    unsigned subtype = (fc >> 4) & 15;
    return (fc & PROTECTED) != 0 || subtype == DISASSOC || subtype == DEAUTH || subtype == ACTION ||
           subtype == ACTION_NO_ACK;
}
