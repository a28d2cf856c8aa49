#include "pq_command.h"

#include <string.h>

#include "pq_secret.h"

#define GATEWAY 1u /* who knows a command */
#define SENDER  2u

/* What a command works with. */
typedef struct {
    pq_settings *s; /* a copy: thrown away where the command fails */
    uint8_t role;
    char *rest; /* of the line, behind the command's name */
    size_t rest_len;
    pq_text *answer;
    pq_span *arg;
} call;

/* --- Words */

/* The length of the word at p, quotes included: "a b" is one word, and \ makes
 * the next character an ordinary one inside of quotes. */
static size_t raw_word(const char *p, size_t n)
{
    size_t i = 0;
    if (n == 0 || p[0] != '"') {
        while (i < n && p[i] != ' ')
            i++;
        return i;
    }
    for (i = 1; i < n && p[i] != '"'; i++)
        if (p[i] == '\\' && i + 1 < n)
            i++;
    return i < n ? i + 1 : n;
}

static size_t spaces(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] == ' ')
        i++;
    return i;
}

/* Takes quotes and backslashes away, in place. False: the quotes are not closed,
 * or something stands directly behind them. */
static bool unquote(char *p, size_t *len, bool followed)
{
    size_t out = 0, i = 1;
    if (*len == 0 || p[0] != '"')
        return true;
    for (; i < *len && p[i] != '"'; i++) {
        if (p[i] == '\\' && i + 1 < *len)
            i++;
        p[out++] = p[i];
    }
    bool closed = i + 1 == *len && !followed;
    *len = out;
    return closed;
}

typedef enum { WORD, NO_WORD, BAD_QUOTES } word_result;

/* Takes the next word from the line. */
static word_result next_word(call *c, pq_span *word)
{
    size_t skip = spaces(c->rest, c->rest_len);
    char *p = c->rest + skip;
    size_t left = c->rest_len - skip, len = raw_word(p, left);
    *word = (pq_span){(const uint8_t *)p, len};
    c->rest = p + len;
    c->rest_len = left - len;
    if (left == 0)
        return NO_WORD;
    bool followed = c->rest_len > 0 && c->rest[0] != ' ';
    return unquote(p, &word->len, followed) ? WORD : BAD_QUOTES;
}

static bool is(pq_span w, const char *text)
{
    return w.len == strlen(text) && memcmp(w.data, text, w.len) == 0;
}

/* --- Answers */

static pq_action fail(call *c, const char *why)
{
    pq_text_str(c->answer, "error: ");
    pq_text_str(c->answer, why);
    return PQ_DO_NOTHING;
}

/* Takes exactly n words (fewer where the last may be missing); says how it is
 * used if there are others. */
static bool words(call *c, pq_span *w, size_t min, size_t n, const char *usage)
{
    pq_span extra;
    for (size_t i = 0; i < n; i++) {
        word_result r = next_word(c, &w[i]);
        if (r == BAD_QUOTES)
            return fail(c, "the quotes are not closed, or text stands right behind them"), false;
        if (r == NO_WORD && i < min)
            return fail(c, usage), false;
    }
    if (next_word(c, &extra) != NO_WORD)
        return fail(c, usage), false;
    return true;
}

static int nibble(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 64 hexadecimal digits. */
static bool hex32(uint8_t out[32], pq_span w)
{
    bool ok = w.len == 64;
    for (size_t i = 0; ok && i < 32; i++) {
        int hi = nibble(w.data[2 * i]), lo = nibble(w.data[2 * i + 1]);
        ok = hi >= 0 && lo >= 0;
        if (ok)
            out[i] = (uint8_t)(hi << 4 | lo);
    }
    return ok;
}

static bool decimal(uint32_t *out, pq_span w, uint32_t max)
{
    uint64_t v = 0;
    for (size_t i = 0; i < w.len; i++) {
        if (w.data[i] < '0' || w.data[i] > '9' || i > 9)
            return false;
        v = v * 10 + (uint64_t)(w.data[i] - '0');
    }
    *out = (uint32_t)v;
    return w.len > 0 && v <= max;
}

/* --- Commands */

static pq_action do_wifi(call *c)
{
    static const char usage[] =
        "usage: wifi SSID [PASSPHRASE], in double quotes where it has spaces";
    pq_span w[2];
    if (!words(c, w, 1, 2, usage))
        return PQ_DO_NOTHING;
    if (w[0].len < 1 || w[0].len > 32)
        return fail(c, "an SSID has 1 to 32 bytes");
    bool is_key = w[1].len == 64;
    for (size_t i = 0; is_key && i < 64; i++)
        is_key = nibble(w[1].data[i]) >= 0;
    if (w[1].len != 0 && !is_key && (w[1].len < 8 || w[1].len > 63))
        return fail(c, "a passphrase has 8 to 63 characters, or is a key of 64 hexadecimal digits");
    memset(c->s->ssid, 0, sizeof c->s->ssid);
    pq_wipe(c->s->passphrase, sizeof c->s->passphrase);
    memcpy(c->s->ssid, w[0].data, w[0].len);
    memcpy(c->s->passphrase, w[1].data, w[1].len);
    return PQ_DO_JOIN;
}

static pq_psk *find_psk(pq_settings *s, pq_span kid)
{
    for (size_t i = 0; i < s->psk_count; i++)
        if (s->psks[i].kid_len == kid.len && memcmp(s->psks[i].kid, kid.data, kid.len) == 0)
            return &s->psks[i];
    return NULL;
}

static pq_action remove_psk(call *c, pq_psk *psk)
{
    pq_settings *s = c->s;
    if (psk == NULL)
        return fail(c, "there is no PSK of that name");
    pq_psk *last = &s->psks[--s->psk_count];
    memmove(psk, psk + 1, (size_t)(last - psk) * sizeof *psk);
    pq_wipe(last, sizeof *last);
    return PQ_DO_SAVE;
}

static pq_action do_psk(call *c)
{
    pq_span w[2];
    pq_settings *s = c->s;
    if (!words(c, w, 2, 2, "usage: psk KID HEX, or psk KID - to remove it"))
        return PQ_DO_NOTHING;
    if (w[0].len < 1 || w[0].len > PQ_MAX_KID)
        return fail(c, "the name of a PSK has 1 to 32 bytes");
    pq_psk *psk = find_psk(s, w[0]), new = {.kid_len = (uint8_t)w[0].len};
    if (is(w[1], "-"))
        return remove_psk(c, psk);
    if (!hex32(new.key, w[1])) {
        pq_wipe(&new, sizeof new);
        return fail(c, "a PSK is 64 hexadecimal digits: 32 random bytes, never a password");
    }
    memcpy(new.kid, w[0].data, w[0].len);
    size_t most = c->role == PQ_ROLE_SENDER ? 1 : PQ_GATEWAY_PSKS;
    if (psk == NULL && s->psk_count < most)
        psk = &s->psks[s->psk_count++];
    if (psk == NULL && most == 1) /* a sender has one, and takes the new one instead */
        psk = &s->psks[0];
    if (psk != NULL)
        *psk = new;
    pq_wipe(&new, sizeof new);
    return psk != NULL ? PQ_DO_SAVE : fail(c, "there is room for 8 PSKs; remove one first");
}

static pq_action do_pin(call *c)
{
    pq_span w;
    if (!words(c, &w, 1, 1, "usage: pin HEX, or pin first-use"))
        return PQ_DO_NOTHING;
    c->s->trust_on_first_use = is(w, "first-use");
    c->s->has_pin = !c->s->trust_on_first_use;
    memset(c->s->pin, 0, sizeof c->s->pin);
    if (c->s->has_pin && !hex32(c->s->pin, w))
        return fail(c, "a pin is 64 hexadecimal digits, as the gateway prints them");
    return PQ_DO_SAVE;
}

/* IP or IP:PORT. */
static bool endpoint(pq_endpoint *out, pq_span w)
{
    uint32_t v, port = PQ_COAP_PORT;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < 5; i++) {
        size_t n = 0;
        while (n < w.len && w.data[n] != '.' && w.data[n] != ':')
            n++;
        pq_span part = {w.data, n};
        bool last = n == w.len;
        if (!last && w.data[n] != (i == 3 ? ':' : '.'))
            return false;
        if (i == 4 ? !decimal(&port, part, 65535) : !decimal(&v, part, 255))
            return false;
        if (i < 4)
            out->addr[i] = (uint8_t)v;
        if (last) {
            out->addr_len = 4;
            out->port = (uint16_t)port;
            return i >= 3 && port > 0;
        }
        w = (pq_span){w.data + n + 1, w.len - n - 1};
    }
    return false;
}

static pq_action do_gateway(call *c)
{
    pq_span w;
    if (!words(c, &w, 1, 1, "usage: gateway IP, or gateway IP:PORT"))
        return PQ_DO_NOTHING;
    if (!endpoint(&c->s->gateway, w))
        return fail(c, "an address looks like 192.168.4.2 or 192.168.4.2:5683");
    return PQ_DO_SAVE;
}

static pq_action do_require_psk(call *c)
{
    pq_span w;
    if (!words(c, &w, 1, 1, "usage: require-psk on, or require-psk off"))
        return PQ_DO_NOTHING;
    if (!is(w, "on") && !is(w, "off"))
        return fail(c, "on or off is expected");
    c->s->require_psk = is(w, "on");
    return PQ_DO_SAVE;
}

static pq_action do_interval(call *c)
{
    pq_span w;
    uint32_t v;
    if (!words(c, &w, 1, 1, "usage: interval SECONDS; 0 sends no status messages"))
        return PQ_DO_NOTHING;
    if (!decimal(&v, w, UINT16_MAX))
        return fail(c, "an interval is a number of seconds from 0 to 65535");
    c->s->interval = (uint16_t)v;
    return PQ_DO_KEEP;
}

/* The text is what stands behind one space, quotes and all. */
static pq_action do_send(call *c)
{
    if (c->rest_len < 2)
        return fail(c, "usage: send TEXT");
    if (c->rest_len - 1 > PQ_MAX_FIRST_DATA)
        return fail(c, "a message has at most 224 bytes");
    *c->arg = (pq_span){(const uint8_t *)c->rest + 1, c->rest_len - 1};
    return PQ_DO_SEND;
}

static pq_action alone(call *c, pq_action a, const char *usage)
{
    return words(c, NULL, 0, 0, usage) ? a : PQ_DO_NOTHING;
}

static pq_action do_show(call *c)
{
    return alone(c, PQ_DO_SHOW, "usage: show");
}

static pq_action do_times(call *c)
{
    return alone(c, PQ_DO_TIMES, "usage: times");
}

static pq_action do_reboot(call *c)
{
    return alone(c, PQ_DO_REBOOT, "usage: reboot");
}

static pq_action do_reset(call *c)
{
    static const char usage[] = "reset forgets every setting and key for ever; to do it: reset all";
    pq_span w;
    if (!words(c, &w, 1, 1, usage))
        return PQ_DO_NOTHING;
    return is(w, "all") ? PQ_DO_RESET : fail(c, usage);
}

static pq_action do_help(call *c);

static const struct {
    const char *name, *args, *help;
    pq_action (*run)(call *c);
    uint8_t roles;
    uint8_t shown_words; /* behind the name; what follows is secret. 0: nothing is */
} commands[] = {
    {"help", "", "this text", do_help, GATEWAY | SENDER, 0},
    {"wifi", " SSID [PASSPHRASE]", "join this network", do_wifi, GATEWAY | SENDER, 1},
    {"psk", " KID HEX", "set a pre-shared key; - for HEX removes it", do_psk, GATEWAY | SENDER, 1},
    {"require-psk", " on|off", "refuse senders without a PSK", do_require_psk, GATEWAY, 0},
    {"gateway", " IP[:PORT]", "where to send", do_gateway, SENDER, 0},
    {"pin", " HEX|first-use", "the gateway's key, or trust the first one seen", do_pin, SENDER, 0},
    {"interval", " SECONDS", "between status messages; 0: none", do_interval, SENDER, 0},
    {"send", " TEXT", "send a message", do_send, SENDER, 0},
    {"show", "", "settings, without secrets", do_show, GATEWAY | SENDER, 0},
    {"times", "", "what each step took", do_times, GATEWAY | SENDER, 0},
    {"reset", " all", "forget every setting and key", do_reset, GATEWAY | SENDER, 0},
    {"reboot", "", "boot anew", do_reboot, GATEWAY | SENDER, 0},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static bool knows(uint8_t role, size_t i)
{
    return commands[i].roles & (role == PQ_ROLE_GATEWAY ? GATEWAY : SENDER);
}

static pq_action do_help(call *c)
{
    if (!words(c, NULL, 0, 0, "usage: help"))
        return PQ_DO_NOTHING;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (!knows(c->role, i))
            continue;
        pq_text_str(c->answer, i > 0 ? "\r\n" : "");
        pq_text_str(c->answer, commands[i].name);
        pq_text_str(c->answer, commands[i].args);
        pq_text_str(c->answer, ": ");
        pq_text_str(c->answer, commands[i].help);
    }
    return PQ_DO_NOTHING;
}

static pq_action unknown(call *c, pq_span name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (is(name, commands[i].name))
            return fail(c, c->role == PQ_ROLE_GATEWAY ? "that is a command of the sender"
                                                      : "that is a command of the gateway");
    pq_text_str(c->answer, "error: no command is called ");
    pq_text_safe(c->answer, name);
    pq_text_str(c->answer, "; try help");
    return PQ_DO_NOTHING;
}

pq_action pq_command(pq_settings *s, uint8_t role, char *line, size_t len, pq_text *answer,
                     pq_span *arg)
{
    pq_settings copy = *s;
    size_t skip = spaces(line, len);
    *arg = (pq_span){NULL, 0};
    pq_span name = {(const uint8_t *)line + skip, raw_word(line + skip, len - skip)};
    call c = {&copy, role, line + skip + name.len, len - skip - name.len, answer, arg};
    size_t i = 0;
    while (i < COMMANDS && !(knows(role, i) && is(name, commands[i].name)))
        i++;
    pq_action a = PQ_DO_NOTHING;
    if (i < COMMANDS)
        a = commands[i].run(&c);
    else if (name.len > 0)
        a = unknown(&c, name);
    if (a == PQ_DO_KEEP || a == PQ_DO_SAVE || a == PQ_DO_JOIN)
        *s = copy;
    pq_wipe(&copy, sizeof copy);
    return a;
}

size_t pq_command_secret(const char *line, size_t len)
{
    size_t at = spaces(line, len), n = raw_word(line + at, len - at), i = 0;
    pq_span name = {(const uint8_t *)line + at, n};
    while (i < COMMANDS && !is(name, commands[i].name))
        i++;
    if (i == COMMANDS || commands[i].shown_words == 0)
        return len;
    for (size_t w = 0; w <= commands[i].shown_words; w++) {
        at += raw_word(line + at, len - at);
        at += spaces(line + at, len - at);
    }
    return at;
}

static void line_of(pq_text *t, const char *name)
{
    pq_text_str(t, "\r\n");
    pq_text_str(t, name);
}

static void show_sender(const pq_settings *s, pq_text *t)
{
    line_of(t, "gateway ");
    if (s->gateway.addr_len > 0)
        pq_text_endpoint(t, &s->gateway);
    else
        pq_text_str(t, "not set");
    line_of(t, "pin ");
    if (s->has_pin)
        pq_text_hex(t, s->pin, sizeof s->pin);
    else
        pq_text_str(t, s->trust_on_first_use ? "first-use" : "not set");
    line_of(t, "interval ");
    pq_text_number(t, s->interval);
}

void pq_command_show(const pq_settings *s, uint8_t role, pq_text *t)
{
    pq_text_str(t, "wifi ");
    pq_text_safe(t, (pq_span){(const uint8_t *)s->ssid, strlen(s->ssid)});
    pq_text_str(t, s->ssid[0] == 0         ? "not set"
                   : s->passphrase[0] == 0 ? ", open"
                                           : ", with a passphrase");
    if (role == PQ_ROLE_SENDER)
        show_sender(s, t);
    else
        line_of(t, s->require_psk ? "require-psk on" : "require-psk off");
    for (size_t i = 0; i < s->psk_count; i++) {
        line_of(t, "psk ");
        pq_text_safe(t, (pq_span){s->psks[i].kid, s->psks[i].kid_len});
    }
}
