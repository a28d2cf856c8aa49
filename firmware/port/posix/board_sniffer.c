/* pqiot-board-sniffer: the sniffer's firmware on this computer. Options in,
 * board up, role runs, counts out. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sniffer.h"

#define NAME     "pqiot-board-sniffer"
#define RING_MAX (1u << 24) /* bytes */

static const char help[] =
    "Usage: " NAME " [options] CAPTURE\n"
    "       " NAME " [options] --radio-socket PATH\n"
    "       " NAME " [options] --idle\n"
    "\n"
    "The sniffer's firmware as a process. Its radio plays a capture file (pcap or\n"
    "pcapng; radiotap or plain 802.11), reads a Unix socket, or hears nothing. Its\n"
    "UART is a pseudo-terminal, whose path is the only line on stdout.\n"
    "\n"
    "Radio\n"
    "  --speed N           play N times as fast (1); max or 0: as fast as the board\n"
    "                      takes frames, none is dropped\n"
    "  --loop              play the file again and again\n"
    "  --wait              hold the radio until the host sends its first byte\n"
    "  --end stay|exit     after the last frame: go on as a board in silence (stay),\n"
    "                      or write what is left, a last status, and exit\n"
    "  --channel N         channel at boot, 1-14 (6)\n"
    "  --any-channel       hear the frames of every channel\n"
    "  --no-tsft           stamp frames with the board's clock, not the file's TSFT\n"
    "  --idle              no file, no socket: the radio hears nothing\n"
    "\n"
    "UART\n"
    "  --stdio             records on stdout, commands on stdin\n"
    "  --link PATH         symbolic link to the pseudo-terminal\n"
    "  --uart-rate N       bytes/s, 0 = unlimited (a tenth of the baud rate, which\n"
    "                      is 2000000 until the host changes it)\n"
    "  --strict-baud       garble while the host's baud rate is another\n"
    "  --boot-text         print what a boot ROM prints before the first record\n"
    "  --silent            never say anything\n"
    "\n"
    "Board\n"
    "  --ring N            bytes for frames that wait, a power of two (16384)\n"
    "  --mac ADDRESS       (02:70:71:00:00:01)\n"
    "  --name TEXT         board name in the hello record (simulated PineCone)\n"
    "  --role N            claim another role: 1 sniffer, 2 gateway, 3 sender\n"
    "  --major N           claim another major wire version\n"
    "\n"
    "  --stats FILE        at exit, write the counts as one line of JSON; - is stderr\n"
    "  --verbose           say on stderr what happens\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 done; 2 usage or unusable input. SIGTERM and SIGINT end it.\n";

typedef struct {
    pq_sim_options sim;
    pq_board board;
    const char *stats;
    bool idle;
} options;

/* --- Options */

enum {
    OPT_FIRST = 256, /* long options have no letter */
    OPT_SPEED,
    OPT_LOOP,
    OPT_WAIT,
    OPT_END,
    OPT_CHANNEL,
    OPT_ANY_CHANNEL,
    OPT_NO_TSFT,
    OPT_IDLE,
    OPT_RADIO_SOCKET,
    OPT_STDIO,
    OPT_LINK,
    OPT_UART_RATE,
    OPT_STRICT_BAUD,
    OPT_BOOT_TEXT,
    OPT_SILENT,
    OPT_RING,
    OPT_MAC,
    OPT_NAME,
    OPT_ROLE,
    OPT_MAJOR,
    OPT_STATS,
    OPT_VERBOSE,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option names[] = {
    {"speed", 1, NULL, OPT_SPEED},
    {"loop", 0, NULL, OPT_LOOP},
    {"wait", 0, NULL, OPT_WAIT},
    {"end", 1, NULL, OPT_END},
    {"channel", 1, NULL, OPT_CHANNEL},
    {"any-channel", 0, NULL, OPT_ANY_CHANNEL},
    {"no-tsft", 0, NULL, OPT_NO_TSFT},
    {"idle", 0, NULL, OPT_IDLE},
    {"radio-socket", 1, NULL, OPT_RADIO_SOCKET},
    {"stdio", 0, NULL, OPT_STDIO},
    {"link", 1, NULL, OPT_LINK},
    {"uart-rate", 1, NULL, OPT_UART_RATE},
    {"strict-baud", 0, NULL, OPT_STRICT_BAUD},
    {"boot-text", 0, NULL, OPT_BOOT_TEXT},
    {"silent", 0, NULL, OPT_SILENT},
    {"ring", 1, NULL, OPT_RING},
    {"mac", 1, NULL, OPT_MAC},
    {"name", 1, NULL, OPT_NAME},
    {"role", 1, NULL, OPT_ROLE},
    {"major", 1, NULL, OPT_MAJOR},
    {"stats", 1, NULL, OPT_STATS},
    {"verbose", 0, NULL, OPT_VERBOSE},
    {"help", 0, NULL, OPT_HELP},
    {"version", 0, NULL, OPT_VERSION},
    {0},
};

static bool small_number(const char *what, const char *text, uint8_t min, uint8_t max, uint8_t *out)
{
    uint32_t v = 0;
    bool ok = pq_sim_number(what, text, min, max, &v);
    *out = (uint8_t)v;
    return ok;
}

static bool parse_speed(options *o, const char *text)
{
    bool max = strcmp(text, "max") == 0;
    char *end = NULL;
    double v = max ? 0 : strtod(text, &end);
    if (!max && (end == text || *end != '\0' || !isfinite(v) || (v != 0 && v < 1e-6))) {
        pq_sim_say("--speed %s: a number from 0.000001 up, 0 or max is expected", text);
        return false;
    }
    o->sim.speed = v;
    return true;
}

static bool parse_end(options *o, const char *text)
{
    o->sim.end_exit = strcmp(text, "exit") == 0;
    if (o->sim.end_exit || strcmp(text, "stay") == 0)
        return true;
    pq_sim_say("--end %s: stay or exit is expected", text);
    return false;
}

static bool parse_mac(options *o, const char *text)
{
    unsigned m[6];
    int n = -1;
    if (strlen(text) == 17 &&
        sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5], &n) ==
            6 &&
        n == 17) {
        for (size_t i = 0; i < 6; i++)
            o->board.mac[i] = (uint8_t)m[i];
        return true;
    }
    pq_sim_say("--mac %s: an address like 02:70:71:00:00:01 is expected", text);
    return false;
}

static bool parse_ring(options *o, const char *text)
{
    if (!pq_sim_number("ring", text, PQ_RING_MIN_SIZE, RING_MAX, &o->board.ring_size))
        return false;
    if ((o->board.ring_size & (o->board.ring_size - 1)) == 0)
        return true;
    pq_sim_say("--ring %s: not a power of two", text);
    return false;
}

/* An option that switches something on; NULL if it takes a value. */
static bool *flag(options *o, int opt)
{
    switch (opt) {
    case OPT_LOOP:
        return &o->sim.loop;
    case OPT_WAIT:
        return &o->sim.wait;
    case OPT_ANY_CHANNEL:
        return &o->sim.any_channel;
    case OPT_NO_TSFT:
        return &o->sim.no_tsft;
    case OPT_IDLE:
        return &o->idle;
    case OPT_STDIO:
        return &o->sim.stdio;
    case OPT_STRICT_BAUD:
        return &o->sim.strict_baud;
    case OPT_BOOT_TEXT:
        return &o->sim.boot_text;
    case OPT_SILENT:
        return &o->sim.silent;
    case OPT_VERBOSE:
        return &o->sim.verbose;
    default:
        return NULL;
    }
}

static bool take(options *o, int opt, const char *value)
{
    bool *on = flag(o, opt);
    if (on != NULL)
        return *on = true;
    switch (opt) {
    case OPT_SPEED:
        return parse_speed(o, value);
    case OPT_END:
        return parse_end(o, value);
    case OPT_CHANNEL:
        return small_number("channel", value, PQ_CHANNEL_MIN, PQ_CHANNEL_MAX, &o->board.channel);
    case OPT_RADIO_SOCKET:
        o->sim.radio_socket = value;
        return true;
    case OPT_LINK:
        o->sim.link = value;
        return true;
    case OPT_UART_RATE:
        o->sim.fixed_rate = true;
        return pq_sim_number("uart-rate", value, 0, 1000000000, &o->sim.uart_rate);
    case OPT_RING:
        return parse_ring(o, value);
    case OPT_MAC:
        return parse_mac(o, value);
    case OPT_NAME:
        o->board.name = value;
        return true;
    case OPT_ROLE:
        return small_number("role", value, 0, 255, &o->board.role);
    case OPT_MAJOR:
        return small_number("major", value, 0, 255, &o->board.major);
    case OPT_STATS:
        o->stats = value;
        return true;
    default:
        return false; /* getopt has said why */
    }
}

static bool consistent(const options *o)
{
    int radios = (o->sim.capture != NULL) + (o->sim.radio_socket != NULL) + o->idle;
    if (radios != 1)
        pq_sim_say("one of CAPTURE, --radio-socket and --idle is expected; see --help");
    else if (o->sim.loop && o->sim.capture == NULL)
        pq_sim_say("--loop: only a capture file can be looped");
    else if (o->sim.stdio && o->sim.link != NULL)
        pq_sim_say("--link: there is no pseudo-terminal with --stdio");
    else
        return true;
    return false;
}

/* Fills *o; returns -1 to go on, or the exit status. */
static int parse(options *o, int argc, char **argv)
{
    int opt;
    pq_sim_name(NAME);
    argv[0] = NAME; /* getopt puts it before what it says */
    while ((opt = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (opt == OPT_HELP)
            return fputs(help, stdout) < 0 ? 2 : 0;
        if (opt == OPT_VERSION)
            return printf(NAME " %s\n", o->board.firmware) < 0 ? 2 : 0;
        if (!take(o, opt, optarg))
            return 2;
    }
    if (argc - optind > 1) {
        pq_sim_say("one capture file is expected, not also %s", argv[optind + 1]);
        return 2;
    }
    o->sim.capture = argv[optind];
    return consistent(o) ? -1 : 2;
}

/* --- Counts */

static bool write_stats(const char *path, const pq_sniffer *s)
{
    FILE *f = strcmp(path, "-") == 0 ? stderr : fopen(path, "w");
    if (f == NULL) {
        pq_sim_say("--stats %s: %s", path, strerror(errno));
        return false;
    }
    pq_sim_radio_counts r = pq_sim_radio_count();
    pq_sim_uart_counts u = pq_sim_uart_count();
    fprintf(f,
            "{\"packets\":%" PRIu64 ",\"unusable\":%" PRIu64 ",\"off_channel\":%" PRIu64
            ",\"heard\":%" PRIu64 ",\"passed\":%" PRIu64 ",\"filtered\":%" PRIu64
            ",\"dropped\":%" PRIu64 ",\"frames\":%" PRIu32 ",\"records\":%" PRIu32
            ",\"uart_bytes\":%" PRIu32 ",\"to_host\":%" PRIu64 ",\"into_void\":%" PRIu64
            ",\"from_host\":%" PRIu64 ",\"commands\":%" PRIu32 ",\"garbage\":%" PRIu32 "}\n",
            r.packets, r.unusable, r.off_channel, r.heard, r.kept + r.dropped, r.filtered,
            r.dropped, s->frames, s->made, s->uart_bytes, u.to_host, u.into_void, u.from_host,
            s->reader.records, s->reader.skipped);
    bool ok = fflush(f) == 0 && !ferror(f);
    if (f != stderr)
        ok = fclose(f) == 0 && ok;
    if (!ok)
        pq_sim_say("--stats %s: %s", path, strerror(errno));
    return ok;
}

/* --- Life */

static void on_signal(int sig)
{
    (void)sig;
    int keep = errno;
    pq_sim_stop();
    errno = keep;
}

static void catch_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
    a.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &a, NULL);
}

static int run(const options *o)
{
    static pq_sniffer sniffer;
    catch_signals();
    if (!o->sim.stdio && (printf("%s\n", pq_sim_uart_name()) < 0 || fflush(stdout) != 0)) {
        pq_sim_say("stdout: %s", strerror(errno));
        return 2;
    }
    int err = pq_role_sniffer(&sniffer, &o->board);
    if (err != PQ_OK)
        pq_sim_say("the board did not come up (error %d)", err);
    pq_sim_uart_close();
    pq_sim_radio_close();
    bool told = o->stats == NULL || write_stats(o->stats, &sniffer);
    return err == PQ_OK && told ? 0 : 2;
}

int main(int argc, char **argv)
{
    static options o = {
        .sim = {.speed = 1},
        .board = {.name = "simulated PineCone",
                  .firmware = PQ_ROLE_VERSION,
                  .mac = {0x02, 0x70, 0x71, 0, 0, 1},
                  .major = PQ_MAJOR,
                  .role = PQ_ROLE_SNIFFER,
                  .channel = 6,
                  .caps = PQ_CAP_CHANNEL | PQ_CAP_HOP | PQ_CAP_SNAP_LEN | PQ_CAP_FILTER |
                          PQ_CAP_BAUD | PQ_CAP_TIME_ECHO,
                  .baud = PQ_BAUD_DEFAULT,
                  .ring_size = 16384},
    };
    int status = parse(&o, argc, argv);
    if (status >= 0)
        return status;
    o.board.ring = malloc(o.board.ring_size);
    if (o.board.ring == NULL) {
        pq_sim_say("no memory for a ring of %" PRIu32 " bytes", o.board.ring_size);
        return 2;
    }
    if (pq_sim_radio_open(&o.sim) == PQ_OK && pq_sim_uart_open(&o.sim, o.board.baud) == PQ_OK)
        status = run(&o);
    else
        status = 2;
    free(o.board.ring);
    return status;
}
