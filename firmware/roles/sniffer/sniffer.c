#include "sniffer.h"

int pq_role_sniffer(pq_sniffer *s, const pq_board *board)
{
    int err = pq_sniffer_init(s, board);
    if (err != PQ_OK)
        return err;
    pq_radio_sink sink = {.heard = pq_sniffer_heard, .has_room = pq_sniffer_has_room, .ctx = s};
    err = pq_port_radio_start(&sink);
    bool closing = false;
    while (err == PQ_OK) {
        pq_port_event e = pq_port_wait(pq_sniffer_poll(s));
        if (e == PQ_PORT_STOP)
            return PQ_OK;
        if (e != PQ_PORT_RADIO_ENDED || !pq_sniffer_idle(s))
            continue;
        if (closing)
            return PQ_OK;
        closing = true;
        pq_sniffer_status(s); /* so that the counts close */
    }
    return err;
}
