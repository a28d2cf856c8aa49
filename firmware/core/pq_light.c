#include "pq_light.h"

static const struct {
    uint8_t colour, flashes;
    uint32_t half_us; /* on, and off */
} patterns[] = {
    [PQ_LIGHT_SUCCESS] = {PQ_LED_GREEN, 2, 120000},
    [PQ_LIGHT_FAILURE] = {PQ_LED_RED, 5, 60000},
};

void pq_light_init(pq_light *l)
{
    *l = (pq_light){.shown = 0xff};
}

void pq_light_flash(pq_light *l, pq_light_pattern p)
{
    if (l->playing == PQ_LIGHT_NONE) {
        l->playing = (uint8_t)p;
        l->since = pq_port_time_us();
    } else if (l->playing != p) {
        l->next = (uint8_t)p;
    }
}

void pq_light_steady(pq_light *l, uint8_t colours)
{
    l->steady = colours;
}

static void show(pq_light *l, uint8_t colours)
{
    if (l->shown == colours)
        return;
    l->shown = colours;
    pq_port_led(colours);
}

uint32_t pq_light_poll(pq_light *l)
{
    uint64_t now = pq_port_time_us();
    while (l->playing != PQ_LIGHT_NONE) {
        uint32_t half = patterns[l->playing].half_us;
        uint64_t at = (now - l->since) / half, halves = 2u * patterns[l->playing].flashes;
        if (at < halves) {
            show(l, at % 2 == 0 ? patterns[l->playing].colour : PQ_LED_OFF);
            return (uint32_t)(half - (now - l->since) % half);
        }
        l->since += halves * half;
        l->playing = l->next;
        l->next = PQ_LIGHT_NONE;
    }
    show(l, l->steady);
    return UINT32_MAX;
}
