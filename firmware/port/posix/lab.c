#define _GNU_SOURCE
#include "lab.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

#define QUEUE     64u /* datagrams that wait, as in a socket; more are lost */
#define TYPED_MAX 65536u
#define HEADER    5u /* type, length */
#define ADDRESS   6u /* IPv4, port */

static struct {
    uint64_t now, booted; /* µs of the lab */
    uint64_t spent;       /* µs: what the board has worked since */
    uint64_t told;        /* µs since boot: a clock does not run backwards */
    bool started;
    bool has_address;
    uint8_t address[4];
    struct {
        uint16_t len;
        uint8_t bytes[PQ_LAB_BODY_MAX]; /* address, port, payload */
    } queue[QUEUE];
    uint32_t first, count;
    uint8_t typed[TYPED_MAX];
    uint32_t typed_len;
    bool reboot; /* an 'R' has come */
    uint8_t in[PQ_LAB_BODY_MAX];
    uint8_t out[65536]; /* messages on their way */
    size_t out_len;
    size_t print_at; /* a 'c' message is still growing there; 0: none */
    bool gone;
} l;

/* --- Bytes in and out */

static bool read_all(uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t got = read(STDIN_FILENO, p, n);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
    return true;
}

static void flush(void)
{
    for (size_t at = 0; at < l.out_len && !l.gone;) {
        ssize_t w = write(STDOUT_FILENO, l.out + at, l.out_len - at);
        if (w > 0)
            at += (size_t)w;
        else if (w < 0 && errno != EINTR)
            l.gone = true;
    }
    l.out_len = 0;
    l.print_at = 0;
}

/* Begins a message; its body follows by append. */
static void begin(uint8_t type, size_t len)
{
    if (sizeof l.out - l.out_len < HEADER + PQ_LAB_BODY_MAX)
        flush();
    l.print_at = 0;
    l.out[l.out_len] = type;
    pq_store32(l.out + l.out_len + 1, (uint32_t)len);
    l.out_len += HEADER;
}

static void append(const void *p, size_t n)
{
    memcpy(l.out + l.out_len, p, n);
    l.out_len += n;
}

/* --- What the board tells */

void pq_lab_print(const uint8_t *p, size_t n)
{
    while (n > 0) {
        size_t len = l.print_at > 0 ? pq_load32(l.out + l.print_at) : PQ_LAB_BODY_MAX;
        if (len == PQ_LAB_BODY_MAX) {
            begin('c', len = 0);
            l.print_at = l.out_len - 4;
        }
        size_t part = n < PQ_LAB_BODY_MAX - len ? n : PQ_LAB_BODY_MAX - len;
        append(p, part);
        pq_store32(l.out + l.print_at, (uint32_t)(len + part));
        p += part;
        n -= part;
    }
}

void pq_lab_led(uint8_t colours)
{
    begin('l', 1);
    append(&colours, 1);
}

void pq_lab_screen(const char *text, size_t n)
{
    begin('o', n);
    append(text, n);
}

void pq_lab_join(const char *ssid, const char *pass)
{
    size_t name = strlen(ssid) + 1, n = strlen(pass);
    begin('w', name + n);
    append(ssid, name);
    append(pass, n);
}

int pq_lab_send(const pq_endpoint *to, const uint8_t *p, size_t n)
{
    uint8_t port[2] = {(uint8_t)(to->port >> 8), (uint8_t)to->port};
    if (!l.has_address || to->addr_len != 4 || n > PQ_LAB_BODY_MAX - ADDRESS)
        return PQ_ERR_NET;
    begin('u', ADDRESS + n);
    append(to->addr, 4);
    append(port, 2);
    append(p, n);
    return PQ_OK;
}

/* --- What the lab tells */

bool pq_lab_address(pq_endpoint *address)
{
    memset(address, 0, sizeof *address);
    if (!l.has_address)
        return false;
    address->addr_len = 4;
    memcpy(address->addr, l.address, 4);
    return true;
}

size_t pq_lab_typed(uint8_t *p, size_t n)
{
    n = n < l.typed_len ? n : l.typed_len;
    memcpy(p, l.typed, n);
    l.typed_len -= (uint32_t)n;
    memmove(l.typed, l.typed + n, l.typed_len);
    return n;
}

int pq_lab_receive(pq_endpoint *from, uint8_t *p, size_t max)
{
    memset(from, 0, sizeof *from);
    if (l.count == 0)
        return PQ_ERR_BUSY;
    const uint8_t *b = l.queue[l.first].bytes;
    size_t n = l.queue[l.first].len - ADDRESS;
    l.first = (l.first + 1) % QUEUE;
    l.count--;
    from->addr_len = 4;
    memcpy(from->addr, b, 4);
    from->port = (uint16_t)(b[4] << 8 | b[5]);
    memcpy(p, b + ADDRESS, n < max ? n : max);
    return n > max ? PQ_ERR_LENGTH : (int)n;
}

static bool bad(uint8_t type, uint32_t len)
{
    if (type >= 0x21 && type <= 0x7e)
        pq_sim_say("the lab sent '%c' with %u bytes, which is no message", type, len);
    else
        pq_sim_say("the lab sent type %#x, which is no message", type);
    return false;
}

static bool take_datagram(uint32_t len)
{
    if (len < ADDRESS)
        return bad('U', len);
    if (l.count == QUEUE || !l.has_address)
        return true; /* lost */
    uint32_t at = (l.first + l.count++) % QUEUE;
    l.queue[at].len = (uint16_t)len;
    memcpy(l.queue[at].bytes, l.in, len);
    return true;
}

static bool take_typed(uint32_t len)
{
    if (len > TYPED_MAX - l.typed_len) {
        pq_sim_say("more was typed at once than a console takes: %u bytes", TYPED_MAX);
        return false;
    }
    memcpy(l.typed + l.typed_len, l.in, len);
    l.typed_len += len;
    return true;
}

static bool take_address(uint32_t len)
{
    if (len != 0 && len != 4)
        return bad('N', len);
    l.has_address = len == 4;
    memcpy(l.address, l.in, len);
    return true;
}

void pq_lab_boot(void)
{
    l.booted = l.now;
    l.spent = l.told = 0;
    l.reboot = false;
}

/* The board is dark: what has come before is lost. */
static bool cut_power(uint32_t len)
{
    if (len != 0)
        return bad('R', len);
    l.reboot = true;
    l.count = l.typed_len = 0;
    l.has_address = false;
    return true;
}

static bool take_time(uint32_t len)
{
    if (len != 8)
        return bad('T', len);
    uint64_t now = pq_load64(l.in);
    if (now < l.now) {
        pq_sim_say("the lab's time runs backwards");
        return false;
    }
    l.now = now;
    l.spent = 0;
    return true;
}

static bool take(uint8_t type, uint32_t len)
{
    switch (type) {
    case 'N':
        return take_address(len);
    case 'U':
        return take_datagram(len);
    case 'C':
        return take_typed(len);
    case 'R':
        return cut_power(len);
    case 'T':
        return take_time(len);
    default:
        return bad(type, len);
    }
}

/* Takes messages up to a 'T'. */
static pq_lab_event hear(void)
{
    uint8_t h[HEADER];
    do {
        if (l.gone || !read_all(h, sizeof h))
            return PQ_LAB_OVER;
        uint32_t len = pq_load32(h + 1);
        if (len > PQ_LAB_BODY_MAX) {
            pq_sim_say("the lab sent a message of %u bytes; at most %u are allowed", len,
                       PQ_LAB_BODY_MAX);
            return PQ_LAB_BAD;
        }
        if (!read_all(l.in, len))
            return PQ_LAB_OVER;
        if (!take(h[0], len))
            return PQ_LAB_BAD;
    } while (h[0] != 'T');
    return l.reboot ? PQ_LAB_BOOT : PQ_LAB_GO_ON;
}

/* --- Time */

uint64_t pq_lab_time_us(void)
{
    uint64_t t = l.now - l.booted + l.spent;
    if (t > l.told)
        l.told = t;
    return l.told;
}

void pq_lab_spend(uint32_t us)
{
    uint8_t spent[8];
    if (!l.started)
        return; /* a board in real time, where work takes what it takes */
    l.spent += us;
    pq_store64(spent, l.spent);
    begin('b', sizeof spent);
    append(spent, sizeof spent);
}

int pq_lab_start(void)
{
    memset(&l, 0, sizeof l);
    pq_lab_event e = hear();
    l.started = true;
    return e == PQ_LAB_OVER ? PQ_ERR_SHORT : e == PQ_LAB_BAD ? PQ_ERR_ARG : PQ_OK;
}

pq_lab_event pq_lab_wait(uint32_t max_us)
{
    uint8_t at[8];
    pq_store64(at, l.now + max_us);
    begin('t', sizeof at);
    append(at, sizeof at);
    flush();
    return hear();
}
