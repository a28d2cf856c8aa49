/* The core's sender on a UDP socket of this computer, for the tests in Go.
 *
 *   process SUITE PORT PIN KID PSK SPEED TIMEOUT
 *
 * SUITE is 512, 768 or 1024; PORT the gateway's on 127.0.0.1; PIN 32 bytes of hex, or
 * "-" for trust on first use; KID and PSK (32 bytes of hex) both "-" for none. Its time
 * runs SPEED times as fast as ours; TIMEOUT is for one message, in its seconds.
 *
 * Every line of its standard input is a message. It says, as it happens,
 *
 *   session SID / pinned PIN / message SEQ ANSWER / failed WHY / refused WHAT
 *
 * and ends when its input has ended and every message has. */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pq_sender.h"
#include "../../unit/program.h"

static uint64_t speed = 1;
static int fd;
static pq_sender sender;
static char lines[4096]; /* read from standard input, not yet sent */
static size_t lines_len;

uint64_t pq_port_time_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return ((uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000) * speed;
}

int pq_port_random(uint8_t *out, size_t n)
{
    if (getrandom(out, n, 0) == (ssize_t)n)
        return PQ_OK;
    memset(out, 0, n);
    return PQ_ERR_RANDOM;
}

static struct sockaddr_in gateway_address(const pq_endpoint *e)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(e->port)};
    memcpy(&a.sin_addr, e->addr, 4);
    return a;
}

int pq_port_udp_send(const pq_endpoint *to, const uint8_t *p, size_t n)
{
    struct sockaddr_in a = gateway_address(to);
    return sendto(fd, p, n, 0, (struct sockaddr *)&a, sizeof a) < 0 ? PQ_ERR_NET : PQ_OK;
}

static void told(void *ctx, const pq_event *e)
{
    (void)ctx;
    switch (e->kind) {
    case PQ_EVENT_SESSION:
        say_hex("session", e->sid, sizeof e->sid);
        break;
    case PQ_EVENT_PINNED:
        say_hex("pinned", e->text.data, e->text.len);
        break;
    case PQ_EVENT_MESSAGE:
        printf("message %" PRIu64 " %.*s\n", e->seq, (int)e->text.len, (const char *)e->text.data);
        break;
    case PQ_EVENT_FAILED:
        printf("failed %s\n", e->name);
        break;
    case PQ_EVENT_REFUSED:
        printf("refused %s\n", e->name);
        break;
    default:
        break;
    }
}

/* Queues the lines that are whole, as far as there is room. */
static void queue_lines(void)
{
    for (;;) {
        char *end = memchr(lines, '\n', lines_len);
        if (end == NULL)
            return;
        size_t n = (size_t)(end - lines);
        int err = pq_sender_send(&sender, (pq_span){(const uint8_t *)lines, n});
        if (err == PQ_ERR_FULL)
            return;
        if (err != PQ_OK)
            die("a line is too long");
        lines_len -= n + 1;
        memmove(lines, end + 1, lines_len);
    }
}

static void receive(void)
{
    static uint8_t in[65536];
    struct sockaddr_in a;
    socklen_t a_len = sizeof a;
    ssize_t n = recvfrom(fd, in, sizeof in, MSG_DONTWAIT, (struct sockaddr *)&a, &a_len);
    if (n < 0)
        return; /* an ICMP error of something sent earlier may come up here */
    pq_endpoint from = {.addr_len = 4, .port = ntohs(a.sin_port)};
    memcpy(from.addr, &a.sin_addr, 4);
    pq_sender_receive(&sender, &from, in, (size_t)n);
}

static void run(void)
{
    for (bool ended = false;;) {
        queue_lines();
        uint32_t wait = pq_sender_poll(&sender);
        if (wait == PQ_SENDER_IDLE && lines_len == 0 && ended)
            return;
        bool reads = !ended && lines_len < sizeof lines;
        struct pollfd p[] = {{fd, POLLIN, 0}, {reads ? STDIN_FILENO : -1, POLLIN, 0}};
        uint64_t ms = (wait / speed + 999) / 1000;
        if (lines_len > 0 && memchr(lines, '\n', lines_len) != NULL && wait == PQ_SENDER_IDLE)
            ms = 0;
        poll(p, 2, ms > 1000 ? 1000 : (int)ms);
        if (p[0].revents != 0)
            receive();
        if (p[1].revents != 0) {
            ssize_t n = read(STDIN_FILENO, lines + lines_len, sizeof lines - lines_len);
            ended = n <= 0;
            lines_len += n > 0 ? (size_t)n : 0;
        }
    }
}

int main(int argc, char **argv)
{
    static pq_psk psk;
    pq_sender_config c = {.gateway = {{127, 0, 0, 1}, 4, 0}, .event = told};
    if (argc != 8 || strlen(argv[4]) > PQ_MAX_KID)
        die("see the top of its source");
    setvbuf(stdout, NULL, _IOLBF, 0);
    c.params = strcmp(argv[1], "512") == 0   ? &pq_kem_512
               : strcmp(argv[1], "768") == 0 ? &pq_kem_768
                                             : &pq_kem_1024;
    c.gateway.port = (uint16_t)atoi(argv[2]);
    c.trust_on_first_use = strcmp(argv[3], "-") == 0;
    if (!c.trust_on_first_use)
        unhex(c.pin, sizeof c.pin, argv[3]);
    if (strcmp(argv[4], "-") != 0) {
        psk.kid_len = (uint8_t)strlen(argv[4]);
        memcpy(psk.kid, argv[4], psk.kid_len);
        unhex(psk.key, sizeof psk.key, argv[5]);
        c.psk = &psk;
    }
    speed = strtoull(argv[6], NULL, 10);
    c.timeout_s = (uint32_t)strtoul(argv[7], NULL, 10);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || speed == 0 || pq_sender_init(&sender, &c) != PQ_OK)
        die("cannot start");
    run();
    return 0;
}
