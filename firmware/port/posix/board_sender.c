/* pqiot-board-sender: the sender's firmware on this computer. */
#include "sender.h"
#include "node_sim.h"

static int run(const pq_board *board, uint8_t suite)
{
    static pq_sender_role role;
    return pq_role_sender(&role, board, suite);
}

int main(int argc, char **argv)
{
    static pq_node_options o = {
        .program = "pqiot-board-sender",
        .says = "The sender's firmware as a process: fetches the gateway's key, shakes hands and\n"
                "sends messages.\n",
        .board = {.name = "simulated PineCone",
                  .firmware = PQ_NODE_VERSION,
                  .major = PQ_MAJOR,
                  .role = PQ_ROLE_SENDER},
        .suite = 1,
    };
    int status = pq_node_parse(&o, argc, argv);
    return status >= 0 ? status : pq_node_run(&o, run);
}
