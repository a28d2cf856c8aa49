/* Anything typed, with output in between and a UART that is now and then stuck:
 * lines stay bounded, secrets are not shown, settings stay within their bounds and
 * can be stored, and printing them shows no control characters. */
#include "fuzz.h"

#include <string.h>

#include "fake_flash.h"
#include "fake_port.h"
#include "pq_command.h"
#include "pq_console.h"

static pq_console c;
static pq_settings s;

static void check_answer(const pq_text *t, pq_action a)
{
    MUST(!t->cut);
    MUST(a == PQ_DO_NOTHING || t->len == 0);
    for (size_t i = 0; i < t->len; i++) {
        uint8_t b = (uint8_t)t->p[i];
        MUST(b == '\r' || b == '\n' || (b >= 0x20 && b != 0x7f));
    }
}

static void check_settings(uint8_t role)
{
    static char out[PQ_CONSOLE_OUT];
    pq_settings back;
    pq_text t;
    pq_text_init(&t, out, sizeof out);
    pq_command_show(&s, role, &t);
    check_answer(&t, PQ_DO_NOTHING);
    fake_flash_reset();
    MUST(pq_store_save(&s, false) == PQ_OK);
    MUST(pq_store_load(&back) == PQ_OK);
    MUST(back.psk_count == s.psk_count && strcmp(back.passphrase, s.passphrase) == 0);
}

static void handle(uint8_t role)
{
    static char out[PQ_CONSOLE_OUT];
    pq_settings before = s;
    pq_span arg;
    pq_text t;
    pq_text_init(&t, out, sizeof out);
    MUST(c.len > 0 && c.len <= PQ_CONSOLE_LINE);
    MUST(pq_command_secret(c.line, c.len) <= c.len);
    pq_action a = pq_command(&s, role, c.line, c.len, &t, &arg);
    check_answer(&t, a);
    MUST((a == PQ_DO_SEND) == (arg.data != NULL));
    if (a == PQ_DO_SEND)
        MUST(arg.len <= PQ_MAX_FIRST_DATA && (const char *)arg.data + arg.len <= c.line + c.len);
    if (a == PQ_DO_KEEP || a == PQ_DO_SAVE || a == PQ_DO_JOIN)
        check_settings(role);
    else
        MUST(memcmp(&before, &s, sizeof s) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    uint8_t role = take8(&in) & 1 ? PQ_ROLE_GATEWAY : PQ_ROLE_SENDER;
    memset(&s, 0, sizeof s);
    pq_console_init(&c);
    while (in.n > 0) {
        uint8_t how = take8(&in);
        size_t n;
        fake.in = take_bytes(&in, how, &n);
        fake.in_len = n;
        fake.out_len = 0;
        fake.out_room = how & 1 ? FAKE_OUT_MAX : how & 2 ? 7 : 0;
        while (pq_console_poll(&c)) {
            handle(role);
            pq_console_done(&c);
            MUST(c.len == 0 && c.line[0] == 0);
        }
        MUST(c.out.len <= PQ_CONSOLE_OUT && fake.in_len == 0);
        if (how & 4)
            pq_console_say(&c, "ready");
        for (size_t i = 0; i < fake.out_len; i++)
            MUST(fake.out[i] >= 0x20 || fake.out[i] == '\r' || fake.out[i] == '\n' ||
                 fake.out[i] == '\b');
    }
    return 0;
}
