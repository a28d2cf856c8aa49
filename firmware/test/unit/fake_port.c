#include "fake_port.h"

#include <string.h>

static uint8_t out[FAKE_OUT_MAX];
fake_port fake = {.out = out};

uint64_t pq_port_time_us(void)
{
    return fake.now;
}

size_t pq_port_uart_write(const uint8_t *p, size_t n)
{
    n = n < fake.out_room ? n : fake.out_room;
    if (n > sizeof out - fake.out_len)
        n = sizeof out - fake.out_len;
    memcpy(out + fake.out_len, p, n);
    fake.out_len += n;
    fake.out_room -= n;
    return n;
}

size_t pq_port_uart_read(uint8_t *p, size_t n)
{
    n = n < fake.in_len ? n : fake.in_len;
    if (fake.in_step > 0 && n > fake.in_step)
        n = fake.in_step;
    if (n == 0)
        return 0;
    memcpy(p, fake.in, n);
    fake.in += n;
    fake.in_len -= n;
    return n;
}

bool pq_port_uart_idle(void)
{
    return !fake.busy;
}

bool pq_port_uart_can_baud(uint32_t baud)
{
    return baud >= 9600 && baud <= 2000000;
}

void pq_port_uart_set_baud(uint32_t baud)
{
    fake.baud = baud;
}

int pq_port_radio_channel(uint8_t channel)
{
    if (fake.channel_error == PQ_OK) {
        fake.channel = channel;
        fake.tuned |= 1u << channel;
    }
    return fake.channel_error;
}

uint32_t pq_port_radio_dropped(void)
{
    return 7;
}

int pq_port_random(uint8_t *p, size_t n)
{
    memset(p, 0, n);
    if (fake.random_error < 0)
        return fake.random_error;
    for (size_t i = 0; i < n; i++) {
        fake.random = fake.random * 6364136223846793005u + 1442695040888963407u;
        p[i] = (uint8_t)(fake.random >> 56);
    }
    return PQ_OK;
}

uint32_t pq_port_free_heap(void)
{
    return 90000;
}
