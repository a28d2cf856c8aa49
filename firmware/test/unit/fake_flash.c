#include "fake_flash.h"

#include <string.h>

fake_flash_chip fake_flash;

void fake_flash_reset(void)
{
    memset(&fake_flash, 0, sizeof fake_flash);
    memset(fake_flash.mem, 0xff, sizeof fake_flash.mem);
    fake_flash.fuse = fake_flash.stuck = -1;
    fake_flash.noise = 1;
}

static uint8_t noise(void)
{
    fake_flash.noise = fake_flash.noise * 1664525u + 1013904223u;
    return (uint8_t)(fake_flash.noise >> 24);
}

/* Whether the power is cut at this step. */
static bool is_cut(void)
{
    fake_flash.steps++;
    return fake_flash.fuse >= 0 && fake_flash.fuse-- == 0;
}

static bool outside(uint32_t offset, size_t n)
{
    return offset > PQ_FLASH_SIZE || n > PQ_FLASH_SIZE - offset;
}

int pq_port_flash_read(uint32_t offset, uint8_t *p, size_t n)
{
    if (outside(offset, n))
        return PQ_ERR_ARG;
    if (fake_flash.broken)
        return PQ_ERR_FLASH;
    memcpy(p, fake_flash.mem + offset, n);
    return PQ_OK;
}

int pq_port_flash_write(uint32_t offset, const uint8_t *p, size_t n)
{
    if (outside(offset, n))
        return PQ_ERR_ARG;
    for (size_t i = 0; i < n; i++) {
        uint8_t *cell = fake_flash.mem + offset + i;
        if (is_cut()) {
            if (fake_flash.half_byte)
                *cell &= (uint8_t)(p[i] | noise());
            longjmp(fake_flash.cut, 1);
        }
        if ((int)(offset + i) != fake_flash.stuck)
            *cell &= p[i];
    }
    return PQ_OK;
}

int pq_port_flash_erase(uint32_t offset)
{
    if (outside(offset, PQ_FLASH_SECTOR) || offset % PQ_FLASH_SECTOR != 0)
        return PQ_ERR_ARG;
    uint8_t *at = fake_flash.mem + offset, *half = at + PQ_FLASH_SECTOR / 2;
    for (int step = 0; step < FAKE_ERASE_STEPS; step++) {
        if (!is_cut())
            continue;
        if (step == 1)
            memset(at, 0xff, PQ_FLASH_SECTOR / 2);
        if (step == 2)
            memset(half, 0xff, PQ_FLASH_SECTOR / 2);
        for (int i = 0; step == 3 && i < PQ_FLASH_SECTOR; i++)
            at[i] = noise();
        longjmp(fake_flash.cut, 1);
    }
    memset(at, 0xff, PQ_FLASH_SECTOR);
    return PQ_OK;
}
