/* pqiot-board-gateway: the gateway's firmware on this computer. */
#include "gateway.h"
#include "node_sim.h"

static int run(const pq_board *board, uint8_t suite)
{
    static pq_gateway_role role;
    return pq_role_gateway(&role, board, suite);
}

int main(int argc, char **argv)
{
    static pq_node_options o = {
        .program = "pqiot-board-gateway",
        .says = "The gateway's firmware as a process: serves its ML-KEM key over CoAP, and shows\n"
                "the messages that come.\n",
        .board = {.name = "simulated PineCone",
                  .firmware = PQ_NODE_VERSION,
                  .major = PQ_MAJOR,
                  .role = PQ_ROLE_GATEWAY},
        .suite = 1,
    };
    int status = pq_node_parse(&o, argc, argv);
    return status >= 0 ? status : pq_node_run(&o, run);
}
