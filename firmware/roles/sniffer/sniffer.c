#include "sniffer.h"

int pq_role_sniffer(pq_sniffer *s, const pq_board *board)
{
    int err = pq_sniffer_init(s, board);
    if (err != PQ_OK)
        return err;
    pq_radio_sink sink = {.heard = pq_sniffer_heard, .has_room = pq_sniffer_has_room, .ctx = s};
    err = pq_port_radio_start(&sink);
    if (err != PQ_OK)
        return err;
    pq_port_event event = PQ_PORT_GO_ON;
    bool closing = false;
    while (event != PQ_PORT_STOP) {
        uint32_t us = pq_sniffer_poll(s);
        if (event == PQ_PORT_RADIO_ENDED && pq_sniffer_idle(s)) {
            if (closing)
                break;
            closing = true;
            pq_sniffer_status(s); /* so that the counts close */
            us = 0;
        }
        event = pq_port_wait(us);
    }
    return PQ_OK;
}
