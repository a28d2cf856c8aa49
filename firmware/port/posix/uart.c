/* The simulated UART: a pseudo-terminal or stdin and stdout, with a byte rate
 * that really holds bytes back, so that overload is real.
 *
 * While no host has the pseudo-terminal open, bytes leave into the void, as
 * they do from a real board; only with a radio that waits (--speed max) are
 * they kept, as nothing may be lost then. */
#define _GNU_SOURCE
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pty.h"

#define TX_SIZE     4064u    /* bytes; what one DMA node of the BL602 takes */
#define BURST_US    20000u   /* the rate holds over this time */
#define DETACHED_US 20000u   /* how often to look for a host */
#define CLOSE_US    2000000u /* the host may stop reading this long before we leave */
#define QUIET_US    200000u  /* nothing left to take for this long: the host has it all */
#define BYTE_CREDIT 1000000u /* credit is in byte·µs */
#define BAUD_MIN    300u
#define BAUD_MAX    2000000u /* the CH340N's ceiling */

/* As a boot ROM would: text, half a sync, and a sync that starts no record. */
static const char rom_text[] = "\r\nROM boot\r\nload \xC5\x7A\x01\x01 xip\r\n\xFF\xC5\xC5\x7A";

static struct {
    pq_sim_options o;
    int in, out;    /* the same for a pseudo-terminal */
    int wake[2];    /* pipe */
    char name[128]; /* of the pseudo-terminal's slave */
    bool attached;  /* a host is there */
    bool reading;   /* the core has asked for bytes since the last wait */
    bool spoken;    /* the host has sent something */
    bool eof;       /* stdin is over */
    bool refused;   /* the core had more than fitted */
    uint32_t baud;
    uint64_t credit;   /* what may leave now, byte·µs */
    uint64_t credited; /* until when credit was given, µs */
    uint8_t tx[TX_SIZE];
    size_t tx_len;
    pq_sim_uart_counts count;
} u;

static struct timespec boot;
static atomic_bool stop, woken;

uint64_t pq_port_time_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = (int64_t)(t.tv_sec - boot.tv_sec) * 1000000000 + (t.tv_nsec - boot.tv_nsec);
    return (uint64_t)ns / 1000;
}

uint32_t pq_port_free_heap(void)
{
    return 0; /* not known: a process has no such bound */
}

/* --- Who listens */

/* Whether the host listens at another rate than we send. A rate that is not
 * common is taken to be right. */
static bool garbled(void)
{
    uint32_t host = u.o.strict_baud && !u.o.stdio ? pq_pty_baud(u.in) : 0;
    return host != 0 && host != u.baud;
}

/* What a line does to bytes that are sampled at another rate. */
static void garble(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(p[i] * 0x35 ^ 0xE6);
}

static void detach(void)
{
    u.attached = false;
    pq_pty_forget(u.name);
    if (u.o.verbose)
        pq_sim_say("the host closed the port");
}

static void look_for_host(void)
{
    u.attached = pq_pty_attached(u.in);
    if (u.attached && u.o.verbose)
        pq_sim_say("a host opened the port");
}

/* --- Bytes out */

static uint64_t rate(void)
{
    return u.o.fixed_rate ? u.o.uart_rate : u.baud / 10;
}

/* Bytes that the rate lets leave now. */
static size_t budget(void)
{
    if (rate() == 0)
        return TX_SIZE;
    uint64_t now = pq_port_time_us(), most = rate() * BURST_US;
    if (most < BYTE_CREDIT)
        most = BYTE_CREDIT;
    u.credit += (now - u.credited) * rate();
    u.credited = now;
    if (u.credit > most)
        u.credit = most;
    return (size_t)(u.credit / BYTE_CREDIT);
}

/* Hands n bytes to whoever listens; returns how many were taken. */
static size_t emit(size_t n)
{
    if (!u.attached) {
        if (u.o.speed == 0)
            return 0;
        u.count.into_void += n;
        return n;
    }
    struct pollfd p = {.fd = u.out, .events = POLLOUT};
    if (poll(&p, 1, 0) <= 0 || !(p.revents & (POLLOUT | POLLERR)))
        return 0;
    if (n > 4096)
        n = 4096; /* PIPE_BUF: such a write does not block after POLLOUT */
    uint8_t bad[TX_SIZE];
    const uint8_t *from = u.tx;
    if (garbled()) {
        memcpy(bad, u.tx, n);
        garble(bad, n);
        from = bad;
    }
    ssize_t w = write(u.out, from, n);
    if (w > 0) {
        u.count.to_host += (uint64_t)w;
        return (size_t)w;
    }
    if (w < 0 && errno != EAGAIN && errno != EINTR) {
        if (u.o.stdio)
            atomic_store(&stop, true); /* nobody reads any more */
        else
            detach();
    }
    return 0;
}

static void flush(void)
{
    size_t n = budget();
    if (n > u.tx_len)
        n = u.tx_len;
    if (n == 0)
        return;
    n = emit(n);
    memmove(u.tx, u.tx + n, u.tx_len - n);
    u.tx_len -= n;
    if (rate() > 0)
        u.credit -= n * BYTE_CREDIT;
}

size_t pq_port_uart_write(const uint8_t *p, size_t n)
{
    if (u.o.silent)
        return n;
    size_t room = TX_SIZE - u.tx_len;
    if (n > room) {
        n = room;
        u.refused = true;
    }
    memcpy(u.tx + u.tx_len, p, n);
    u.tx_len += n;
    return n;
}

bool pq_port_uart_idle(void)
{
    return u.tx_len == 0;
}

bool pq_port_uart_can_baud(uint32_t baud)
{
    return baud >= BAUD_MIN && baud <= BAUD_MAX;
}

void pq_port_uart_set_baud(uint32_t baud)
{
    u.baud = baud;
    u.credit = 0;
}

/* --- Bytes in */

size_t pq_port_uart_read(uint8_t *p, size_t n)
{
    u.reading = true;
    struct pollfd in = {.fd = u.in, .events = POLLIN};
    if (!u.attached || u.eof || poll(&in, 1, 0) <= 0 || !(in.revents & (POLLIN | POLLHUP)))
        return 0;
    ssize_t got = read(u.in, p, n);
    if (got <= 0) {
        u.eof = u.o.stdio && (got == 0 || errno != EINTR);
        return 0;
    }
    if (garbled())
        garble(p, (size_t)got);
    u.count.from_host += (uint64_t)got;
    u.spoken = true;
    return (size_t)got;
}

/* --- Waiting */

void pq_sim_wake(void)
{
    if (!atomic_exchange(&woken, true)) {
        ssize_t ignored = write(u.wake[1], "", 1); /* a full pipe wakes as well */
        (void)ignored;
    }
}

void pq_sim_stop(void)
{
    atomic_store(&stop, true);
    pq_sim_wake();
}

/* How long to sleep at most, from what the UART itself has to do. */
static uint64_t bounded(uint64_t us, size_t may)
{
    if (u.refused && u.tx_len < TX_SIZE)
        return 0;
    if (!u.attached && us > DETACHED_US)
        us = DETACHED_US;
    if (u.tx_len > 0 && may == 0) {
        uint64_t next = (BYTE_CREDIT - u.credit) / rate() + 1;
        if (next < 1000)
            next = 1000; /* a millisecond's worth at once is fine enough */
        if (next < us)
            us = next;
    }
    return us;
}

static void sleep_for(uint64_t us, size_t may)
{
    short out = u.tx_len > 0 && may > 0 ? POLLOUT : 0, in = u.reading && !u.eof ? POLLIN : 0;
    struct pollfd p[3] = {{.fd = u.wake[0], .events = POLLIN}, {.fd = -1}, {.fd = -1}};
    if (u.o.stdio) {
        p[1] = (struct pollfd){.fd = in ? u.in : -1, .events = in};
        p[2] = (struct pollfd){.fd = out ? u.out : -1, .events = out};
    } else if (u.attached) {
        p[1] = (struct pollfd){.fd = u.in, .events = in | out};
    }
    struct timespec t = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
    if (ppoll(p, 3, &t, NULL) <= 0)
        return;
    uint8_t drain[64];
    while (read(u.wake[0], drain, sizeof drain) > 0)
        ;
    if (!u.o.stdio && u.attached && (p[1].revents & POLLHUP))
        detach();
}

pq_port_event pq_port_wait(uint32_t max_us)
{
    if (u.spoken) /* after the core has read it, so that it takes effect before the first frame */
        pq_sim_radio_release();
    pq_sim_radio_kick();
    if (!u.attached)
        look_for_host();
    flush();
    size_t may = budget();
    sleep_for(bounded(max_us, may), may);
    atomic_store(&woken, false); /* from here on whoever wakes us writes again */
    flush();
    u.reading = false;
    u.refused = u.refused && u.tx_len == TX_SIZE;
    if (atomic_load(&stop))
        return PQ_PORT_STOP;
    return pq_sim_radio_ended() ? PQ_PORT_RADIO_ENDED : PQ_PORT_GO_ON;
}

/* --- Life */

static int make_link(void)
{
    char old[sizeof u.name];
    if (readlink(u.o.link, old, sizeof old) >= 0)
        unlink(u.o.link); /* of an earlier board */
    if (symlink(u.name, u.o.link) == 0)
        return PQ_OK;
    pq_sim_say("--link %s: %s", u.o.link, strerror(errno));
    return PQ_ERR_ARG;
}

static int open_pty(void)
{
    u.in = u.out = pq_pty_open(u.name, sizeof u.name);
    if (u.in >= 0)
        return u.o.link != NULL ? make_link() : PQ_OK;
    pq_sim_say("no pseudo-terminal: %s", strerror(errno));
    return PQ_ERR_BUSY;
}

int pq_sim_uart_open(const pq_sim_options *o, uint32_t baud)
{
    u.o = *o;
    u.baud = baud;
    clock_gettime(CLOCK_MONOTONIC, &boot);
    if (pipe2(u.wake, O_NONBLOCK | O_CLOEXEC) != 0) {
        pq_sim_say("pipe: %s", strerror(errno));
        return PQ_ERR_BUSY;
    }
    u.in = STDIN_FILENO;
    u.out = STDOUT_FILENO;
    u.attached = o->stdio;
    if (o->boot_text)
        pq_port_uart_write((const uint8_t *)rom_text, sizeof rom_text - 1);
    return o->stdio ? PQ_OK : open_pty();
}

const char *pq_sim_uart_name(void)
{
    return u.name;
}

/* Closing a master throws away what waits in its slave, so the host gets time
 * to take it: as long as it reads, and until nothing has come up for a while. */
static void drain(void)
{
    uint64_t progress = pq_port_time_us(), quiet = progress;
    size_t left = SIZE_MAX;
    while (u.attached && !atomic_load(&stop)) {
        size_t more = u.tx_len + (u.o.stdio ? 0 : pq_pty_unread(u.name));
        uint64_t now = pq_port_time_us();
        if (more != left)
            progress = now;
        if (more > 0)
            quiet = now;
        left = more;
        if (now - progress > CLOSE_US || now - quiet > (u.o.stdio ? 0 : QUIET_US))
            return;
        pq_port_wait(5000);
    }
}

void pq_sim_uart_close(void)
{
    flush();
    drain();
    char target[sizeof u.name] = "";
    if (u.o.link != NULL && readlink(u.o.link, target, sizeof target - 1) > 0 &&
        strcmp(target, u.name) == 0)
        unlink(u.o.link);
}

pq_sim_uart_counts pq_sim_uart_count(void)
{
    return u.count;
}
