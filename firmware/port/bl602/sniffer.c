/* The sniffer's image. */
#include "glue.h"

#include "pq_wire.h"
#include "sniffer.h"

#define RING_SIZE 16384u /* bytes: 80 ms of a full line */

const char pq_board_name[] = "PineCone";
const uint8_t pq_board_role = PQ_ROLE_SNIFFER;

static pq_sniffer sniffer;
static uint8_t ring[RING_SIZE];

void pq_net_up(bool up)
{
    (void)up; /* a sniffer joins no network */
}

void pq_role_main(pq_board *board)
{
    board->firmware = PQ_ROLE_VERSION;
    board->caps = PQ_CAP_CHANNEL | PQ_CAP_HOP | PQ_CAP_SNAP_LEN | PQ_CAP_FILTER | PQ_CAP_BAUD |
                  PQ_CAP_TIME_ECHO;
    board->ring = ring;
    board->ring_size = sizeof ring;
    pq_role_sniffer(&sniffer, board);
}
