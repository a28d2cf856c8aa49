/* The data line: UART0 with DMA out and an interrupt in. What the SDK prints goes
 * to UART1, so that no text gets between the bytes. */
#include "glue.h"

#include <stdatomic.h>

#include "FreeRTOS.h"
#include "task.h"

#include "bflb_dma.h"
#include "bflb_gpio.h"
#include "bflb_irq.h"
#include "bflb_uart.h"

#include "byte_ring.h"
#include "uart_rate.h"

#define OUT_SIZE  4096u /* bytes: 20 ms at 2 MBd */
#define IN_SIZE   512u  /* bytes */
#define DMA_MAX   4064u /* bytes, one node of the SDK's */
#define FIFO_SIZE 32    /* bytes */

/* In the SDK's C library, declared in no header. */
void bflb_uart_set_console(struct bflb_device_s *dev);

static struct bflb_device_s *uart, *dma;

static uint8_t out_bytes[OUT_SIZE], in_bytes[IN_SIZE];
static pq_byte_ring out = PQ_BYTE_RING(out_bytes), in = PQ_BYTE_RING(in_bytes);

static struct bflb_dma_channel_lli_pool_s node[1];
static volatile size_t leaving; /* bytes that DMA works on, 0 = none */
static volatile bool wanted;    /* the writer found no room */

/* With interrupts off, or in one. */
static void send_next(void)
{
    pq_span s = pq_byte_ring_peek(&out, DMA_MAX);
    leaving = s.len;
    if (s.len == 0)
        return;
    struct bflb_dma_channel_lli_transfer_s t = {
        .src_addr = (uint32_t)(uintptr_t)s.data,
        .dst_addr = DMA_ADDR_UART0_TDR,
        .nbytes = (uint32_t)s.len,
    };
    bflb_dma_channel_stop(dma);
    bflb_dma_channel_lli_reload(dma, node, 1, &t, 1);
    bflb_dma_channel_start(dma);
}

static void on_sent(void *arg)
{
    (void)arg;
    pq_byte_ring_drop(&out, leaving);
    send_next();
    if (wanted) {
        wanted = false;
        pq_wake_from_isr();
    }
}

static void on_uart(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    uint32_t status = bflb_uart_get_intstatus(uart);
    if (status & UART_INTSTS_RTO)
        bflb_uart_int_clear(uart, UART_INTCLR_RTO);
    bool came = false;
    while (bflb_uart_rxavailable(uart)) {
        uint8_t byte = (uint8_t)bflb_uart_getchar(uart);
        pq_byte_ring_put(&in, &byte, 1); /* a lost byte fails the command's CRC */
        came = true;
    }
    if (came)
        pq_wake_from_isr();
}

static void print_elsewhere(struct bflb_device_s *gpio)
{
    bflb_gpio_uart_init(gpio, PQ_PIN_UART1_TX, GPIO_UART_FUNC_UART1_TX);
    struct bflb_device_s *log = bflb_device_get_by_name("uart1");
    struct bflb_uart_config_s c = {
        .baudrate = 115200,
        .direction = UART_DIRECTION_TX,
        .data_bits = UART_DATA_BITS_8,
        .stop_bits = UART_STOP_BITS_1,
        .parity = UART_PARITY_NONE,
        .bit_order = UART_LSB_FIRST,
        .tx_fifo_threshold = 15,
    };
    bflb_uart_init(log, &c);
    bflb_uart_set_console(log);
}

void pq_uart_init(uint32_t baud)
{
    uart = bflb_device_get_by_name("uart0");
    dma = bflb_device_get_by_name("dma0_ch0");
    struct bflb_device_s *gpio = bflb_device_get_by_name("gpio");
    bflb_uart_wait_tx_done(uart); /* the end of the SDK's greeting */
    print_elsewhere(gpio);

    struct bflb_uart_config_s c = {
        .baudrate = baud,
        .direction = UART_DIRECTION_TXRX,
        .data_bits = UART_DATA_BITS_8,
        .stop_bits = UART_STOP_BITS_1,
        .parity = UART_PARITY_NONE,
        .bit_order = UART_LSB_FIRST,
        .tx_fifo_threshold = 7,
        .rx_fifo_threshold = FIFO_SIZE / 2 - 1,
    };
    bflb_uart_init(uart, &c);
    bflb_uart_link_txdma(uart, true);
    bflb_uart_feature_control(uart, UART_CMD_SET_RTO_VALUE, 0x40); /* bit times of silence */
    bflb_uart_rxint_mask(uart, false);
    bflb_irq_attach(uart->irq_num, on_uart, NULL);
    bflb_irq_enable(uart->irq_num);

    struct bflb_dma_channel_config_s d = {
        .direction = DMA_MEMORY_TO_PERIPH,
        .src_req = DMA_REQUEST_NONE,
        .dst_req = DMA_REQUEST_UART0_TX,
        .src_addr_inc = DMA_ADDR_INCREMENT_ENABLE,
        .dst_addr_inc = DMA_ADDR_INCREMENT_DISABLE,
        .src_burst_count = DMA_BURST_INCR1,
        .dst_burst_count = DMA_BURST_INCR1,
        .src_width = DMA_DATA_WIDTH_8BIT,
        .dst_width = DMA_DATA_WIDTH_8BIT,
    };
    bflb_dma_channel_init(dma, &d);
    bflb_dma_channel_irq_attach(dma, on_sent, NULL);
}

size_t pq_port_uart_write(const uint8_t *p, size_t n)
{
    size_t took = pq_byte_ring_put(&out, p, n);
    taskENTER_CRITICAL();
    wanted = took < n;
    if (leaving == 0)
        send_next();
    taskEXIT_CRITICAL();
    return took;
}

size_t pq_port_uart_read(uint8_t *p, size_t n)
{
    return pq_byte_ring_get(&in, p, n);
}

bool pq_port_uart_idle(void)
{
    return leaving == 0 && bflb_uart_txempty(uart);
}

bool pq_port_uart_can_baud(uint32_t baud)
{
    return pq_uart_divisor(baud) != 0;
}

void pq_port_uart_set_baud(uint32_t baud)
{
    bflb_uart_wait_tx_done(uart); /* at most the byte that is on the line */
    bflb_uart_feature_control(uart, UART_CMD_SET_BAUD_RATE, baud);
}
