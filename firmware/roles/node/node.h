/* What gateway and sender have in common, in the order of a start-up: console,
 * settings from the key store, LED and screen, joining the network, the address by
 * DHCP, the ready flag. From then on the role's application runs, and the node
 * handles what is typed and shows what happens.
 *
 * RAM: 5.6 KB, of which 4.4 KB are the console; stack while settings are kept: 3.6 KB. */
#ifndef PQ_NODE_H
#define PQ_NODE_H

#include "pq_command.h"
#include "pq_console.h"
#include "pq_event.h"
#include "pq_light.h"
#include "pq_screen.h"
#include "pq_stopwatch.h"
#include "pq_store.h"

#define PQ_NODE_VERSION "0.1.0" /* of the firmware */

/* How often a node looks whether the network is there, at least. */
#define PQ_NODE_LOOK_US 1000000u

typedef struct pq_node pq_node;

/* What a role adds. */
typedef struct {
    uint8_t role;      /* PQ_ROLE_GATEWAY, PQ_ROLE_SENDER */
    const char *title; /* "gateway" */
    /* More lines for the command show, each begun with \r\n. */
    void (*show)(void *role, pq_text *t);
    /* Sends a message; what it returns is an error for the console, or NULL. NULL
     * where the role cannot. */
    const char *(*send)(void *role, pq_span text);
} pq_node_kind;

struct pq_node {
    const pq_node_kind *kind;
    void *role;
    const pq_kem_params *params;
    uint8_t suite; /* 1–3 */
    pq_settings settings;
    int store; /* PQ_OK, PQ_ERR_EMPTY; PQ_ERR_DAMAGED, PQ_ERR_FLASH: nothing may be kept */

    bool ready;          /* the board has, or had, an address: the application may run */
    bool connected;      /* it has one now */
    bool stale;          /* the settings have changed: the application begins anew */
    bool leaving;        /* boot anew once all is printed */
    pq_endpoint address; /* while connected */
    uint64_t leave_at;   /* µs: do not wait longer than that */

    pq_console console;
    pq_screen screen;
    pq_light light;
    pq_stopwatch stopwatch;
};

/* The parameter set of a suite, 1–3; NULL if it was not built in. */
const pq_kem_params *pq_node_suite(uint8_t suite);

/* Everything up to joining the network. PQ_ERR_ARG for a suite that is not there.
 * A store that cannot be used is told on the console, and in n->store. */
int pq_node_start(pq_node *n, const pq_node_kind *kind, void *role, const pq_board *board,
                  uint8_t suite);

/* Begins a turn of the main loop: handles what was typed, looks at the network. */
void pq_node_begin(pq_node *n);

/* Ends a turn: LED, screen, console, reboot. Returns for how many µs there is
 * nothing more to do. */
uint32_t pq_node_end(pq_node *n);

/* Keeps changed settings. PQ_OK: n->settings are now *s. Else the console has told
 * why not, and nothing has changed. */
int pq_node_keep(pq_node *n, const pq_settings *s);

/* A pq_event_sink for the role to call: prints, shows, flashes, measures. */
void pq_node_event(pq_node *n, const pq_event *e);

/* Prints a line; shows text on the screen, on a row of its own. */
void pq_node_say(pq_node *n, const char *line);
void pq_node_display(pq_node *n, pq_span text);

/* The shorter of two waits. */
static inline uint32_t pq_sooner(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

#endif
