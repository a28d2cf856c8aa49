/* pq_port.h for gateway and sender on this computer: real time, a terminal and a
 * socket, or all three from the lab. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "flash_file.h"
#include "lab.h"
#include "node_sim.h"
#include "options.h"
#include "pq_keccak.h"
#include "ssd1306.h"
#include "term.h"
#include "udp.h"

#define SPINS_MAX 1000u /* turns in a row without waiting */

static struct {
    const pq_node_options *o;
    struct timespec boot;
    bool reset;   /* the role has asked to boot anew */
    bool failed;  /* the exit status is 2 */
    bool unsaved; /* a picture of the screen could not be written: told once */
    uint32_t spins;
    pq_sponge random; /* of the lab */
    pq_ssd1306 screen;
    uint32_t drawn; /* changes of the screen that were passed on */
    char text[PQ_SSD1306_TEXT_MAX];
    sigset_t signals; /* while not waiting for anything: all but ours */
} p;

static volatile sig_atomic_t stop;

/* --- Time and random */

uint64_t pq_port_time_us(void)
{
    struct timespec t;
    if (p.o->lab)
        return pq_lab_time_us();
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = (int64_t)(t.tv_sec - p.boot.tv_sec) * 1000000000 + (t.tv_nsec - p.boot.tv_nsec);
    return (uint64_t)ns / 1000;
}

int pq_port_random(uint8_t *out, size_t n)
{
    if (p.o->lab) {
        pq_sponge_squeeze(&p.random, out, n);
        return PQ_OK;
    }
    for (size_t at = 0; at < n;) {
        ssize_t got = getrandom(out + at, n - at, 0);
        if (got < 0 && errno != EINTR) {
            memset(out, 0, n);
            return PQ_ERR_RANDOM;
        }
        at += got > 0 ? (size_t)got : 0;
    }
    return PQ_OK;
}

/* It goes on after a reset: a board never draws the same numbers again. */
static void seed(void)
{
    uint8_t s[5] = {p.o->board.role};
    pq_store32(s + 1, p.o->seed);
    pq_sponge_init(&p.random, PQ_RATE_SHAKE256);
    pq_sponge_absorb(&p.random, s, sizeof s);
    pq_sponge_finish(&p.random, PQ_SUFFIX_SHAKE);
}

/* --- Console */

size_t pq_port_uart_write(const uint8_t *b, size_t n)
{
    if (!p.o->lab)
        return pq_term_write(b, n);
    pq_lab_print(b, n);
    return n;
}

size_t pq_port_uart_read(uint8_t *b, size_t n)
{
    return p.o->lab ? pq_lab_typed(b, n) : pq_term_read(b, n);
}

bool pq_port_uart_idle(void)
{
    return true; /* what is taken is passed on at once */
}

/* --- Network */

static bool is_hex(const char *s)
{
    return s[strspn(s, "0123456789abcdefABCDEF")] == '\0';
}

int pq_port_net_join(const char *ssid, const char *pass)
{
    size_t n = strlen(pass);
    if (ssid[0] == '\0' || strlen(ssid) > 32 || (n > 0 && n < 8) || n > 64 ||
        (n == 64 && !is_hex(pass)))
        return PQ_ERR_ARG;
    if (p.o->lab)
        pq_lab_join(ssid, pass);
    return PQ_OK; /* this computer has its network already */
}

bool pq_port_net_address(pq_endpoint *address)
{
    if (p.o->lab)
        return pq_lab_address(address);
    *address = p.o->listen;
    return true;
}

int pq_port_udp_open(uint16_t port)
{
    if (p.o->lab)
        return PQ_OK; /* the lab joins the board's one socket to its port */
    return pq_udp_open(&p.o->listen, p.o->other_port ? p.o->port : port);
}

int pq_port_udp_send(const pq_endpoint *to, const uint8_t *b, size_t n)
{
    return p.o->lab ? pq_lab_send(to, b, n) : pq_udp_send(to, b, n);
}

int pq_port_udp_receive(pq_endpoint *from, uint8_t *b, size_t max)
{
    return p.o->lab ? pq_lab_receive(from, b, max) : pq_udp_receive(from, b, max);
}

/* --- LED and screen */

void pq_port_led(uint8_t colours)
{
    if (p.o->lab)
        pq_lab_led(colours);
}

int pq_port_screen_write(const uint8_t *b, size_t n)
{
    return pq_ssd1306_message(&p.screen, b, n);
}

/* Replaces a file in one step, so that a reader never sees half of it. */
static void save(const char *path, bool picture)
{
    char temp[4096];
    bool fits = snprintf(temp, sizeof temp, "%s.new", path) < (int)sizeof temp;
    FILE *f = fits ? fopen(temp, "w") : NULL;
    bool ok = f != NULL;
    if (ok)
        ok = picture ? pq_ssd1306_pbm(&p.screen, f) : fprintf(f, "%s\n", p.text) >= 0;
    if (f != NULL)
        ok = fclose(f) == 0 && ok;
    if ((!ok || rename(temp, path) != 0) && !p.unsaved) {
        p.unsaved = true;
        pq_sim_say("%s: %s", path, strerror(errno));
    }
}

/* Passes on what the screen shows, if that is something else than before. */
static void follow_screen(void)
{
    char before[PQ_SSD1306_TEXT_MAX];
    if (p.drawn == p.screen.changes)
        return;
    p.drawn = p.screen.changes;
    memcpy(before, p.text, sizeof before);
    size_t n = pq_ssd1306_text(&p.screen, p.text);
    if (p.o->lab && strcmp(before, p.text) != 0)
        pq_lab_screen(p.text, n);
    if (p.o->screen != NULL)
        save(p.o->screen, false);
    if (p.o->pbm != NULL)
        save(p.o->pbm, true);
}

/* --- Waiting and ending */

void pq_port_reset(void)
{
    p.reset = true;
}

uint32_t pq_port_free_heap(void)
{
    return 0; /* not known: a process has no such bound */
}

static pq_port_event wait_lab(uint32_t max_us)
{
    switch (pq_lab_wait(max_us)) {
    case PQ_LAB_GO_ON:
        return PQ_PORT_GO_ON;
    case PQ_LAB_BOOT:
        p.reset = true;
        return PQ_PORT_STOP;
    case PQ_LAB_BAD:
        p.failed = true;
        return PQ_PORT_STOP;
    case PQ_LAB_OVER:
        break;
    }
    return PQ_PORT_STOP;
}

static pq_port_event wait_real(uint32_t max_us)
{
    struct pollfd fds[3];
    max_us = pq_term_watch(fds, max_us);
    fds[2] = (struct pollfd){.fd = pq_udp_fd(), .events = POLLIN};
    struct timespec t = {.tv_sec = max_us / 1000000, .tv_nsec = (long)(max_us % 1000000) * 1000};
    (void)ppoll(fds, 3, &t, &p.signals);
    return stop || pq_term_gone() ? PQ_PORT_STOP : PQ_PORT_GO_ON;
}

pq_port_event pq_port_wait(uint32_t max_us)
{
    if (p.reset)
        return PQ_PORT_STOP;
    /* Virtual time stands still while there is something to do. */
    if (p.o->lab && max_us == 0 && p.spins++ < SPINS_MAX)
        return PQ_PORT_GO_ON;
    p.spins = 0;
    if (max_us > 0)
        follow_screen(); /* once it is drawn */
    return p.o->lab ? wait_lab(max_us) : wait_real(max_us);
}

static void on_signal(int sig)
{
    (void)sig;
    stop = 1;
}

/* Signals come only while the board waits. */
static void catch_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    sigset_t ours;
    sigemptyset(&ours);
    const int all[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        sigaction(all[i], &a, NULL);
        sigaddset(&ours, all[i]);
    }
    a.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &a, NULL);
    if (!p.o->lab) /* which is waited for by reading */
        sigprocmask(SIG_BLOCK, &ours, &p.signals);
}

static int open_console(void)
{
    if (p.o->lab) {
        seed();
        return pq_lab_start();
    }
    if (p.o->stdio) {
        pq_term_open_stdio();
        return PQ_OK;
    }
    if (pq_term_open_pty(p.o->link) != PQ_OK)
        return PQ_ERR_ARG;
    if (printf("%s\n", pq_term_name()) >= 0 && fflush(stdout) == 0)
        return PQ_OK;
    pq_sim_say("stdout: %s", strerror(errno));
    return PQ_ERR_ARG;
}

/* Power on. */
static void boot(void)
{
    p.reset = false;
    clock_gettime(CLOCK_MONOTONIC, &p.boot);
    pq_udp_close();
    pq_ssd1306_init(&p.screen);
    p.drawn = 0;
    if (p.o->lab)
        pq_lab_boot();
}

int pq_node_run(const pq_node_options *o, int (*run)(const pq_board *board, uint8_t suite))
{
    p.o = o;
    catch_signals();
    if (pq_flash_file_open(o->flash) != PQ_OK)
        return 2;
    int err = open_console();
    if (err == PQ_ERR_SHORT)
        return 0; /* a lab that wanted nothing */
    while (err == PQ_OK) {
        boot();
        err = run(&o->board, o->suite);
        if (err != PQ_OK)
            pq_sim_say("the board did not come up (error %d)", err);
        if (!p.reset)
            break;
    }
    pq_udp_close();
    if (!o->lab)
        pq_term_close();
    return err == PQ_OK && !p.failed ? 0 : 2;
}
