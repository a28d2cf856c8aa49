/* Boot, and the role's task.
 *
 * The SDK's event callbacks run with the scheduler stopped: all they do is note
 * what has happened and wake the role's task, which brings the radio up and then
 * becomes the role. */
#include "glue.h"

#include <stdatomic.h>
#include <stdio.h>

#include "FreeRTOS.h"
#include "task.h"
#include "lwip/tcpip.h"

#include "async_event.h"
#include "board.h"
#include "rfparam_adapter.h"
#include "wifi_mgmr_ext.h"

#include "pq_wire.h"

#define ROLE_STACK    4096 /* words: 16 KB, see firmware/README.md */
#define ROLE_PRIORITY 20   /* below the radio's task (30) and lwIP's (28) */

/* Of the SDK, which declares them in no header. */
void wifi_task_create(void);
int wifi_mgmr_task_start(void);

static TaskHandle_t task;
static StaticTask_t task_control;
/* The fastest memory, which nothing but the CPU reaches. */
static __attribute__((section(".dtcm_noinit"))) StackType_t task_stack[ROLE_STACK];

enum { RADIO_READY = 1, MANAGER_READY = 2 };
static _Atomic uint32_t ready;

void pq_wake(void)
{
    if (task != NULL)
        xTaskNotifyGive(task);
}

void pq_wake_from_isr(void)
{
    BaseType_t woken = pdFALSE;
    if (task != NULL)
        vTaskNotifyGiveFromISR(task, &woken);
    portYIELD_FROM_ISR(woken);
}

pq_port_event pq_port_wait(uint32_t max_us)
{
    _Static_assert(configTICK_RATE_HZ == 1000, "a tick is a millisecond");
    ulTaskNotifyTake(pdTRUE, (TickType_t)((max_us + 999ull) / 1000));
    return PQ_PORT_GO_ON;
}

static void on_wifi(async_input_event_t event, void *ctx)
{
    (void)ctx;
    switch (event->code) {
    case CODE_WIFI_ON_INIT_DONE:
        atomic_fetch_or(&ready, RADIO_READY);
        break;
    case CODE_WIFI_ON_MGMR_DONE:
        atomic_fetch_or(&ready, MANAGER_READY);
        break;
    case CODE_WIFI_ON_GOT_IP:
        pq_net_up(true);
        break;
    case CODE_WIFI_ON_DISCONNECT:
        pq_net_up(false);
        break;
    default:
        return;
    }
    pq_wake();
}

static void await(uint32_t what)
{
    while ((atomic_load(&ready) & what) == 0)
        ulTaskNotifyTake(pdTRUE, portMAX_DELAY);
}

static void role_task(void *arg)
{
    (void)arg;
    async_register_event_filter(EV_WIFI, on_wifi, NULL);
    wifi_task_create();
    await(RADIO_READY);
    wifi_mgmr_task_start();
    await(MANAGER_READY);

    static pq_board board = {
        .name = pq_board_name,
        .major = PQ_MAJOR,
        .channel = 6,
        .baud = PQ_BAUD_DEFAULT,
    };
    board.role = pq_board_role;
    wifi_mgmr_sta_mac_get(board.mac);
    pq_role_main(&board);
    printf("the role ended\r\n");
    vTaskSuspend(NULL);
}

/* Without its calibration the radio would send on wrong frequencies with a wrong
 * power. The SDK's tool puts it into the image after the build. */
static void stop_uncalibrated(int err)
{
    printf("pqiot: this image has no calibration of the radio (%d): it was flashed as the linker "
           "left it, before the SDK's bflb_fw_post_proc\r\n",
           err);
    pq_port_led(PQ_LED_RED);
    for (;;)
        ;
}

int main(void)
{
    board_init();
    pq_peripherals_init();
    int err = rfparam_init(0, NULL, 0);
    if (err != 0)
        stop_uncalibrated(err);
    pq_uart_init(PQ_BAUD_DEFAULT);
    tcpip_init(NULL, NULL);
    task = xTaskCreateStatic(role_task, "role", ROLE_STACK, NULL, ROLE_PRIORITY, task_stack,
                             &task_control);
    vTaskStartScheduler();
    for (;;)
        ;
}
