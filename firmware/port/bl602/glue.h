/* What the files of this port share. Of the SDK's names none is here. */
#ifndef PQ_BL602_GLUE_H
#define PQ_BL602_GLUE_H

#include "pq_port.h"

/* --- Pins of a PineCone; see firmware/README.md for the wiring */

enum {
    PQ_PIN_UART0_TX = 16,
    PQ_PIN_UART0_RX = 7,
    PQ_PIN_UART1_TX = 5, /* what the SDK prints */
    PQ_PIN_RED = 17,     /* LEDs shine at low level */
    PQ_PIN_GREEN = 14,
    PQ_PIN_BLUE = 11,
    PQ_PIN_SCL = 4,
    PQ_PIN_SDA = 3,
};

#define PQ_KEY_ADDRESS 0x1f1000u /* in flash: partition KEY of partition.toml */

/* --- main.c: the role's task */

/* Ends pq_port_wait; from any task, or from an interrupt. */
void pq_wake(void);
void pq_wake_from_isr(void);

/* Of the role that is linked in. Radio or network may be started now. */
void pq_role_main(pq_board *board);
extern const char pq_board_name[];
extern const uint8_t pq_board_role; /* PQ_ROLE_… */

/* --- uart.c, peripherals.c, net.c: each before the first use of its functions */

void pq_uart_init(uint32_t baud);
void pq_peripherals_init(void);

/* The network has an address, or has lost it. Called with the scheduler stopped. */
void pq_net_up(bool up);

#endif
