#define _GNU_SOURCE
#include "term.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "pty.h"

#define DETACHED_US 20000u /* how often to look for somebody */
#define WRITE_MAX   4096u  /* PIPE_BUF: such a write does not block after POLLOUT */

static struct {
    int in, out; /* the same for a pseudo-terminal */
    bool stdio;
    bool attached; /* somebody has the other end open */
    bool eof;      /* stdin is over */
    bool refused;  /* there was more to print than fitted */
    bool gone;
    const char *link;
    char name[128];
} t;

/* --- Life */

static int make_link(const char *link)
{
    char old[sizeof t.name];
    if (readlink(link, old, sizeof old) >= 0)
        unlink(link); /* of an earlier board */
    if (symlink(t.name, link) == 0) {
        t.link = link;
        return PQ_OK;
    }
    pq_sim_say("--link %s: %s", link, strerror(errno));
    return PQ_ERR_ARG;
}

int pq_term_open_pty(const char *link)
{
    t.in = t.out = pq_pty_open(t.name, sizeof t.name);
    if (t.in >= 0)
        return link != NULL ? make_link(link) : PQ_OK;
    pq_sim_say("no pseudo-terminal: %s", strerror(errno));
    return PQ_ERR_BUSY;
}

void pq_term_open_stdio(void)
{
    t.in = STDIN_FILENO;
    t.out = STDOUT_FILENO;
    t.stdio = t.attached = true;
}

const char *pq_term_name(void)
{
    return t.name;
}

bool pq_term_gone(void)
{
    return t.gone;
}

void pq_term_close(void)
{
    char target[sizeof t.name] = "";
    if (t.link != NULL && readlink(t.link, target, sizeof target - 1) > 0 &&
        strcmp(target, t.name) == 0)
        unlink(t.link);
}

/* --- Bytes */

static void look(void)
{
    if (t.stdio)
        return;
    bool was = t.attached;
    t.attached = pq_pty_attached(t.in);
    if (was && !t.attached)
        pq_pty_forget(t.name);
}

size_t pq_term_write(const uint8_t *p, size_t n)
{
    look();
    if (!t.attached || t.gone)
        return n;
    struct pollfd out = {.fd = t.out, .events = POLLOUT};
    ssize_t w = 0;
    if (n > 0 && poll(&out, 1, 0) > 0 && (out.revents & (POLLOUT | POLLERR))) {
        w = write(t.out, p, n < WRITE_MAX ? n : WRITE_MAX);
        if (w < 0 && errno != EAGAIN && errno != EINTR) {
            t.gone = t.stdio;
            return n;
        }
    }
    size_t taken = w > 0 ? (size_t)w : 0;
    t.refused = taken < n;
    return taken;
}

size_t pq_term_read(uint8_t *p, size_t n)
{
    struct pollfd in = {.fd = t.in, .events = POLLIN};
    if (!t.attached || t.eof || poll(&in, 1, 0) <= 0 || !(in.revents & (POLLIN | POLLHUP)))
        return 0;
    ssize_t got = read(t.in, p, n);
    if (got > 0)
        return (size_t)got;
    t.eof = t.stdio && (got == 0 || errno != EINTR);
    return 0;
}

uint32_t pq_term_watch(struct pollfd p[2], uint32_t max_us)
{
    look();
    p[0] = (struct pollfd){.fd = t.attached && !t.eof ? t.in : -1, .events = POLLIN};
    p[1] =
        (struct pollfd){.fd = t.attached && t.refused && !t.gone ? t.out : -1, .events = POLLOUT};
    return !t.attached && max_us > DETACHED_US ? DETACHED_US : max_us;
}
