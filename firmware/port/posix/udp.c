#define _GNU_SOURCE
#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "options.h"

static int fd = -1;

typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} address;

bool pq_udp_address(pq_endpoint *out, const char *text)
{
    memset(out, 0, sizeof *out);
    out->addr_len = 4;
    if (inet_pton(AF_INET, text, out->addr) == 1)
        return true;
    out->addr_len = 16;
    return inet_pton(AF_INET6, text, out->addr) == 1;
}

/* Returns its length. */
static socklen_t to_socket(address *a, const pq_endpoint *e)
{
    memset(a, 0, sizeof *a);
    if (e->addr_len == 4) {
        a->v4.sin_family = AF_INET;
        a->v4.sin_port = htons(e->port);
        memcpy(&a->v4.sin_addr, e->addr, 4);
        return sizeof a->v4;
    }
    a->v6.sin6_family = AF_INET6;
    a->v6.sin6_port = htons(e->port);
    memcpy(&a->v6.sin6_addr, e->addr, 16);
    return sizeof a->v6;
}

static void from_socket(pq_endpoint *e, const address *a)
{
    memset(e, 0, sizeof *e);
    bool v4 = a->any.sa_family == AF_INET;
    e->addr_len = v4 ? 4 : 16;
    e->port = ntohs(v4 ? a->v4.sin_port : a->v6.sin6_port);
    memcpy(e->addr, v4 ? (const void *)&a->v4.sin_addr : (const void *)&a->v6.sin6_addr,
           e->addr_len);
}

int pq_udp_open(const pq_endpoint *local, uint16_t port)
{
    address a;
    pq_endpoint bound = *local;
    bound.port = port;
    socklen_t len = to_socket(&a, &bound);
    pq_udp_close();
    fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, &a.any, len) == 0)
        return PQ_OK;
    pq_sim_say("UDP port %u: %s", port, strerror(errno));
    pq_udp_close();
    return PQ_ERR_NET;
}

void pq_udp_close(void)
{
    if (fd >= 0)
        close(fd);
    fd = -1;
}

int pq_udp_fd(void)
{
    return fd;
}

int pq_udp_send(const pq_endpoint *to, const uint8_t *p, size_t n)
{
    address a;
    socklen_t len = to_socket(&a, to);
    return sendto(fd, p, n, 0, &a.any, len) == (ssize_t)n ? PQ_OK : PQ_ERR_NET;
}

int pq_udp_receive(pq_endpoint *from, uint8_t *p, size_t max)
{
    address a = {0};
    ssize_t n;
    do {
        socklen_t len = sizeof a;
        n = recvfrom(fd, p, max, MSG_TRUNC, &a.any, &len);
    } while (n < 0 && errno != EAGAIN && errno != EBADF); /* ICMP's errors of earlier sends */
    memset(from, 0, sizeof *from);
    if (n < 0)
        return PQ_ERR_BUSY;
    from_socket(from, &a);
    return (size_t)n > max ? PQ_ERR_LENGTH : (int)n;
}
