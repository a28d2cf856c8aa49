/* The simulated radio: a thread that plays a capture file, or reads frames from
 * a Unix socket, and hands to the core what a board on that channel hears.
 *
 * Socket protocol, version 1: a stream; each message is a u16 length
 * (little-endian, PQ_FRAME_HEAD_SIZE … PQ_MAX_BODY) and then that many bytes laid
 * out as the body of a frame record: frequency, RSSI, PHY, rate, flags, length
 * on air, frame without FCS. With PQ_FRAME_TSF among the flags a message ends
 * with the TSF, µs, 8 bytes, little-endian; the board stamps other frames with
 * its own clock as they come. The board is the client and sends nothing. */
#define _GNU_SOURCE
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "pq_wire.h"
#include "radiotap.h"

#define TSF_SIZE        8        /* bytes */
#define LOOP_GAP_MIN_NS 1000000u /* between two rounds of a file */

static struct {
    pq_sim_options o;
    pq_radio_sink sink;
    uint8_t *file;
    size_t size;
    int socket;
    pthread_t thread;
    bool running;
    pq_sim_radio_counts count;
} r = {.socket = -1};

static _Atomic uint8_t tuned;
static atomic_bool ended;

/* Guards the three below; the condition says that one of them has changed or
 * that the ring may have room. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static bool stopping, released, wants_room;

/* --- Port */

int pq_port_radio_channel(uint8_t channel)
{
    atomic_store(&tuned, channel);
    return PQ_OK;
}

uint32_t pq_port_radio_dropped(void)
{
    return 0; /* this radio loses none */
}

bool pq_sim_radio_ended(void)
{
    return atomic_load(&ended) && r.o.end_exit;
}

void pq_sim_radio_kick(void)
{
    if (r.o.speed != 0)
        return;
    pthread_mutex_lock(&lock);
    if (wants_room)
        pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

void pq_sim_radio_release(void)
{
    if (!r.o.wait)
        return;
    pthread_mutex_lock(&lock);
    released = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

/* --- Waiting; each returns false if the board is to stop */

static bool wait_until(const struct timespec *at)
{
    pthread_mutex_lock(&lock);
    while (!stopping && pthread_cond_timedwait(&changed, &lock, at) != ETIMEDOUT)
        ;
    bool go_on = !stopping;
    pthread_mutex_unlock(&lock);
    return go_on;
}

static bool wait_for_release(void)
{
    pthread_mutex_lock(&lock);
    while (!stopping && !released)
        pthread_cond_wait(&changed, &lock);
    bool go_on = !stopping;
    pthread_mutex_unlock(&lock);
    return go_on;
}

static bool wait_for_room(size_t len)
{
    pthread_mutex_lock(&lock);
    wants_room = true;
    while (!stopping && !r.sink.has_room(r.sink.ctx, len))
        pthread_cond_wait(&changed, &lock);
    wants_room = false;
    bool go_on = !stopping;
    pthread_mutex_unlock(&lock);
    return go_on;
}

/* --- A frame in the air */

static uint16_t frequency(uint8_t channel)
{
    return (uint16_t)(channel == 14 ? 2484 : 2407 + 5 * channel); /* IEEE 802.11-2020 §15.4.4.3 */
}

/* Lets the core hear a frame, if the board is tuned to it; false to stop. A
 * frame without a frequency is on the tuned channel. */
static bool hear(pq_radio_info *info, const pq_span part[2])
{
    uint16_t here = frequency(atomic_load(&tuned));
    if (info->freq == 0)
        info->freq = here;
    if (info->freq != here && !r.o.any_channel) {
        r.count.off_channel++;
        return true;
    }
    if (r.o.speed == 0 && !wait_for_room(part[0].len + part[1].len))
        return false;
    if (r.o.no_tsft || !(info->flags & PQ_FRAME_TSF)) {
        info->flags &= (uint8_t)~PQ_FRAME_TSF;
        info->time_us = pq_port_time_us();
    }
    int got = r.sink.heard(r.sink.ctx, info, part, 2);
    r.count.heard++;
    r.count.kept += got > 0;
    r.count.filtered += got == 0;
    r.count.dropped += got < 0;
    if (got > 0)
        pq_sim_wake();
    return true;
}

/* --- A capture file */

/* When a packet is due that stands offset ns after the first. */
static struct timespec due(const struct timespec *start, uint64_t offset)
{
    double ns = (double)offset / r.o.speed + (double)start->tv_nsec;
    double s = ns / 1e9;
    struct timespec t = {.tv_sec = start->tv_sec + (time_t)s};
    t.tv_nsec = (long)(ns - (double)(time_t)s * 1e9);
    return t;
}

typedef struct {
    struct timespec start;
    uint64_t first, last; /* time of packets in the file, ns */
    uint64_t round;       /* how far this round of a loop lies behind the first, ns */
    bool begun;
} player;

static bool play_packet(player *p, const pq_packet *packet)
{
    pq_air_frame f;
    r.count.packets++;
    if (!p->begun)
        p->first = packet->time_ns;
    p->begun = true;
    uint64_t at = packet->time_ns > p->first ? packet->time_ns - p->first : 0;
    if (at > p->last)
        p->last = at;
    if (pq_air_frame_parse(&f, packet) != PQ_OK || f.bad_fcs) {
        r.count.unusable++;
        return true;
    }
    f.info.time_us += p->round / 1000;
    if (r.o.speed > 0) {
        struct timespec t = due(&p->start, p->round + at);
        if (!wait_until(&t))
            return false;
    }
    return hear(&f.info, f.part);
}

static void play_file(void)
{
    player p = {0};
    clock_gettime(CLOCK_MONOTONIC, &p.start);
    do {
        pq_capture c;
        pq_packet packet;
        if (pq_capture_open(&c, r.file, r.size) != PQ_OK)
            return;
        while (pq_capture_next(&c, &packet) > 0)
            if (!play_packet(&p, &packet))
                return;
        uint64_t gap = c.packets > 1 ? p.last / (c.packets - 1) : 0;
        p.round += p.last + (gap > LOOP_GAP_MIN_NS ? gap : LOOP_GAP_MIN_NS);
    } while (r.o.loop);
}

/* --- A socket */

/* Fills p; false at the end of the stream. */
static bool read_all(uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t got = read(r.socket, p, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        p += got;
        n -= (size_t)got;
    }
    return true;
}

static void play_socket(void)
{
    static uint8_t m[PQ_MAX_BODY];
    uint8_t head[2];
    while (read_all(head, 2)) {
        size_t len = pq_load16(head);
        if (len < PQ_FRAME_HEAD_SIZE || len > PQ_MAX_BODY) {
            pq_sim_say("%s: message of %zu bytes, %d to %d expected; no more is read",
                       r.o.radio_socket, len, PQ_FRAME_HEAD_SIZE, PQ_MAX_BODY);
            return;
        }
        if (!read_all(m, len))
            break;
        r.count.packets++;
        pq_radio_info info = {.freq = pq_load16(m),
                              .rssi = (int8_t)m[2],
                              .phy = m[3],
                              .rate = m[4],
                              .flags = m[5],
                              .air_len = pq_load16(m + 6)};
        if (info.flags & PQ_FRAME_TSF) {
            if (len < PQ_FRAME_HEAD_SIZE + TSF_SIZE) {
                pq_sim_say("%s: message of %zu bytes has no room for its TSF; no more is read",
                           r.o.radio_socket, len);
                return;
            }
            len -= TSF_SIZE;
            info.time_us = pq_load64(m + len);
        }
        pq_span part[2] = {{m + PQ_FRAME_HEAD_SIZE, len - PQ_FRAME_HEAD_SIZE}, {0}};
        if (!hear(&info, part))
            return;
    }
}

/* --- Life */

static void *run(void *unused)
{
    (void)unused;
    if (!r.o.wait || wait_for_release()) {
        if (r.file != NULL)
            play_file();
        else if (r.socket >= 0)
            play_socket();
    }
    atomic_store(&ended, r.file != NULL || r.socket >= 0);
    pq_sim_wake();
    return NULL;
}

int pq_port_radio_start(const pq_radio_sink *sink)
{
    pthread_condattr_t a;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &a);
    pthread_condattr_destroy(&a);
    r.sink = *sink;
    r.running = pthread_create(&r.thread, NULL, run, NULL) == 0;
    return r.running ? PQ_OK : PQ_ERR_BUSY;
}

static int load(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        pq_sim_say("%s: %s", path, strerror(errno));
        return PQ_ERR_ARG;
    }
    if (!S_ISREG(st.st_mode)) {
        pq_sim_say("%s: not a regular file", path);
        close(fd);
        return PQ_ERR_ARG;
    }
    r.size = (size_t)st.st_size;
    r.file = malloc(r.size + 1);
    size_t have = 0;
    ssize_t got = 1;
    while (r.file != NULL && have < r.size && got > 0) {
        got = read(fd, r.file + have, r.size - have);
        have += got > 0 ? (size_t)got : 0;
    }
    int err = errno;
    close(fd);
    if (r.file != NULL && got >= 0) {
        r.size = have;
        return PQ_OK;
    }
    pq_sim_say("%s: %s", path,
               r.file == NULL ? "no memory for a file of this size" : strerror(err));
    return PQ_ERR_ARG;
}

/* Goes through the whole file before the board boots, so that what is wrong
 * with it is said at once. */
static int check_file(const char *path)
{
    static const struct {
        uint16_t link;
        const char *name;
    } known[] = {{1, "Ethernet"}, {101, "raw IP"}, {113, "Linux cooked"}, {119, "Prism"}};
    pq_capture c;
    pq_packet p;
    pq_air_frame f;
    size_t frames = 0, malformed = 0, foreign = 0;
    uint16_t link = 0;
    int err = pq_capture_open(&c, r.file, r.size);
    while (err == PQ_OK && (err = pq_capture_next(&c, &p)) > 0) {
        int got = pq_air_frame_parse(&f, &p);
        frames += got == PQ_OK && !f.bad_fcs;
        malformed += got != PQ_OK && got != PQ_ERR_UNSUPPORTED;
        if (got == PQ_ERR_UNSUPPORTED) {
            foreign++;
            link = p.from.link;
        }
        err = PQ_OK;
    }
    if (err < 0)
        pq_sim_say("%s: damaged, %s; %zu packets before that", path, c.error, c.packets);
    if (malformed > 0)
        pq_sim_say("%s: %zu packets without a valid radiotap header or frame are left out", path,
                   malformed);
    if (foreign > 0) {
        const char *name = "unknown";
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            if (known[i].link == link)
                name = known[i].name;
        pq_sim_say("%s: %zu packets of link type %u (%s) are left out; 802.11 is 127 or 105", path,
                   foreign, link, name);
    }
    if (frames > 0)
        return PQ_OK;
    pq_sim_say("%s: no 802.11 frame to play", path);
    return PQ_ERR_ARG;
}

static int connect_socket(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) {
        pq_sim_say("--radio-socket %s: longer than %zu bytes", path, sizeof a.sun_path - 1);
        return PQ_ERR_LENGTH;
    }
    memcpy(a.sun_path, path, strlen(path));
    r.socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (r.socket >= 0 && connect(r.socket, (struct sockaddr *)&a, sizeof a) == 0)
        return PQ_OK;
    pq_sim_say("--radio-socket %s: %s", path, strerror(errno));
    return PQ_ERR_ARG;
}

int pq_sim_radio_open(const pq_sim_options *o)
{
    r.o = *o;
    if (o->capture != NULL) {
        int err = load(o->capture);
        return err == PQ_OK ? check_file(o->capture) : err;
    }
    return o->radio_socket != NULL ? connect_socket(o->radio_socket) : PQ_OK;
}

void pq_sim_radio_close(void)
{
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    if (r.socket >= 0)
        shutdown(r.socket, SHUT_RDWR); /* ends a read */
    if (r.running)
        pthread_join(r.thread, NULL);
    if (r.socket >= 0)
        close(r.socket);
    free(r.file);
    r.file = NULL;
}

pq_sim_radio_counts pq_sim_radio_count(void)
{
    return r.count;
}
