/* The screen's text, and what an SSD1306 makes of the messages. The pictures in
 * test/unit/golden are written anew with PQ_UPDATE=1. */
#include "pq_screen.h"

#include <stdlib.h>

#include "check.h"
#include "fake_board.h"

static pq_screen s;

static void boot(void)
{
    fake_board_reset();
    fake.now = 0;
    pq_screen_init(&s);
}

static void settle(void)
{
    for (int i = 0; pq_screen_poll(&s) == 0; i++)
        CHECK(i < 100);
}

static bool shows(const char *want)
{
    char got[PQ_SSD1306_TEXT_MAX];
    settle();
    (void)pq_ssd1306_text(&fake_board.screen, got);
    if (strcmp(got, want) != 0)
        fprintf(stderr, "the screen shows \"%s\"\n", got);
    return strcmp(got, want) == 0;
}

/* What the text should look like, drawn pixel by pixel. */
static bool drawn_right(void)
{
    uint8_t want[PQ_SCREEN_ROWS][PQ_SCREEN_WIDTH] = {{0}};
    for (int y = 0; y < 64; y++)
        for (int x = 0; x < PQ_SCREEN_COLUMNS * 6; x++) {
            int c = s.text[y / 8][x / 6] - PQ_FONT_FIRST;
            if (x % 6 < 5 && pq_font[c][x % 6] >> y % 8 & 1)
                want[y / 8][x] |= (uint8_t)(1 << y % 8);
        }
    return memcmp(want, fake_board.screen.memory, sizeof want) == 0;
}

static void test_text(void)
{
    boot();
    CHECK(shows(""));
    CHECK(fake_board.screen.on && pq_screen_present(&s));
    pq_screen_str(&s, "pqiot gateway\n192.168.4.2");
    CHECK(shows("pqiot gateway\n192.168.4.2"));
    uint32_t before = fake_board.messages;
    CHECK_EQ(pq_screen_poll(&s), UINT32_MAX);
    CHECK_EQ(fake_board.messages, before);
    pq_screen_cursor(&s, 1, 8);
    pq_screen_str(&s, "99");
    settle();
    CHECK_EQ(fake_board.messages, before + 2); /* only the row that changed */
    CHECK(shows("pqiot gateway\n192.168.992"));
    pq_screen_cursor(&s, 200, 200);
    pq_screen_str(&s, "x");
    CHECK(shows("pqiot gateway\n192.168.992\n\n\n\n\n\n                    x"));
    pq_screen_clear(&s);
    CHECK(shows(""));
    CHECK(drawn_right());
    CHECK(fake_board.longest <= 255);
    CHECK_EQ(fake_board.screen.faults, 0);
}

static void test_wrap(void)
{
    boot();
    pq_screen_str(&s, "123456789012345678901"); /* exactly a row: no empty one follows */
    pq_screen_str(&s, "\nb\rc");
    CHECK(shows("123456789012345678901\nc"));
    pq_screen_str(&s, "\n1234567890123456789012");
    CHECK(shows("123456789012345678901\nc\n123456789012345678901\n2"));
    for (int i = 0; i < 6; i++)
        pq_screen_str(&s, "\nrow");
    CHECK(shows("123456789012345678901\n2\nrow\nrow\nrow\nrow\nrow\nrow"));
    pq_screen_str(&s, "456789012345678901abc"); /* wrapping scrolls, too */
    CHECK(shows("2\nrow\nrow\nrow\nrow\nrow\nrow456789012345678901\nabc"));
    pq_screen_clear(&s);
    pq_screen_write(&s, "a\x1b\0\x7f\xc2\xb0~", 7);
    CHECK(shows("a?????~"));
    CHECK(drawn_right());
}

static void test_absent(void)
{
    boot();
    fake_board.no_screen = true;
    pq_screen_str(&s, "hello");
    CHECK_EQ(pq_screen_poll(&s), PQ_SCREEN_RETRY_US);
    CHECK(!pq_screen_present(&s));
    fake.now += PQ_SCREEN_RETRY_US - 1;
    CHECK_EQ(pq_screen_poll(&s), 1);
    fake_board.no_screen = false;
    fake.now++;
    CHECK(shows("hello"));
    fake_board.no_screen = true; /* unplugged, and another plugged in */
    pq_screen_str(&s, "\nworld");
    CHECK_EQ(pq_screen_poll(&s), PQ_SCREEN_RETRY_US);
    fake_board.no_screen = false;
    pq_ssd1306_init(&fake_board.screen);
    fake.now += PQ_SCREEN_RETRY_US;
    CHECK(shows("hello\nworld"));
    CHECK(drawn_right());
}

/* Compares with a picture that was looked at by eye. */
static void check_picture(const char *path)
{
    static char got[10000], want[10000];
    FILE *f = tmpfile();
    CHECK(f != NULL && pq_ssd1306_pbm(&fake_board.screen, f));
    rewind(f);
    size_t n = fread(got, 1, sizeof got, f), m = 0;
    fclose(f);
    f = fopen(path, getenv("PQ_UPDATE") != NULL ? "w" : "r");
    CHECK(f != NULL);
    if (f == NULL)
        return;
    if (getenv("PQ_UPDATE") != NULL)
        CHECK_EQ(fwrite(got, 1, n, f), n);
    else
        m = fread(want, 1, sizeof want, f);
    fclose(f);
    if (getenv("PQ_UPDATE") == NULL && (n != m || memcmp(got, want, n) != 0)) {
        fprintf(stderr, "the picture is not that of %s\n", path);
        CHECK(false);
    }
}

static void test_pictures(void)
{
    boot();
    for (int c = PQ_FONT_FIRST; c <= PQ_FONT_LAST; c++)
        pq_screen_write(&s, &(char){(char)c}, 1);
    settle();
    CHECK(drawn_right());
    check_picture("test/unit/golden/font.pbm");
    pq_screen_clear(&s);
    pq_screen_str(
        &s, "pqiot gateway\n192.168.4.2\nT=21.5C\nThe quick brown fox jumps over the lazy dog");
    settle();
    check_picture("test/unit/golden/gateway.pbm");
}

int main(void)
{
    test_text();
    test_wrap();
    test_absent();
    test_pictures();
    return check_done("screen");
}
