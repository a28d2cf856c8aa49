/* The radio in monitor mode.
 *
 * Frames come two ways. Most the SDK's library hands to tcpip_stack_input, which
 * calls our callback with the frame as a chain of buffers; the linker puts
 * __wrap_tcpip_stack_input around it, as the receive vector is known only there.
 * Some management frames the library keeps to itself; those are taken one step
 * before, from rxu_cntrl_frame_handle (see pq_phy_withheld). Both run in the Wi-Fi
 * task, which has a stack of 4 KB and only seven buffers: copy and return. */
#include "glue.h"

#include <string.h>

#include "lwip/pbuf.h"

#include "bl_rx.h"
#include "utils_tlv_bl.h"
#include "wifi_mgmr_ext.h"

#include "phy.h"
#include "pq_wire.h"

struct wifi_pkt;
int __real_tcpip_stack_input(void *swdesc, uint8_t status, void *hwhdr, unsigned int msdu_offset,
                             struct wifi_pkt *pkt, uint8_t extra_status);
int __wrap_tcpip_stack_input(void *swdesc, uint8_t status, void *hwhdr, unsigned int msdu_offset,
                             struct wifi_pkt *pkt, uint8_t extra_status);
int __real_rxu_cntrl_frame_handle(uint8_t *swdesc);
int __wrap_rxu_cntrl_frame_handle(uint8_t *swdesc);

static pq_radio_sink sink;
static uint8_t channel;
static pq_phy_clock rx_clock;
static const struct hw_rxhdr *current; /* of the frame that the callback is called for */

/* The library's descriptors, as far as we need them: pinned down here, because no
 * header of the SDK shows them. */
enum {
    SW_HEADER = 4,   /* rx_swdesc: pointer to the DMA header */
    DMA_PAYLOAD = 8, /* DMA header: pointer to the first piece */
    DMA_VECTOR = 28, /* and the receive vector */
    PIECE_NEXT = 4,  /* piece: pointer to the next */
    PIECE_DATA = 8,  /* and to its bytes */
};
_Static_assert(sizeof(struct hw_vect) == 40, "the receive vector is another");
_Static_assert(offsetof(struct hw_rxhdr, payl_offset) == 84 - DMA_VECTOR, "so is its header");

static uint8_t *pointer_at(const uint8_t *p)
{
    uint8_t *out;
    memcpy(&out, p, sizeof out);
    return out;
}

static void deliver(const struct hw_rxhdr *h, const pq_span *parts, size_t n, size_t len)
{
    const struct hw_vect *v = &h->hwvect;
    pq_phy_vector phy = {
        .tsf = (uint64_t)v->tsf_hi << 32 | v->tsf_lo,
        .freq = (uint16_t)h->phy_prim20_freq,
        .rssi = (int8_t)v->rssi1,
        .format = (uint8_t)v->format_mod,
        .leg_rate = (uint8_t)v->leg_rate,
        .mcs = (uint8_t)v->mcs,
        .short_gi = v->short_gi,
        .wide = v->ch_bw != 0,
        .long_preamble = v->pre_type,
        .aggregation = v->aggregation,
    };
    pq_radio_info info;
    pq_phy_info(&info, &phy, channel);
    info.time_us = pq_phy_time(&rx_clock, phy.tsf, pq_port_time_us());
    pq_phy_length(&info, parts, n, len);
    if (sink.heard(sink.ctx, &info, parts, n) == 1)
        pq_wake();
}

static void on_frame(void *env, void *wrapped, bl_rx_info_t *brief)
{
    (void)env;
    (void)brief; /* less than the vector says */
    if (current == NULL || wrapped == NULL)
        return;
    const struct pbuf *p = wrapped;
    size_t n = 0, len = p->tot_len;
    pq_span parts[PQ_PHY_PIECES];
    for (; p != NULL && n < PQ_PHY_PIECES; p = p->next)
        parts[n++] = (pq_span){.data = p->payload, .len = p->len};
    deliver(current, parts, n, len);
}

int __wrap_tcpip_stack_input(void *swdesc, uint8_t status, void *hwhdr, unsigned int msdu_offset,
                             struct wifi_pkt *pkt, uint8_t extra_status)
{
    current = hwhdr;
    int r = __real_tcpip_stack_input(swdesc, status, hwhdr, msdu_offset, pkt, extra_status);
    current = NULL;
    return r;
}

/* A frame that the library has not looked at yet. */
static void on_raw(const struct hw_rxhdr *h, const uint8_t *piece)
{
    pq_span parts[PQ_PHY_PIECES];
    size_t n = 0, len = h->hwvect.len;
    while (piece != NULL && n < PQ_PHY_PIECES && n * PQ_PHY_PIECE_SIZE < len) {
        parts[n++].data = pointer_at(piece + PIECE_DATA);
        piece = pointer_at(piece + PIECE_NEXT); /* after the last, another frame's */
    }
    deliver(h, parts, pq_phy_fill(parts, n, len), len);
}

int __wrap_rxu_cntrl_frame_handle(uint8_t *swdesc)
{
    const uint8_t *dma = pointer_at(swdesc + SW_HEADER);
    const struct hw_rxhdr *h = (const void *)(dma + DMA_VECTOR); /* aligned by the library */
    if (sink.heard != NULL && h->hwvect.frm_successful_rx && h->hwvect.len >= 2) {
        const uint8_t *piece = pointer_at(dma + DMA_PAYLOAD);
        if (piece != NULL && pq_phy_withheld(pq_load16(pointer_at(piece + PIECE_DATA)))) {
            on_raw(h, piece);
            return 0; /* not kept: the caller frees it */
        }
    }
    return __real_rxu_cntrl_frame_handle(swdesc);
}

int pq_port_radio_start(const pq_radio_sink *to)
{
    sink = *to;
    static uint32_t one = 1; /* read later, in another task */
    wifi_mgmr_sniffer_register_adv(NULL, on_frame);
    /* Beacons, probes, authentication and association too. */
    wifi_mgmr_cfg_req(CFG_ELEMENT_TYPE_OPS_SET, TASK_MM, 3, CFG_ELEMENT_TYPE_UINT32, sizeof one,
                      &one);
    if (wifi_mgmr_sniffer_enable() != 0)
        return PQ_ERR_BUSY;
    /* Enabling sets channel 6 when the manager comes to it, so ours goes after it
     * into the same queue. */
    return pq_port_radio_channel(channel != 0 ? channel : 6);
}

int pq_port_radio_channel(uint8_t to)
{
    if (to < PQ_CHANNEL_MIN || to > PQ_CHANNEL_MAX)
        return PQ_ERR_UNSUPPORTED;
    channel = to;
    if (sink.heard == NULL)
        return PQ_OK; /* pq_port_radio_start will tune */
    return wifi_mgmr_channel_set(to, 0) == 0 ? PQ_OK : PQ_ERR_BUSY;
}

uint32_t pq_port_radio_dropped(void)
{
    return 0; /* the library drops in silence */
}
