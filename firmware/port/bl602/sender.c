/* The sender's image. */
#include "glue.h"

#include "sender.h"

const char pq_board_name[] = "PineCone";
const uint8_t pq_board_role = PQ_ROLE_SENDER;

static pq_sender_role role;

void pq_role_main(pq_board *board)
{
    board->firmware = PQ_NODE_VERSION;
    pq_role_sender(&role, board, 1); /* ML-KEM-512 */
}
