#include "fake_board.h"

#include <string.h>

fake_board_parts fake_board;

void fake_board_reset(void)
{
    memset(&fake_board, 0, sizeof fake_board);
    pq_ssd1306_init(&fake_board.screen);
}

void pq_port_led(uint8_t colours)
{
    fake_board.led = colours;
    if (fake_board.leds < FAKE_LEDS) {
        fake_board.led_log[fake_board.leds] = colours;
        fake_board.led_at[fake_board.leds] = fake.now;
    }
    fake_board.leds++;
}

int pq_port_screen_write(const uint8_t *p, size_t n)
{
    if (fake_board.no_screen)
        return PQ_ERR_UNSUPPORTED;
    fake_board.messages++;
    if (n > fake_board.longest)
        fake_board.longest = (uint32_t)n;
    return pq_ssd1306_message(&fake_board.screen, p, n);
}
