/* One UDP socket of this computer as a board's network. */
#ifndef PQ_UDP_H
#define PQ_UDP_H

#include "pq_port.h"

/* Takes an address, IPv4 or IPv6, and never a name. False: it is none. */
bool pq_udp_address(pq_endpoint *out, const char *text);

/* Binds to the address of *local and this port; an older socket of this process is
 * closed first. PQ_ERR_NET: told on stderr why not. */
int pq_udp_open(const pq_endpoint *local, uint16_t port);
void pq_udp_close(void);

/* To poll for; -1 while closed. */
int pq_udp_fd(void);

/* As pq_port_udp_send and pq_port_udp_receive. */
int pq_udp_send(const pq_endpoint *to, const uint8_t *p, size_t n);
int pq_udp_receive(pq_endpoint *from, uint8_t *p, size_t max);

#endif
