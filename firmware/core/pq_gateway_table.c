#include <string.h>

#include "pq_gateway_private.h"
#include "pq_secret.h"

#define IDLE_US 60000000u /* a session silent for longer may give way */

/* --- Token buckets */

bool pq_bucket_ready(uint64_t bucket, pq_gateway_rate r, uint64_t now)
{
    return bucket <= now + (uint64_t)(r.burst - 1) * r.interval;
}

bool pq_bucket_take(uint64_t *bucket, pq_gateway_rate r, uint64_t now)
{
    if (!pq_bucket_ready(*bucket, r, now))
        return false;
    *bucket = (*bucket > now ? *bucket : now) + r.interval;
    return true;
}

/* A source that is not full again has spent a token in the last second. In one
 * second there are at most 10 + 10 of them, so that a place is always free. */
static pq_gateway_source *source_of(pq_gateway *g, const request *r)
{
    uint8_t addr[16] = {0};
    pq_gateway_source *spare = NULL;
    if (r->from.addr_len == 4) {
        memset(addr + 10, 0xff, 2);
        memcpy(addr + 12, r->from.addr, 4);
    } else {
        memcpy(addr, r->from.addr, sizeof addr);
    }
    for (size_t i = 0; i < PQ_GATEWAY_SOURCES; i++) {
        pq_gateway_source *s = &g->sources[i];
        if (memcmp(s->addr, addr, sizeof addr) == 0)
            return s;
        if (s->bucket <= r->now)
            spare = s;
    }
    if (spare != NULL)
        memcpy(spare->addr, addr, sizeof addr);
    return spare;
}

bool pq_gateway_take_decaps(pq_gateway *g, const request *r)
{
    if (!pq_bucket_ready(g->decaps, pq_rate_decaps, r->now))
        return false;
    pq_gateway_source *s = source_of(g, r);
    return s != NULL && pq_bucket_take(&s->bucket, pq_rate_source, r->now) &&
           pq_bucket_take(&g->decaps, pq_rate_decaps, r->now);
}

/* --- Sessions */

static pq_gateway_slot *slot_of(const pq_gateway *g, const uint8_t sid[PQ_SID_SIZE])
{
    for (size_t i = 0; i < PQ_GATEWAY_SLOTS; i++)
        if (g->slots[i].live && memcmp(g->slots[i].server.keys.sid, sid, PQ_SID_SIZE) == 0)
            return (pq_gateway_slot *)&g->slots[i];
    return NULL;
}

pq_gateway_slot *pq_gateway_find(pq_gateway *g, const request *r, const uint8_t sid[PQ_SID_SIZE])
{
    pq_gateway_slot *s = slot_of(g, sid);
    if (s != NULL && pq_server_ended(&s->server, r->now)) {
        pq_gateway_close(g, r, s, "session reached its limit");
        s = NULL;
    }
    return s;
}

/* An id has to be refused for as long as its handshake's Echo is fresh. */
static bool fresh(uint32_t echo_at, uint32_t now_s)
{
    return now_s - echo_at <= PQ_ECHO_LIFETIME;
}

bool pq_gateway_knows(const pq_gateway *g, const request *r, const uint8_t sid[PQ_SID_SIZE])
{
    uint32_t now = pq_gateway_uptime(r);
    for (size_t i = 0; i < PQ_GATEWAY_USED; i++)
        if (g->used[i].used && memcmp(g->used[i].sid, sid, PQ_SID_SIZE) == 0 &&
            fresh(g->used[i].echo_at, now))
            return true;
    return slot_of(g, sid) != NULL;
}

/* Remembers an id. With no place left the oldest goes, and with it every Echo of
 * its age: its handshake then wants a new Echo, under which its tag is wrong. */
static void remember(pq_gateway *g, const request *r, const pq_gateway_slot *s)
{
    size_t oldest = 0;
    uint32_t now = pq_gateway_uptime(r);
    for (size_t i = 0; i < PQ_GATEWAY_USED; i++) {
        if (!g->used[i].used || !fresh(g->used[i].echo_at, now)) {
            g->used[i].used = false;
            oldest = i;
            break;
        }
        if (g->used[i].echo_at < g->used[oldest].echo_at)
            oldest = i;
    }
    if (g->used[oldest].used && g->used[oldest].echo_at >= g->echo_floor)
        g->echo_floor = g->used[oldest].echo_at + 1;
    memcpy(g->used[oldest].sid, s->server.keys.sid, PQ_SID_SIZE);
    g->used[oldest].echo_at = s->echo_at;
    g->used[oldest].used = true;
}

void pq_gateway_close(pq_gateway *g, const request *r, pq_gateway_slot *s, const char *why)
{
    pq_event e = {.kind = PQ_EVENT_CLOSED, .name = why};
    memcpy(e.sid, s->server.keys.sid, PQ_SID_SIZE);
    remember(g, r, s);
    pq_wipe(s, sizeof *s);
    pq_gateway_tell(g, r, &e);
}

pq_gateway_slot *pq_gateway_room(pq_gateway *g, const request *r, uint8_t psk)
{
    pq_gateway_slot *spare = NULL, *oldest = NULL;
    for (size_t i = 0; i < PQ_GATEWAY_SLOTS; i++) {
        pq_gateway_slot *s = &g->slots[i];
        if (s->live && psk < PQ_GATEWAY_PSKS && s->psk == psk)
            return s;
        if (!s->live || pq_server_ended(&s->server, r->now))
            spare = s;
        else if (oldest == NULL || s->last < oldest->last)
            oldest = s;
    }
    if (spare != NULL || oldest == NULL)
        return spare;
    return r->now - oldest->last > IDLE_US ? oldest : NULL;
}

bool pq_gateway_same_peer(const pq_endpoint *a, const pq_endpoint *b)
{
    return a->port == b->port && a->addr_len == b->addr_len &&
           memcmp(a->addr, b->addr, a->addr_len) == 0;
}
