/* What the LED does over time. */
#include "pq_light.h"

#include "check.h"
#include "fake_board.h"

static pq_light l;

static void boot(void)
{
    fake_board_reset();
    fake.now = 5000000;
    pq_light_init(&l);
}

/* Polls exactly when the light asks for it. */
static void run(uint64_t us)
{
    uint64_t end = fake.now + us;
    for (;;) {
        uint32_t next = pq_light_poll(&l);
        CHECK(next > 0);
        if (next > end - fake.now)
            break;
        fake.now += next;
    }
    fake.now = end;
}

/* Whether the LED did exactly this: colour, µs from start, … ended by 0xff. */
static bool did(uint64_t start, const uint32_t *want)
{
    uint32_t i = 0;
    for (; want[2 * i] != 0xff; i++)
        if (i >= fake_board.leds || fake_board.led_log[i] != want[2 * i] ||
            fake_board.led_at[i] != start + want[2 * i + 1])
            return false;
    return i == fake_board.leds;
}

static void test_patterns(void)
{
    boot();
    CHECK_EQ(pq_light_poll(&l), UINT32_MAX);
    CHECK(fake_board.leds == 1 && fake_board.led == PQ_LED_OFF);
    fake_board.leds = 0;
    uint64_t start = fake.now;
    pq_light_flash(&l, PQ_LIGHT_SUCCESS);
    pq_light_flash(&l, PQ_LIGHT_SUCCESS);
    run(2000000);
    CHECK(did(start, (const uint32_t[]){2, 0, 0, 120000, 2, 240000, 0, 360000, 0xff}));
    fake_board.leds = 0;
    start = fake.now;
    pq_light_flash(&l, PQ_LIGHT_FAILURE);
    run(2000000);
    CHECK(did(start,
              (const uint32_t[]){1, 0,      0, 60000,  1, 120000, 0, 180000, 1,   240000, 0, 300000,
                                 1, 360000, 0, 420000, 1, 480000, 0, 540000, 0xff}));
}

static void test_both(void)
{
    boot();
    pq_light_steady(&l, PQ_LED_BLUE);
    (void)pq_light_poll(&l);
    fake_board.leds = 0;
    uint64_t start = fake.now;
    pq_light_flash(&l, PQ_LIGHT_SUCCESS);
    run(100000);
    pq_light_flash(&l, PQ_LIGHT_FAILURE);
    run(3000000);
    CHECK(did(start, (const uint32_t[]){2, 0,      0, 120000,  2, 240000,  0,   360000,
                                        1, 480000, 0, 540000,  1, 600000,  0,   660000,
                                        1, 720000, 0, 780000,  1, 840000,  0,   900000,
                                        1, 960000, 0, 1020000, 4, 1080000, 0xff}));
}

/* A board that was busy for long goes on with what is due now. */
static void test_late(void)
{
    boot();
    pq_light_steady(&l, PQ_LED_RED);
    pq_light_flash(&l, PQ_LIGHT_SUCCESS);
    pq_light_flash(&l, PQ_LIGHT_FAILURE);
    (void)pq_light_poll(&l);
    fake.now += 480000 + 130000;
    CHECK_EQ(pq_light_poll(&l), 50000);
    CHECK_EQ(fake_board.led, PQ_LED_RED);
    fake.now += 100000000;
    CHECK_EQ(pq_light_poll(&l), UINT32_MAX);
    CHECK_EQ(fake_board.led, PQ_LED_RED);
}

int main(void)
{
    test_patterns();
    test_both();
    test_late();
    return check_done("light");
}
