/* The command line of gateway and sender. */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "node_sim.h"
#include "options.h"
#include "udp.h"

static const char help[] =
    "\n"
    "Its console is a pseudo-terminal, whose path is the only line on stdout; what is\n"
    "printed while nobody has it open is lost. Type help there.\n"
    "\n"
    "  --flash FILE        keeps keys and settings, 8192 bytes (forgotten at the end)\n"
    "  --suite N           ML-KEM parameter set: 512, 768, 1024 (512)\n"
    "  --listen ADDR       the board's address on this computer (127.0.0.1)\n"
    "  --port N            local UDP port instead of the role's own\n"
    "  --stdio             console on stdout and stdin\n"
    "  --link PATH         symbolic link to the pseudo-terminal\n"
    "  --screen FILE       holds what the screen shows, as text\n"
    "  --pbm FILE          holds what the screen shows, as a picture\n"
    "  --name TEXT         the board's name (simulated PineCone)\n"
    "  --lab               run in virtual time on stdin and stdout, as\n"
    "                      port/posix/lab_link.h has it\n"
    "  --seed N            of the lab's random numbers (0); keys made from it are for\n"
    "                      everyone to know, so that only --lab takes it\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 done; 2 usage or unusable input. SIGTERM and SIGINT end it.\n";

enum {
    OPT_FIRST = 256, /* long options have no letter */
    OPT_FLASH,
    OPT_SUITE,
    OPT_LISTEN,
    OPT_PORT,
    OPT_STDIO,
    OPT_LINK,
    OPT_SCREEN,
    OPT_PBM,
    OPT_NAME,
    OPT_LAB,
    OPT_SEED,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option names[] = {
    {"flash", 1, NULL, OPT_FLASH},     {"suite", 1, NULL, OPT_SUITE},
    {"listen", 1, NULL, OPT_LISTEN},   {"port", 1, NULL, OPT_PORT},
    {"stdio", 0, NULL, OPT_STDIO},     {"link", 1, NULL, OPT_LINK},
    {"screen", 1, NULL, OPT_SCREEN},   {"pbm", 1, NULL, OPT_PBM},
    {"name", 1, NULL, OPT_NAME},       {"lab", 0, NULL, OPT_LAB},
    {"seed", 1, NULL, OPT_SEED},       {"help", 0, NULL, OPT_HELP},
    {"version", 0, NULL, OPT_VERSION}, {0},
};

static bool parse_suite(pq_node_options *o, const char *text)
{
    static const char *const suites[] = {"512", "768", "1024"};
    for (uint8_t i = 0; i < 3; i++)
        if (strcmp(text, suites[i]) == 0) {
            o->suite = (uint8_t)(i + 1);
            return true;
        }
    pq_sim_say("--suite %s: 512, 768 or 1024 is expected", text);
    return false;
}

static bool parse_listen(pq_node_options *o, const char *text)
{
    if (pq_udp_address(&o->listen, text))
        return true;
    pq_sim_say("--listen %s: an IP address is expected", text);
    return false;
}

static bool parse_port(pq_node_options *o, const char *text)
{
    uint32_t v = 0;
    o->other_port = true;
    if (!pq_sim_number("port", text, 1, UINT16_MAX, &v))
        return false;
    o->port = (uint16_t)v;
    return true;
}

/* Where an option's text goes as it is; NULL if it is another kind of option. */
static const char **text_of(pq_node_options *o, int opt)
{
    switch (opt) {
    case OPT_FLASH:
        return &o->flash;
    case OPT_LINK:
        return &o->link;
    case OPT_SCREEN:
        return &o->screen;
    case OPT_PBM:
        return &o->pbm;
    case OPT_NAME:
        return &o->board.name;
    default:
        return NULL;
    }
}

static bool take(pq_node_options *o, int opt, const char *value)
{
    const char **text = text_of(o, opt);
    if (text != NULL) {
        *text = value;
        return true;
    }
    switch (opt) {
    case OPT_SUITE:
        return parse_suite(o, value);
    case OPT_LISTEN:
        return parse_listen(o, value);
    case OPT_PORT:
        return parse_port(o, value);
    case OPT_STDIO:
        return o->stdio = true;
    case OPT_LAB:
        return o->lab = true;
    case OPT_SEED:
        o->seeded = true;
        return pq_sim_number("seed", value, 0, UINT32_MAX, &o->seed);
    default:
        return false; /* getopt has said why */
    }
}

static bool consistent(const pq_node_options *o)
{
    if (o->seeded && !o->lab)
        pq_sim_say("--seed: keys that anybody can predict are for --lab only");
    else if (o->lab && (o->stdio || o->link != NULL))
        pq_sim_say("--lab: stdin and stdout are the lab's; there is no console of its own");
    else if (o->stdio && o->link != NULL)
        pq_sim_say("--link: there is no pseudo-terminal with --stdio");
    else
        return true;
    return false;
}

static int print_help(const pq_node_options *o)
{
    int n = printf("Usage: %s [options]\n\n%s%s", o->program, o->says, help);
    return n < 0 || fflush(stdout) != 0 ? 2 : 0;
}

int pq_node_parse(pq_node_options *o, int argc, char **argv)
{
    static char name[64];
    int opt;
    pq_sim_name(o->program);
    snprintf(name, sizeof name, "%s", o->program);
    argv[0] = name; /* getopt puts it before what it says */
    (void)pq_udp_address(&o->listen, "127.0.0.1");
    while ((opt = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (opt == OPT_HELP)
            return print_help(o);
        if (opt == OPT_VERSION)
            return printf("%s %s\n", o->program, o->board.firmware) < 0 ? 2 : 0;
        if (!take(o, opt, optarg))
            return 2;
    }
    if (optind < argc) {
        pq_sim_say("%s: no argument is expected; see --help", argv[optind]);
        return 2;
    }
    return consistent(o) ? -1 : 2;
}
