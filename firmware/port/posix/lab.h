/* The board's end of lab_link.h. */
#ifndef PQ_LAB_H
#define PQ_LAB_H

#include "lab_link.h"
#include "pq_port.h"

/* Waits for the lab's first 'T'. PQ_ERR_SHORT: the lab has gone; PQ_ERR_ARG: told on
 * stderr what was wrong with its messages. */
int pq_lab_start(void);

/* The board boots now, at the lab's time: nothing is queued, there is no address. */
void pq_lab_boot(void);

/* µs since the board has booted. */
uint64_t pq_lab_time_us(void);

/* The board has worked for so long: until the lab's next 'T' its clock is ahead. */
void pq_lab_spend(uint32_t us);

void pq_lab_print(const uint8_t *p, size_t n);
size_t pq_lab_typed(uint8_t *p, size_t n);

bool pq_lab_address(pq_endpoint *address);
void pq_lab_join(const char *ssid, const char *pass);
int pq_lab_send(const pq_endpoint *to, const uint8_t *p, size_t n);
int pq_lab_receive(pq_endpoint *from, uint8_t *p, size_t max);

void pq_lab_led(uint8_t colours);
void pq_lab_screen(const char *text, size_t n);

/* What ended a wait. */
typedef enum {
    PQ_LAB_GO_ON,
    PQ_LAB_BOOT, /* the power was cut and is back */
    PQ_LAB_OVER, /* the lab has gone */
    PQ_LAB_BAD,  /* its messages make no sense; told on stderr */
} pq_lab_event;

/* Says that all is done and when to be called again; returns at the lab's next 'T'. */
pq_lab_event pq_lab_wait(uint32_t max_us);

#endif
