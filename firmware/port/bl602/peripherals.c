/* Clock, random, key store's flash, LED, screen, reset, heap. */
#include "glue.h"

#include <string.h>

#include "FreeRTOS.h"
#include "task.h"

#include "bflb_flash.h"
#include "bflb_gpio.h"
#include "bflb_i2c.h"
#include "bflb_mtimer.h"
#include "bflb_sec_trng.h"
#include "bl602_sys.h"
#include "mm.h"

#include "pq_secret.h"

#define SCREEN_ADDRESS 0x3c   /* SSD1306, its D/C# pin low */
#define SCREEN_HZ      400000 /* the most that the chip and the SDK allow */
#define SCREEN_TRIES   3      /* failures in a row, then there is none */

static struct bflb_device_s *gpio, *i2c;
static int screen_tries = SCREEN_TRIES;

void pq_peripherals_init(void)
{
    gpio = bflb_device_get_by_name("gpio");
    i2c = bflb_device_get_by_name("i2c0");
    static const uint8_t leds[] = {PQ_PIN_RED, PQ_PIN_GREEN, PQ_PIN_BLUE};
    for (size_t i = 0; i < sizeof leds; i++)
        bflb_gpio_init(gpio, leds[i], GPIO_OUTPUT | GPIO_SMT_EN | GPIO_DRV_0);
    pq_port_led(PQ_LED_OFF);

    uint32_t pin = GPIO_FUNC_I2C0 | GPIO_ALTERNATE | GPIO_PULLUP | GPIO_SMT_EN | GPIO_DRV_1;
    bflb_gpio_init(gpio, PQ_PIN_SCL, pin);
    bflb_gpio_init(gpio, PQ_PIN_SDA, pin);
    bflb_i2c_init(i2c, SCREEN_HZ);
}

uint64_t pq_port_time_us(void)
{
    return bflb_mtimer_get_time_us();
}

/* One draw of the generator: 32 bytes. A source that repeats itself or gives all
 * zero has failed (the repetition count test of NIST SP 800-90B §4.4.1, on blocks). */
static int draw(uint8_t out[32])
{
    static uint8_t last[32];
    taskENTER_CRITICAL(); /* the hardware serves the Wi-Fi library too */
    int err = bflb_trng_readlen(out, 32);
    taskEXIT_CRITICAL();
    static const uint8_t zero[32];
    if (err != 0 || memcmp(out, zero, 32) == 0 || memcmp(out, last, 32) == 0)
        return PQ_ERR_RANDOM;
    memcpy(last, out, 32);
    return PQ_OK;
}

int pq_port_random(uint8_t *out, size_t n)
{
    uint8_t block[32];
    int err = PQ_OK;
    for (size_t at = 0; at < n && err == PQ_OK; at += sizeof block) {
        err = draw(block);
        memcpy(out + at, block, n - at < sizeof block ? n - at : sizeof block);
    }
    pq_wipe(block, sizeof block);
    if (err != PQ_OK)
        memset(out, 0, n);
    return err;
}

/* --- Flash */

static bool within(uint32_t offset, size_t n)
{
    return offset <= PQ_FLASH_SIZE && n <= PQ_FLASH_SIZE - offset;
}

int pq_port_flash_read(uint32_t offset, uint8_t *p, size_t n)
{
    if (!within(offset, n))
        return PQ_ERR_ARG;
    return bflb_flash_read(PQ_KEY_ADDRESS + offset, p, (uint32_t)n) == 0 ? PQ_OK : PQ_ERR_FLASH;
}

int pq_port_flash_write(uint32_t offset, const uint8_t *p, size_t n)
{
    if (!within(offset, n))
        return PQ_ERR_ARG;
    /* The SDK takes a pointer that it does not write through. */
    int err = bflb_flash_write(PQ_KEY_ADDRESS + offset, (uint8_t *)(uintptr_t)p, (uint32_t)n);
    return err == 0 ? PQ_OK : PQ_ERR_FLASH;
}

int pq_port_flash_erase(uint32_t offset)
{
    if (!within(offset, PQ_FLASH_SECTOR) || offset % PQ_FLASH_SECTOR != 0)
        return PQ_ERR_ARG;
    int err = bflb_flash_erase(PQ_KEY_ADDRESS + offset, PQ_FLASH_SECTOR);
    return err == 0 ? PQ_OK : PQ_ERR_FLASH;
}

/* --- LED and screen */

static void led(uint8_t pin, bool on)
{
    if (on)
        bflb_gpio_reset(gpio, pin);
    else
        bflb_gpio_set(gpio, pin);
}

void pq_port_led(uint8_t colours)
{
    led(PQ_PIN_RED, colours & PQ_LED_RED);
    led(PQ_PIN_GREEN, colours & PQ_LED_GREEN);
    led(PQ_PIN_BLUE, colours & PQ_LED_BLUE);
}

int pq_port_screen_write(const uint8_t *p, size_t n)
{
    if (n == 0 || n > 255)
        return PQ_ERR_ARG;
    if (screen_tries == 0)
        return PQ_ERR_UNSUPPORTED; /* each try would cost the SDK's time-out */
    struct bflb_i2c_msg_s m = {
        .addr = SCREEN_ADDRESS,
        .flags = I2C_M_WRITE,
        .buffer = (uint8_t *)(uintptr_t)p,
        .length = (uint16_t)n,
    };
    if (bflb_i2c_transfer(i2c, &m, 1) != 0) {
        screen_tries--;
        return PQ_ERR_UNSUPPORTED;
    }
    screen_tries = SCREEN_TRIES;
    return PQ_OK;
}

/* --- The rest */

void pq_port_reset(void)
{
    bl_sys_reset_por();
}

uint32_t pq_port_free_heap(void)
{
    return (uint32_t)kfree_size(0);
}
