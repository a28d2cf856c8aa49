#include "radiotap.h"

#include "pq_wire.h"

/* Fields by their bit in it_present; those after MCS are not read. */
enum {
    FIELD_TSFT = 0,
    FIELD_FLAGS = 1,
    FIELD_RATE = 2,
    FIELD_CHANNEL = 3,
    FIELD_SIGNAL = 5,
    FIELD_MCS = 19,
    FIELD_AMPDU = 20,
    FIELD_VHT = 21,
    FIELD_HE = 23,
    FIELD_EXT = 31,
};

enum {
    FLAG_SHORT_PREAMBLE = 0x02,
    FLAG_FCS = 0x10,
    FLAG_DATA_PAD = 0x20,
    FLAG_BAD_FCS = 0x40,
    FLAG_SHORT_GI = 0x80,
    CHANNEL_CCK = 0x0020,
    CHANNEL_OFDM = 0x0040,
    MCS_KNOWN_BANDWIDTH = 0x01,
    MCS_KNOWN_GI = 0x04,
    MCS_KNOWN_FORMAT = 0x08,
    MCS_BANDWIDTH = 0x03, /* 1 = 40 MHz */
    MCS_SHORT_GI = 0x04,
    MCS_GREENFIELD = 0x08,
};

/* Alignment and size of the fields 0 … 20. */
static const uint8_t field_align[] = {8, 1, 1, 2, 1, 1, 1, 2, 2, 2, 1,
                                      1, 1, 1, 2, 2, 1, 1, 4, 1, 4};
static const uint8_t field_size[] = {8, 1, 1, 4, 2, 1, 1, 2, 2, 2, 1, 1, 1, 1, 2, 2, 1, 1, 8, 3, 8};

/* What the fields said, before they are weighed against each other. */
typedef struct {
    uint32_t present;
    uint8_t flags, rate;
    uint16_t channel_flags;
    const uint8_t *mcs;
} fields;

static void take(pq_air_frame *f, fields *got, unsigned bit, const uint8_t *p)
{
    switch (bit) {
    case FIELD_TSFT:
        f->info.time_us = pq_load64(p);
        f->info.flags |= PQ_FRAME_TSF;
        break;
    case FIELD_FLAGS:
        got->flags = p[0];
        break;
    case FIELD_RATE:
        got->rate = p[0];
        break;
    case FIELD_CHANNEL:
        f->info.freq = pq_load16(p);
        got->channel_flags = pq_load16(p + 2);
        break;
    case FIELD_SIGNAL:
        f->info.rssi = (int8_t)p[0];
        break;
    case FIELD_MCS:
        got->mcs = p;
        break;
    case FIELD_AMPDU:
        f->info.flags |= PQ_FRAME_AMPDU;
        break;
    default:
        break;
    }
}

static bool is_dsss(uint8_t rate)
{
    return rate == 2 || rate == 4 || rate == 11 || rate == 22;
}

static void set_phy(pq_air_frame *f, const fields *got)
{
    if (got->flags & FLAG_SHORT_PREAMBLE)
        f->info.flags |= PQ_FRAME_SHORT_PREAMBLE;
    if (got->flags & FLAG_SHORT_GI)
        f->info.flags |= PQ_FRAME_SHORT_GI;
    if (got->mcs != NULL) {
        uint8_t known = got->mcs[0], flags = got->mcs[1];
        bool greenfield = (known & MCS_KNOWN_FORMAT) && (flags & MCS_GREENFIELD);
        f->info.phy = greenfield ? PQ_PHY_HT_GREENFIELD : PQ_PHY_HT_MIXED;
        f->info.rate = got->mcs[2];
        if ((known & MCS_KNOWN_GI) && (flags & MCS_SHORT_GI))
            f->info.flags |= PQ_FRAME_SHORT_GI;
        if ((known & MCS_KNOWN_BANDWIDTH) && (flags & MCS_BANDWIDTH) == 1)
            f->info.flags |= PQ_FRAME_40_MHZ;
        return;
    }
    if (got->present & (1u << FIELD_VHT | 1u << FIELD_HE))
        return; /* stays unknown: no such rate in a frame record */
    f->info.rate = got->rate;
    if (got->rate != 0)
        f->info.phy = is_dsss(got->rate) ? PQ_PHY_DSSS : PQ_PHY_OFDM;
    else if (got->channel_flags & CHANNEL_CCK)
        f->info.phy = PQ_PHY_DSSS;
    else if (got->channel_flags & CHANNEL_OFDM)
        f->info.phy = PQ_PHY_OFDM;
}

/* Reads the header; returns its length or an error. */
static int radiotap(pq_air_frame *f, fields *got, pq_span d)
{
    if (d.len < 8)
        return PQ_ERR_SHORT;
    if (d.data[0] != 0)
        return PQ_ERR_VERSION;
    size_t len = pq_load16(d.data + 2), at = 4;
    if (len < 8 || len > d.len)
        return PQ_ERR_SHORT;
    got->present = pq_load32(d.data + 4);
    uint32_t word;
    do { /* words of further antennas or vendors; their fields come after ours */
        if (at + 4 > len)
            return PQ_ERR_SHORT;
        word = pq_load32(d.data + at);
        at += 4;
    } while (word >> FIELD_EXT);
    for (unsigned bit = 0; bit < sizeof field_size; bit++) {
        if (!(got->present >> bit & 1))
            continue;
        at = (at + field_align[bit] - 1) & ~(size_t)(field_align[bit] - 1);
        if (at + field_size[bit] > len)
            return PQ_ERR_SHORT;
        take(f, got, bit, d.data + at);
        at += field_size[bit];
    }
    return (int)len;
}

/* Bytes of the MAC header of a data frame, IEEE 802.11-2020 §9.3.2.1; 0 for
 * other types, which are never padded. */
static size_t data_header(pq_span d)
{
    if (d.len < 2 || (d.data[0] & 0x0C) != 0x08)
        return 0;
    size_t n = (d.data[1] & 3) == 3 ? 30 : 24;
    if (d.data[0] & 0x80) /* QoS */
        n += d.data[1] & 0x80 ? 6 : 2;
    return n;
}

int pq_air_frame_parse(pq_air_frame *f, const pq_packet *p)
{
    *f = (pq_air_frame){.info = {.rssi = PQ_RSSI_UNKNOWN, .phy = PQ_PHY_UNKNOWN}};
    fields got = {0};
    int head = 0;
    if (p->from.link == PQ_DLT_IEEE802_11_RADIO)
        head = radiotap(f, &got, p->data);
    else if (p->from.link != PQ_DLT_IEEE802_11)
        head = PQ_ERR_UNSUPPORTED;
    if (head < 0)
        return head;
    set_phy(f, &got);
    f->bad_fcs = got.flags & FLAG_BAD_FCS;

    /* The FCS ends the frame on air, which the capture may have cut. */
    size_t fcs = got.flags & FLAG_FCS ? 4 : p->from.fcs;
    size_t air = (p->air_len > p->data.len ? p->air_len : p->data.len) - (size_t)head;
    if (air <= fcs || p->data.len <= (size_t)head)
        return PQ_ERR_SHORT;
    air -= fcs;
    pq_span d = {p->data.data + head, p->data.len - (size_t)head};
    if (d.len > air)
        d.len = air;

    size_t mac = data_header(d), pad = got.flags & FLAG_DATA_PAD ? -mac & 3 : 0;
    if (pad == 0 || d.len < mac + pad)
        mac = d.len, pad = 0;
    f->part[0] = (pq_span){d.data, mac};
    f->part[1] = (pq_span){d.data + mac + pad, d.len - mac - pad};
    air -= pad;
    f->info.air_len = (uint16_t)(air < UINT16_MAX ? air : UINT16_MAX);
    if (d.len - pad < air)
        f->info.flags |= PQ_FRAME_CUT;
    return PQ_OK;
}
