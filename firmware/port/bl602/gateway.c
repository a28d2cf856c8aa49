/* The gateway's image. */
#include "glue.h"

#include "gateway.h"

const char pq_board_name[] = "PineCone";
const uint8_t pq_board_role = PQ_ROLE_GATEWAY;

static pq_gateway_role role;

void pq_role_main(pq_board *board)
{
    board->firmware = PQ_NODE_VERSION;
    pq_role_gateway(&role, board, 1); /* ML-KEM-512 */
}
