/* The gateway as a program: a port's main calls this once the board is up.
 *
 * RAM on RV32: 13.4 KB built for ML-KEM-512 alone, 16.0 KB for all three sets. */
#ifndef PQ_ROLE_GATEWAY_H
#define PQ_ROLE_GATEWAY_H

#include "pq_gateway.h"

#include "node.h"

typedef struct {
    pq_node node;
    pq_gateway gateway;
    bool has_key, running;
    uint8_t pin[32];
    uint8_t dk[PQ_KEM_MAX_DK_BYTES];
    union {
        uint8_t ek[PQ_KEM_MAX_EK_BYTES]; /* only while the key pair is expanded */
        uint8_t datagram[PQ_GATEWAY_DATAGRAM_MAX];
    } in;
    uint8_t answer[PQ_GATEWAY_ANSWER_MAX];
} pq_gateway_role;

/* Runs until the port says stop; *r is then wiped. On the first start it makes the
 * long-term key and keeps its seed; where the key store is damaged it makes none,
 * says so, and serves nobody until the user resets it. PQ_ERR_ARG: the suite (1–3)
 * was not built in. */
int pq_role_gateway(pq_gateway_role *r, const pq_board *board, uint8_t suite);

#endif
