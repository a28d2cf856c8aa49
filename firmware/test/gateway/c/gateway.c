/* The core's gateway on a UDP socket of this computer, for the tests in Go.
 *
 *   gateway SUITE SEED KID PSK POLICY
 *
 * SUITE is 512, 768 or 1024; SEED (64 bytes) and PSK (32 bytes) are hex; POLICY
 * is "required" or "offered". It says
 *
 *   port NUMBER
 *   pin HEX
 *
 * and then "message HEX" for every message it accepted. Lines that it reads:
 * "advance MS" lets time pass, "restart" boots anew; both are answered with
 * "done". It ends with its standard input. */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pq_gateway.h"
#include "../../unit/program.h"

static uint64_t ahead; /* µs */

uint64_t pq_port_time_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000 + ahead;
}

int pq_port_random(uint8_t *out, size_t n)
{
    if (getrandom(out, n, 0) == (ssize_t)n)
        return PQ_OK;
    memset(out, 0, n);
    return PQ_ERR_RANDOM;
}

static void heard(void *ctx, const pq_event *e)
{
    (void)ctx;
    if (e->kind == PQ_EVENT_MESSAGE)
        say_hex("message", e->text.data, e->text.len);
}

static pq_gateway gateway;
static pq_gateway_config config = {.event = heard};

static void boot(void)
{
    if (pq_gateway_init(&gateway, &config) < 0)
        die("cannot boot");
}

static void command(char *line)
{
    uint64_t ms;
    if (sscanf(line, "advance %" SCNu64, &ms) == 1)
        ahead += ms * 1000;
    else if (strcmp(line, "restart\n") == 0)
        boot();
    else
        die("unknown command");
    puts("done");
}

static void serve(int fd)
{
    /* As much as UDP has, so that what is too long arrives whole. */
    static uint8_t in[65536], out[PQ_GATEWAY_ANSWER_MAX];
    struct sockaddr_in a;
    socklen_t a_len = sizeof a;
    ssize_t n = recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&a, &a_len);
    if (n < 0)
        return; /* an ICMP error of an answer sent earlier may come up here */
    pq_endpoint from = {.addr_len = 4, .port = ntohs(a.sin_port)};
    memcpy(from.addr, &a.sin_addr, 4);
    size_t len = pq_gateway_receive(&gateway, &from, in, (size_t)n, out);
    if (len > 0)
        (void)!sendto(fd, out, len, 0, (struct sockaddr *)&a, a_len);
}

static int listen_udp(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    int room = 4 << 20;
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &n) < 0)
        die("no socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    printf("port %d\n", ntohs(a.sin_port));
    return fd;
}

int main(int argc, char **argv)
{
    static uint8_t ek[PQ_KEM_MAX_EK_BYTES], dk[PQ_KEM_MAX_DK_BYTES], seed[PQ_KEM_SEED_BYTES];
    static pq_psk psk;
    char line[64];
    if (argc != 6 || strlen(argv[3]) > PQ_MAX_KID)
        die("see the top of its source");
    setvbuf(stdout, NULL, _IOLBF, 0);
    config.params = strcmp(argv[1], "512") == 0   ? &pq_kem_512
                    : strcmp(argv[1], "768") == 0 ? &pq_kem_768
                                                  : &pq_kem_1024;
    unhex(seed, sizeof seed, argv[2]);
    pq_kem_keypair_derand(config.params, ek, dk, seed);
    psk.kid_len = (uint8_t)strlen(argv[3]);
    memcpy(psk.kid, argv[3], psk.kid_len);
    unhex(psk.key, sizeof psk.key, argv[4]);
    config.dk = dk;
    config.psks = &psk;
    config.psk_count = 1;
    config.require_psk = strcmp(argv[5], "required") == 0;
    boot();
    int fd = listen_udp();
    say_hex("pin", pq_gateway_pin(&gateway), 32);
    for (struct pollfd p[] = {{fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};;) {
        poll(p, 2, -1);
        if (p[0].revents != 0)
            serve(fd);
        if (p[1].revents != 0) {
            ssize_t n =
                read(STDIN_FILENO, line, sizeof line - 1); /* the test waits for each answer */
            if (n <= 0)
                return 0;
            line[n] = 0;
            command(line);
        }
    }
}
