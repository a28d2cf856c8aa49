/* Which rates the UART can do. */
#ifndef PQ_BL602_UART_RATE_H
#define PQ_BL602_UART_RATE_H

#include <stdint.h>

#define PQ_UART_CLOCK 160000000u /* Hz, as the SDK's board.c sets it */

/* Clock ticks a bit, as the SDK rounds them; 0 if the rate would be off by more
 * than 1.5 %, or is under 9600 or over 5,000,000 baud. */
static inline uint32_t pq_uart_divisor(uint32_t baud)
{
    if (baud < 9600 || baud > 5000000)
        return 0;
    uint32_t d = (PQ_UART_CLOCK + baud / 2) / baud;
    uint32_t got = PQ_UART_CLOCK / d;
    uint32_t off = got > baud ? got - baud : baud - got;
    return off > baud / 1000 * 15 ? 0 : d;
}

#endif
