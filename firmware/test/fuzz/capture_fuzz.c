/* Any bytes as a capture file, and the packets in it as frames: nothing is read
 * outside of the file, no packet is endless, and what comes out holds
 * together. */
#include "fuzz.h"

#include <string.h>

#include "pq_wire.h"
#include "radiotap.h"

static void check_inside(pq_span part, pq_span whole)
{
    volatile uint8_t sum = 0; /* read every byte, so that ASan sees it */
    for (size_t i = 0; i < part.len; i++)
        sum = (uint8_t)(sum + part.data[i]);
    MUST(part.len == 0 ||
         (part.data >= whole.data && part.data + part.len <= whole.data + whole.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pq_capture c;
    pq_packet p;
    int got = pq_capture_open(&c, data, size);
    if (got != PQ_OK) {
        MUST(c.error[0] != '\0');
        return 0;
    }
    size_t packets = 0;
    while ((got = pq_capture_next(&c, &p)) > 0) {
        MUST(++packets <= size);
        check_inside(p.data, (pq_span){data, size});
        pq_air_frame f;
        /* Most of the input is worth more as radiotap than as its link type. */
        if (p.time_ns % 2 == 0)
            p.from.link = PQ_DLT_IEEE802_11_RADIO;
        if (pq_air_frame_parse(&f, &p) != PQ_OK)
            continue;
        check_inside(f.part[0], p.data);
        check_inside(f.part[1], p.data);
        size_t len = f.part[0].len + f.part[1].len;
        MUST(len > 0 && (len <= f.info.air_len || f.info.air_len == UINT16_MAX));
    }
    MUST((got < 0) == (c.error[0] != '\0'));
    MUST(packets == c.packets);
    MUST(pq_capture_next(&c, &p) <= 0); /* after the end or damage comes nothing */
    return 0;
}
