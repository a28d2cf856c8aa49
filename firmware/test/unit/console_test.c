/* The line editor, and the commands typed into it. */
#include "pq_command.h"
#include "pq_console.h"

#include "check.h"
#include "fake_port.h"

#define HEX64 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1F"

static pq_console c;
static pq_settings s;
static char answer[2000];

static void boot(void)
{
    memset(&fake, 0, offsetof(fake_port, out));
    fake.out_len = 0;
    fake.in_len = 0;
    fake.out_room = FAKE_OUT_MAX;
    pq_console_init(&c);
}

/* Types bytes; returns the last line that came of it, "" if none did. */
static const char *type(const char *text)
{
    static char line[PQ_CONSOLE_LINE + 1];
    line[0] = '\0';
    fake.in = (const uint8_t *)text;
    fake.in_len = strlen(text);
    while (pq_console_poll(&c)) {
        memcpy(line, c.line, c.len);
        line[c.len] = '\0';
        pq_console_done(&c);
        for (size_t i = 0; i < sizeof c.line; i++)
            CHECK_EQ(c.line[i], 0); /* nothing typed stays */
    }
    return line;
}

static bool printed(const char *want)
{
    (void)pq_console_poll(&c);
    bool same = fake.out_len == strlen(want) && memcmp(fake.out, want, fake.out_len) == 0;
    if (!same)
        fprintf(stderr, "printed \"%.*s\"\n", (int)fake.out_len, (const char *)fake.out);
    fake.out_len = 0;
    return same;
}

static void test_editing(void)
{
    static const struct {
        const char *typed, *line, *shown;
    } rows[] = {
        {"help\r\n", "help", "help\r\n"},
        {"help\n", "help", "help\r\n"},
        {"\r\n\n\r", "", ""},
        {"shoe\x7fw\r", "show", "shoe\b \bw\r\n"},
        {"a\x08\x08\x08"
         "b\r",
         "b", "a\b \bb\r\n"},
        {"x\xe6\xb8\xa9\x7f\r", "x", "x\xe6\xb8\xa9\b \b\r\n"},
        {"half\x03", "", "half\r\n"},
        {"half\x15whole\r", "whole", "half\r\nwhole\r\n"},
        {"a\x1b[Ab\x1b[1;5Dc\x1bOPd\x1bxe\r", "abcde", "abcde\r\n"},
        {"a\tb\r", "a b", "a b\r\n"},
        {"a\x01\x02"
         "b\r",
         "ab", "ab\r\n"},
        {"wifi home secret1!\r", "wifi home secret1!", "wifi home ********\r\n"},
        {" wifi \"my home\" \"se cret\"\r", " wifi \"my home\" \"se cret\"",
         " wifi \"my home\" *********\r\n"},
        {"psk k1 00ff\x7f"
         "0\r",
         "psk k1 00f0", "psk k1 ****\b \b*\r\n"},
        {"psk k1 -\r", "psk k1 -", "psk k1 *\r\n"},
        {"pin 00ff\r", "pin 00ff", "pin 00ff\r\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        boot();
        const char *line = type(rows[i].typed);
        CHECK(strcmp(line, rows[i].line) == 0);
        CHECK(printed(rows[i].shown));
    }
}

static void test_overlong(void)
{
    static char text[400];
    boot();
    memset(text, 'x', PQ_CONSOLE_LINE);
    strcpy(text + PQ_CONSOLE_LINE, "\r");
    CHECK_EQ(strlen(type(text)), PQ_CONSOLE_LINE);
    memset(text, 'x', PQ_CONSOLE_LINE + 1);
    strcpy(text + PQ_CONSOLE_LINE + 1, "\x7f\rhelp\r");
    fake.out_len = 0;
    CHECK(strcmp(type(text), "help") == 0);
    fake.out[fake.out_len] = '\0';
    CHECK(strstr((char *)fake.out, "error: the line is longer than 256 bytes") != NULL);
}

/* What is printed while a line is half typed does not tear it. */
static void test_between(void)
{
    boot();
    (void)type("psk k1 ab");
    CHECK(printed("psk k1 **"));
    pq_console_say(&c, "kem.decaps 6.1 ms");
    pq_console_say(&c, "ready");
    CHECK(printed("\r\nkem.decaps 6.1 ms\r\npsk k1 **\r\nready\r\npsk k1 **"));
    CHECK(strcmp(type("c\r"), "psk k1 abc") == 0);
    CHECK(printed("*\r\n"));
}

static void test_full(void)
{
    boot();
    fake.out_room = 0;
    char line[100];
    memset(line, 'y', sizeof line);
    line[98] = '\0';
    for (int i = 0; i < 43; i++) /* 100 bytes each with its end: 40 fit */
        pq_console_say(&c, line);
    (void)pq_console_poll(&c);
    CHECK(!pq_console_idle(&c));
    fake.out_room = 4000;
    (void)pq_console_poll(&c);
    CHECK(pq_console_idle(&c));
    CHECK_EQ(fake.out_len, 4000);
    fake.out_len = 0;
    fake.out_room = 1000;
    pq_console_say(&c, "on");
    CHECK(printed("[3 lines lost]\r\non\r\n"));
    char big[PQ_CONSOLE_OUT]; /* the longest message, every byte escaped, finds room */
    memset(big, 'z', sizeof big);
    pq_text_bytes(pq_console_begin(&c), big, 4 * PQ_MAX_DATA);
    pq_console_end(&c);
    CHECK_EQ(c.lost, 0);
}

/* --- Commands */

static pq_action run(uint8_t role, const char *line)
{
    char copy[PQ_CONSOLE_LINE];
    pq_span arg;
    pq_text t;
    strcpy(copy, line);
    pq_text_init(&t, answer, sizeof answer - 1);
    pq_action a = pq_command(&s, role, copy, strlen(copy), &t, &arg);
    CHECK(!t.cut);
    answer[t.len] = '\0';
    if (a == PQ_DO_SEND)
        pq_text_bytes(&t, arg.data, arg.len);
    answer[t.len] = '\0';
    return a;
}

static bool says(const char *part)
{
    if (strstr(answer, part) == NULL)
        fprintf(stderr, "answer \"%s\"\n", answer);
    return strstr(answer, part) != NULL;
}

static void test_good_commands(void)
{
    memset(&s, 0, sizeof s);
    CHECK_EQ(run(PQ_ROLE_SENDER, "wifi home 12345678"), PQ_DO_JOIN);
    CHECK(strcmp(s.ssid, "home") == 0 && strcmp(s.passphrase, "12345678") == 0);
    CHECK_EQ(run(PQ_ROLE_SENDER, "  wifi  \"my \\\"net\\\\\"   \"pass phrase\" "), PQ_DO_JOIN);
    CHECK(strcmp(s.ssid, "my \"net\\") == 0 && strcmp(s.passphrase, "pass phrase") == 0);
    CHECK_EQ(run(PQ_ROLE_SENDER, "wifi open"), PQ_DO_JOIN);
    CHECK(s.passphrase[0] == '\0');
    CHECK_EQ(run(PQ_ROLE_SENDER, "wifi keyed " HEX64), PQ_DO_JOIN);
    CHECK_EQ(strlen(s.passphrase), 64);

    CHECK_EQ(run(PQ_ROLE_GATEWAY, "psk a " HEX64), PQ_DO_SAVE);
    CHECK_EQ(run(PQ_ROLE_GATEWAY, "psk b " HEX64), PQ_DO_SAVE);
    CHECK_EQ(run(PQ_ROLE_GATEWAY, "psk c " HEX64), PQ_DO_SAVE);
    CHECK(s.psk_count == 3 && s.psks[1].kid[0] == 'b' && s.psks[1].key[31] == 0x1f);
    CHECK_EQ(run(PQ_ROLE_GATEWAY, "psk a -"), PQ_DO_SAVE);
    CHECK(s.psk_count == 2 && s.psks[0].kid[0] == 'b' && s.psks[1].kid[0] == 'c');
    CHECK_EQ(s.psks[2].key[31], 0);
    CHECK_EQ(run(PQ_ROLE_GATEWAY,
                 "psk c f"
                 "f02030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00"),
             PQ_DO_SAVE);
    CHECK(s.psk_count == 2 && s.psks[1].key[0] == 0xff);
    s.psk_count = 0;
    CHECK_EQ(run(PQ_ROLE_SENDER, "psk a " HEX64), PQ_DO_SAVE);
    CHECK_EQ(run(PQ_ROLE_SENDER, "psk other " HEX64), PQ_DO_SAVE);
    CHECK(s.psk_count == 1 && s.psks[0].kid_len == 5);

    CHECK_EQ(run(PQ_ROLE_SENDER, "pin first-use"), PQ_DO_SAVE);
    CHECK(s.trust_on_first_use && !s.has_pin);
    CHECK_EQ(run(PQ_ROLE_SENDER, "pin " HEX64), PQ_DO_SAVE);
    CHECK(!s.trust_on_first_use && s.has_pin && s.pin[1] == 1);
    CHECK_EQ(run(PQ_ROLE_SENDER, "gateway 192.168.4.255"), PQ_DO_SAVE);
    CHECK(s.gateway.addr_len == 4 && s.gateway.addr[3] == 255 && s.gateway.port == 5683);
    CHECK_EQ(run(PQ_ROLE_SENDER, "gateway 10.0.0.1:65535"), PQ_DO_SAVE);
    CHECK_EQ(s.gateway.port, 65535);
    CHECK_EQ(run(PQ_ROLE_SENDER, "interval 60"), PQ_DO_KEEP);
    CHECK_EQ(s.interval, 60);
    CHECK_EQ(run(PQ_ROLE_GATEWAY, "require-psk on"), PQ_DO_SAVE);
    CHECK(s.require_psk);
    CHECK_EQ(run(PQ_ROLE_SENDER, "send  \"T\" = 21.5 "), PQ_DO_SEND);
    CHECK(strcmp(answer, " \"T\" = 21.5 ") == 0);
    CHECK_EQ(run(PQ_ROLE_GATEWAY, "show"), PQ_DO_SHOW);
    CHECK_EQ(run(PQ_ROLE_GATEWAY, "times"), PQ_DO_TIMES);
    CHECK_EQ(run(PQ_ROLE_GATEWAY, "reboot"), PQ_DO_REBOOT);
    CHECK_EQ(run(PQ_ROLE_GATEWAY, "reset all"), PQ_DO_RESET);
    CHECK_EQ(run(PQ_ROLE_GATEWAY, "help"), PQ_DO_NOTHING);
    CHECK(says("require-psk on|off") && strstr(answer, "interval") == NULL);
    CHECK_EQ(run(PQ_ROLE_SENDER, ""), PQ_DO_NOTHING);
    CHECK(answer[0] == '\0');
}

static void test_bad_commands(void)
{
    static const struct {
        uint8_t role;
        const char *line, *why;
    } rows[] = {
        {3, "wifi", "usage: wifi"},
        {3, "wifi a b12345678 c", "usage: wifi"},
        {3, "wifi a short", "8 to 63"},
        {3, "wifi \"\" 12345678", "1 to 32 bytes"},
        {3, "wifi 123456789012345678901234567890123 12345678", "1 to 32 bytes"},
        {3, "wifi \"a 12345678", "quotes"},
        {3, "wifi \"a\"b 12345678", "quotes"},
        {3, "wifi a zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "8 to 63"},
        {3, "psk k", "usage: psk"},
        {3, "psk k 0011", "64 hexadecimal digits"},
        {3,
         "psk k 0g"
         "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
         "64 hex"},
        {3, "psk 123456789012345678901234567890123 " HEX64, "1 to 32"},
        {3, "psk nobody -", "no PSK of that name"},
        {3, "pin", "usage: pin"},
        {3, "pin first", "64 hexadecimal"},
        {2, "pin " HEX64, "a command of the sender"},
        {3, "require-psk on", "a command of the gateway"},
        {2, "require-psk maybe", "on or off"},
        {3, "gateway 1.2.3", "looks like"},
        {3, "gateway 1.2.3.4.5", "looks like"},
        {3, "gateway 1.2.3.256", "looks like"},
        {3, "gateway 1.2.3.4:", "looks like"},
        {3, "gateway 1.2.3.4:0", "looks like"},
        {3, "gateway 1.2.3.4:65536", "looks like"},
        {3, "gateway 1.2..4", "looks like"},
        {3, "gateway home", "looks like"},
        {3, "interval 65536", "0 to 65535"},
        {3, "interval -1", "0 to 65535"},
        {3, "interval 18446744073709551616", "0 to 65535"},
        {3, "send", "usage: send"},
        {3, "send ", "usage: send"},
        {3, "reset", "reset all"},
        {3, "reset ALL", "reset all"},
        {3, "show me", "usage: show"},
        {3, "shwo \x1b[2J", "no command is called shwo; try help"},
        {3, "\x1b[2J", "no command is called \\x1b[2J; try help"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pq_settings before = s;
        CHECK_EQ(run(rows[i].role, rows[i].line), PQ_DO_NOTHING);
        CHECK(says(rows[i].why));
        CHECK(memcmp(&before, &s, sizeof s) == 0);
    }
    memset(&s, 0, sizeof s);
    for (char k = 'a'; k < 'i'; k++) {
        char line[100] = "psk k " HEX64;
        line[4] = k;
        CHECK_EQ(run(PQ_ROLE_GATEWAY, line), PQ_DO_SAVE);
    }
    CHECK_EQ(run(PQ_ROLE_GATEWAY, "psk z " HEX64), PQ_DO_NOTHING);
    CHECK(says("room for 8"));
    char line[PQ_CONSOLE_LINE] = "send ";
    memset(line + 5, 'x', 224);
    CHECK_EQ(run(PQ_ROLE_SENDER, line), PQ_DO_SEND);
    line[5 + 224] = 'x';
    CHECK_EQ(run(PQ_ROLE_SENDER, line), PQ_DO_NOTHING);
    CHECK(says("224 bytes"));
}

static void test_show(void)
{
    memset(&s, 0, sizeof s);
    pq_text t;
    pq_text_init(&t, answer, sizeof answer - 1);
    pq_command_show(&s, PQ_ROLE_SENDER, &t);
    answer[t.len] = '\0';
    CHECK(strcmp(answer, "wifi not set\r\ngateway not set\r\npin not set\r\ninterval 0") == 0);
    CHECK_EQ(run(PQ_ROLE_GATEWAY, "wifi my\x9bnet topsecret"), PQ_DO_JOIN);
    CHECK_EQ(run(PQ_ROLE_GATEWAY,
                 "psk k1 ababababababababababababababababababababababababababababababababab"),
             PQ_DO_NOTHING);
    CHECK_EQ(run(PQ_ROLE_GATEWAY,
                 "psk k1 abababababababababababababababababababababababababababababababab"),
             PQ_DO_SAVE);
    s.has_seed = true;
    memset(s.seed, 0xab, sizeof s.seed);
    pq_text_init(&t, answer, sizeof answer - 1);
    pq_command_show(&s, PQ_ROLE_GATEWAY, &t);
    answer[t.len] = '\0';
    CHECK(strcmp(answer, "wifi my\\x9bnet, with a passphrase\r\nrequire-psk off\r\npsk k1") == 0);
    CHECK(strstr(answer, "abab") == NULL && strstr(answer, "topsecret") == NULL);
}

int main(void)
{
    test_editing();
    test_overlong();
    test_between();
    test_full();
    test_good_commands();
    test_bad_commands();
    test_show();
    return check_done("console");
}
