#include "node.h"

#include <string.h>

#include "pq_secret.h"

#define LEAVE_US 500000u /* for the last lines of output before a reboot */

const pq_kem_params *pq_node_suite(uint8_t suite)
{
    switch (suite) {
#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 512
    case 1:
        return &pq_kem_512;
#endif
#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 768
    case 2:
        return &pq_kem_768;
#endif
#if !defined(PQ_KEM_ONLY) || PQ_KEM_ONLY == 1024
    case 3:
        return &pq_kem_1024;
#endif
    default:
        return NULL;
    }
}

void pq_node_say(pq_node *n, const char *line)
{
    pq_console_say(&n->console, line);
}

void pq_node_display(pq_node *n, pq_span text)
{
    pq_screen_str(&n->screen, "\n");
    pq_screen_write(&n->screen, text.data, text.len);
}

/* --- Start */

static void banner(pq_node *n, const pq_board *board)
{
    static const char *const suites[] = {"512", "768", "1024"};
    pq_text *t = pq_console_begin(&n->console);
    pq_text_str(t, "pqiot ");
    pq_text_str(t, n->kind->title);
    pq_text_str(t, " ");
    pq_text_str(t, board->firmware);
    pq_text_str(t, ", ML-KEM-");
    pq_text_str(t, suites[n->suite - 1]);
    pq_text_str(t, ", ");
    pq_text_str(t, board->name);
    pq_console_end(&n->console);
    pq_screen_str(&n->screen, "pqiot ");
    pq_screen_str(&n->screen, n->kind->title);
}

static const char *store_trouble(int err)
{
    return err == PQ_ERR_DAMAGED
               ? "error: the key store is damaged; nothing is kept in it until: reset all"
               : "error: the flash cannot be read; there is no key store";
}

static void load(pq_node *n)
{
    n->store = pq_store_load(&n->settings);
    if (n->store != PQ_OK && n->store != PQ_ERR_EMPTY)
        pq_node_say(n, store_trouble(n->store));
}

static void join(pq_node *n)
{
    const pq_settings *s = &n->settings;
    if (s->ssid[0] == '\0') {
        if (!pq_port_net_address(&n->address))
            pq_node_say(n, "no network is set: wifi SSID PASSPHRASE");
        return;
    }
    pq_text *t = pq_console_begin(&n->console);
    pq_text_str(t, "joining ");
    pq_text_safe(t, (pq_span){(const uint8_t *)s->ssid, strlen(s->ssid)});
    pq_console_end(&n->console);
    if (pq_port_net_join(s->ssid, s->passphrase) != PQ_OK)
        pq_node_say(n, "error: the radio cannot join that network");
}

int pq_node_start(pq_node *n, const pq_node_kind *kind, void *role, const pq_board *board,
                  uint8_t suite)
{
    pq_wipe(n, sizeof *n);
    n->kind = kind;
    n->role = role;
    n->suite = suite;
    n->params = pq_node_suite(suite);
    if (n->params == NULL)
        return PQ_ERR_ARG;
    pq_console_init(&n->console);
    pq_screen_init(&n->screen);
    pq_light_init(&n->light);
    pq_stopwatch_init(&n->stopwatch);
    banner(n, board);
    load(n);
    pq_light_steady(&n->light, PQ_LED_BLUE);
    join(n);
    return PQ_OK;
}

/* --- Settings */

int pq_node_keep(pq_node *n, const pq_settings *s)
{
    int err = n->store;
    if (err == PQ_OK || err == PQ_ERR_EMPTY) {
        err = pq_store_save(s, false);
        if (err == PQ_OK) {
            n->settings = *s;
            n->store = PQ_OK;
            return PQ_OK;
        }
        pq_node_say(n, "error: the flash did not take it; nothing has changed");
        return err;
    }
    pq_node_say(n, store_trouble(err));
    return err;
}

static void leave(pq_node *n)
{
    n->leaving = true;
    n->leave_at = pq_port_time_us() + LEAVE_US;
}

static void reset(pq_node *n)
{
    if (pq_store_erase() != PQ_OK) {
        pq_node_say(n, "error: the flash does not erase; the keys may still be there");
        return;
    }
    pq_wipe(&n->settings, sizeof n->settings);
    pq_node_say(n, "all settings and keys are forgotten");
    leave(n);
}

/* --- Commands */

static void show(pq_node *n)
{
    pq_text *t = pq_console_begin(&n->console);
    if (n->connected) {
        pq_text_str(t, "address ");
        pq_text_endpoint(t, &n->address);
    } else {
        pq_text_str(t, "no address");
    }
    pq_text_str(t, "\r\n");
    pq_command_show(&n->settings, n->kind->role, t);
    if (n->kind->show != NULL)
        n->kind->show(n->role, t);
    pq_text_str(t, n->store == PQ_ERR_DAMAGED ? "\r\nkey store damaged"
                   : n->store == PQ_ERR_FLASH ? "\r\nkey store unreadable"
                                              : "\r\nkey store ok");
    pq_text_str(t, pq_screen_present(&n->screen) ? "\r\nscreen ok" : "\r\nscreen not found");
    pq_console_end(&n->console);
}

static void times(pq_node *n)
{
    if (n->stopwatch.steps == 0)
        pq_node_say(n, "nothing has been measured yet");
    for (uint32_t i = 0; i < n->stopwatch.steps; i++) {
        pq_stopwatch_text(pq_console_begin(&n->console), &n->stopwatch.step[i]);
        pq_console_end(&n->console);
    }
}

static void send(pq_node *n, pq_span text)
{
    const char *error = n->kind->send(n->role, text);
    if (error != NULL)
        pq_node_say(n, error);
}

/* Settings that a command has led to. */
static void change(pq_node *n, const pq_settings *s, pq_action a)
{
    if (pq_node_keep(n, s) != PQ_OK)
        return;
    pq_node_say(n, "kept");
    n->stale = n->stale || a == PQ_DO_SAVE;
    if (a == PQ_DO_JOIN)
        join(n);
}

static void act(pq_node *n, pq_action a, const pq_settings *s, pq_span arg)
{
    switch (a) {
    case PQ_DO_NOTHING:
        break;
    case PQ_DO_KEEP:
    case PQ_DO_SAVE:
    case PQ_DO_JOIN:
        change(n, s, a);
        break;
    case PQ_DO_SEND:
        send(n, arg);
        break;
    case PQ_DO_SHOW:
        show(n);
        break;
    case PQ_DO_TIMES:
        times(n);
        break;
    case PQ_DO_RESET:
        reset(n);
        break;
    case PQ_DO_REBOOT:
        leave(n);
        break;
    }
}

static void handle_line(pq_node *n)
{
    pq_settings s = n->settings;
    pq_span arg;
    pq_text *t = pq_console_begin(&n->console);
    size_t before = t->len;
    /* The line is out of the editor's hands: printing must not show it again. */
    uint16_t len = n->console.len;
    n->console.len = 0;
    pq_action a = pq_command(&s, n->kind->role, n->console.line, len, t, &arg);
    if (t->len > before || t->cut)
        pq_console_end(&n->console);
    act(n, a, &s, arg);
    pq_console_done(&n->console);
    pq_wipe(&s, sizeof s);
}

/* --- The network */

static void look_at_network(pq_node *n)
{
    pq_endpoint address;
    bool has = pq_port_net_address(&address);
    if (n->connected && !has) {
        n->connected = false;
        pq_node_say(n, "the network is lost");
        pq_light_steady(&n->light, PQ_LED_BLUE);
        return;
    }
    if (!has || (n->connected && memcmp(&address.addr, &n->address.addr, 16) == 0))
        return;
    n->connected = n->ready = true;
    n->address = address;
    char row[PQ_SCREEN_COLUMNS * 3];
    pq_text screen;
    pq_text_init(&screen, row, sizeof row);
    pq_text_endpoint(&screen, &address);
    pq_node_display(n, (pq_span){(const uint8_t *)row, screen.len});
    pq_text *t = pq_console_begin(&n->console);
    pq_text_str(t, "address ");
    pq_text_endpoint(t, &address);
    pq_console_end(&n->console);
    pq_light_steady(&n->light, PQ_LED_OFF);
}

void pq_node_begin(pq_node *n)
{
    look_at_network(n);
    while (!n->leaving && pq_console_poll(&n->console))
        handle_line(n);
}

uint32_t pq_node_end(pq_node *n)
{
    uint32_t us = pq_sooner(pq_light_poll(&n->light), pq_screen_poll(&n->screen));
    pq_console_flush(&n->console);
    if (n->leaving) {
        bool said = pq_console_idle(&n->console) && pq_port_uart_idle();
        if (said || pq_port_time_us() >= n->leave_at)
            pq_port_reset();
        us = pq_sooner(us, 10000);
    }
    return pq_sooner(us, PQ_NODE_LOOK_US);
}

/* --- Events */

static void about(pq_text *t, const char *what, const pq_event *e)
{
    pq_text_str(t, what);
    pq_text_hex(t, e->sid, sizeof e->sid);
}

static void peer(pq_text *t, const char *how, const pq_event *e)
{
    if (e->peer.addr_len == 0)
        return;
    pq_text_str(t, how);
    pq_text_endpoint(t, &e->peer);
}

static void print_event(pq_node *n, const pq_event *e, pq_text *t)
{
    switch (e->kind) {
    case PQ_EVENT_SESSION:
        about(t, "session ", e);
        peer(t, " with ", e);
        break;
    case PQ_EVENT_MESSAGE:
        about(t, n->kind->role == PQ_ROLE_GATEWAY ? "message " : "acknowledged ", e);
        pq_text_str(t, " ");
        pq_text_number(t, e->seq);
        peer(t, n->kind->role == PQ_ROLE_GATEWAY ? " from " : " by ", e);
        pq_text_str(t, ": ");
        pq_text_safe(t, e->text);
        break;
    case PQ_EVENT_REFUSED:
        pq_text_str(t, "refused: ");
        pq_text_str(t, e->name);
        peer(t, ", from ", e);
        break;
    case PQ_EVENT_PINNED:
        pq_text_str(t, "pinned ");
        pq_text_hex(t, e->text.data, e->text.len);
        break;
    case PQ_EVENT_FAILED:
        pq_text_str(t, "failed: ");
        pq_text_str(t, e->name);
        break;
    case PQ_EVENT_TIMING:
        pq_text_str(t, e->name);
        pq_text_str(t, " ");
        pq_text_ms(t, e->us);
        break;
    case PQ_EVENT_CLOSED:
        about(t, "closed ", e);
        pq_text_str(t, ": ");
        pq_text_str(t, e->name);
        break;
    }
}

/* A request for a fresh Echo is a step of the protocol, though a refusal. */
static bool is_failure(const pq_event *e)
{
    return e->kind == PQ_EVENT_FAILED ||
           (e->kind == PQ_EVENT_REFUSED && strstr(e->name, "Echo") == NULL);
}

void pq_node_event(pq_node *n, const pq_event *e)
{
    print_event(n, e, pq_console_begin(&n->console));
    pq_console_end(&n->console);
    if (e->kind == PQ_EVENT_TIMING)
        pq_stopwatch_note(&n->stopwatch, e->name, e->us);
    if (e->kind == PQ_EVENT_SESSION || e->kind == PQ_EVENT_MESSAGE)
        pq_light_flash(&n->light, PQ_LIGHT_SUCCESS);
    if (is_failure(e))
        pq_light_flash(&n->light, PQ_LIGHT_FAILURE);
    if (e->kind == PQ_EVENT_FAILED)
        pq_node_display(n, (pq_span){(const uint8_t *)e->name, strlen(e->name)});
}
