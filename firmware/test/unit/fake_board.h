/* LED and screen of a board that a test holds in its hands. */
#ifndef PQ_FAKE_BOARD_H
#define PQ_FAKE_BOARD_H

#include "fake_port.h"
#include "ssd1306.h"

#define FAKE_LEDS 256

typedef struct {
    uint8_t led;
    uint32_t leds; /* changes */
    uint8_t led_log[FAKE_LEDS];
    uint64_t led_at[FAKE_LEDS]; /* µs */
    pq_ssd1306 screen;
    bool no_screen;
    uint32_t messages, longest; /* to the screen */
} fake_board_parts;

extern fake_board_parts fake_board;

void fake_board_reset(void);

#endif
