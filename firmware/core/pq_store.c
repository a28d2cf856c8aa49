#include "pq_store.h"

#include <string.h>

#include "pq_record.h" /* CRC-32 */
#include "pq_secret.h"

enum {
    AT_MAGIC = 0,
    AT_GENERATION = 4,
    AT_FLAGS = 8,
    AT_SUITE = 9,
    AT_INTERVAL = 10,
    AT_SEED = 12,
    AT_PIN = 76,
    AT_GATEWAY = 108,
    AT_PORT = 125,
    AT_SSID = 127,
    AT_PASSPHRASE = 160,
    AT_PSK_COUNT = 225,
    AT_PSKS = 226,
    PSK_SIZE = 1 + PQ_MAX_KID + PQ_PSK_SIZE,
    AT_CRC = AT_PSKS + PQ_GATEWAY_PSKS * PSK_SIZE,
    AT_MARK = AT_CRC + 4,
};
_Static_assert(AT_MARK + 1 == PQ_STORE_SLOT_SIZE, "the layout in the header");

enum { FLAG_SEED = 1, FLAG_PIN = 2, FLAG_REQUIRE_PSK = 4, FLAG_TRUST = 8, FLAGS = 15 };

#define BLANK   0xffu
#define CHECKED 0x00u /* mark */
#define CHUNK   64u   /* bytes read at once */

static const uint8_t magic[4] = {'P', 'Q', 'K', '1'};

typedef enum {
    SLOT_BLANK,
    SLOT_UNFINISHED, /* a write that a cut ended before the mark */
    SLOT_WHOLE,
    SLOT_DAMAGED,
} slot_state;

typedef struct {
    slot_state state[2];
    uint32_t generation[2]; /* of whole ones */
    int newest;             /* whole slot, or -1 */
} survey;

static uint32_t sector(int slot)
{
    return (uint32_t)slot * PQ_FLASH_SECTOR;
}

/* --- Layout */

/* A length byte and the string behind it. */
static void put_string(uint8_t *at, const char *s)
{
    size_t n = strlen(s);
    at[0] = (uint8_t)n;
    memcpy(at + 1, s, n);
}

static bool get_string(char *s, const uint8_t *at, size_t max)
{
    if (at[0] > max || memchr(at + 1, 0, at[0]) != NULL)
        return false;
    memcpy(s, at + 1, at[0]);
    s[at[0]] = '\0';
    return true;
}

static bool allowed(const pq_settings *s)
{
    bool ok = s->psk_count <= PQ_GATEWAY_PSKS && memchr(s->ssid, 0, sizeof s->ssid) != NULL &&
              memchr(s->passphrase, 0, sizeof s->passphrase) != NULL &&
              (s->gateway.addr_len == 0 || s->gateway.addr_len == 4 || s->gateway.addr_len == 16);
    for (size_t i = 0; ok && i < s->psk_count; i++)
        ok = s->psks[i].kid_len >= 1 && s->psks[i].kid_len <= PQ_MAX_KID;
    return ok && (s->has_seed ? s->suite >= 1 && s->suite <= 3 : s->suite == 0);
}

/* Without the mark, which stays blank. */
static void encode(uint8_t out[AT_MARK], const pq_settings *s, uint32_t generation)
{
    memset(out, 0, AT_MARK);
    memcpy(out + AT_MAGIC, magic, sizeof magic);
    pq_store32(out + AT_GENERATION, generation);
    out[AT_FLAGS] = (uint8_t)((s->has_seed ? FLAG_SEED : 0) | (s->has_pin ? FLAG_PIN : 0) |
                              (s->require_psk ? FLAG_REQUIRE_PSK : 0) |
                              (s->trust_on_first_use ? FLAG_TRUST : 0));
    out[AT_SUITE] = s->suite;
    pq_store16(out + AT_INTERVAL, s->interval);
    if (s->has_seed)
        memcpy(out + AT_SEED, s->seed, sizeof s->seed);
    if (s->has_pin)
        memcpy(out + AT_PIN, s->pin, sizeof s->pin);
    out[AT_GATEWAY] = s->gateway.addr_len;
    memcpy(out + AT_GATEWAY + 1, s->gateway.addr, s->gateway.addr_len);
    pq_store16(out + AT_PORT, s->gateway.port);
    put_string(out + AT_SSID, s->ssid);
    put_string(out + AT_PASSPHRASE, s->passphrase);
    out[AT_PSK_COUNT] = s->psk_count;
    for (size_t i = 0; i < s->psk_count; i++) {
        uint8_t *at = out + AT_PSKS + i * PSK_SIZE;
        at[0] = s->psks[i].kid_len;
        memcpy(at + 1, s->psks[i].kid, s->psks[i].kid_len);
        memcpy(at + 1 + PQ_MAX_KID, s->psks[i].key, PQ_PSK_SIZE);
    }
    pq_store32(out + AT_CRC, pq_crc32(0, out, AT_CRC));
}

/* Of a slot whose checksum holds, into zeroed settings; false if the values break the rules all the
 * same: it was not this code that wrote them. */
static bool decode(pq_settings *s, const uint8_t in[AT_MARK])
{
    uint8_t flags = in[AT_FLAGS];
    s->has_seed = flags & FLAG_SEED;
    s->has_pin = flags & FLAG_PIN;
    s->require_psk = flags & FLAG_REQUIRE_PSK;
    s->trust_on_first_use = flags & FLAG_TRUST;
    s->suite = in[AT_SUITE];
    s->interval = pq_load16(in + AT_INTERVAL);
    if (s->has_seed)
        memcpy(s->seed, in + AT_SEED, sizeof s->seed);
    if (s->has_pin)
        memcpy(s->pin, in + AT_PIN, sizeof s->pin);
    s->gateway.addr_len = in[AT_GATEWAY];
    memcpy(s->gateway.addr, in + AT_GATEWAY + 1, sizeof s->gateway.addr);
    s->gateway.port = pq_load16(in + AT_PORT);
    s->psk_count = in[AT_PSK_COUNT];
    if (flags > FLAGS || s->psk_count > PQ_GATEWAY_PSKS ||
        !get_string(s->ssid, in + AT_SSID, sizeof s->ssid - 1) ||
        !get_string(s->passphrase, in + AT_PASSPHRASE, sizeof s->passphrase - 1))
        return false;
    for (size_t i = 0; i < s->psk_count; i++) {
        const uint8_t *at = in + AT_PSKS + i * PSK_SIZE;
        s->psks[i].kid_len = at[0];
        memcpy(s->psks[i].kid, at + 1, PQ_MAX_KID);
        memcpy(s->psks[i].key, at + 1 + PQ_MAX_KID, PQ_PSK_SIZE);
    }
    return allowed(s);
}

/* --- What the flash holds */

/* Whether from … to of the sector are blank; *err is set where it cannot be read. */
static bool is_blank(int slot, uint32_t from, uint32_t to, int *err)
{
    uint8_t chunk[CHUNK];
    while (from < to && *err == PQ_OK) {
        uint32_t n = to - from < CHUNK ? to - from : CHUNK;
        *err = pq_port_flash_read(sector(slot) + from, chunk, n);
        for (uint32_t i = 0; *err == PQ_OK && i < n; i++)
            if (chunk[i] != BLANK)
                return false;
        from += n;
    }
    return *err == PQ_OK;
}

/* The beginning of a slot, its last byte perhaps with bits yet to be cleared, and
 * nothing behind it. */
static bool is_unfinished(int slot, const uint8_t raw[PQ_STORE_SLOT_SIZE], int *err)
{
    if (raw[AT_MARK] != BLANK)
        return false;
    for (size_t i = 0; i < sizeof magic; i++)
        if ((raw[i] & magic[i]) != magic[i])
            return false;
    return is_blank(slot, PQ_STORE_SLOT_SIZE, PQ_FLASH_SECTOR, err);
}

/* Checked, and with values that this code can have written. */
static bool is_whole(const uint8_t raw[PQ_STORE_SLOT_SIZE])
{
    pq_settings s = {0};
    bool whole = raw[AT_MARK] != BLANK && memcmp(raw, magic, sizeof magic) == 0 &&
                 pq_load32(raw + AT_CRC) == pq_crc32(0, raw, AT_CRC) && decode(&s, raw);
    pq_wipe(&s, sizeof s);
    return whole;
}

static int look_at(int slot, survey *v)
{
    uint8_t raw[PQ_STORE_SLOT_SIZE];
    int err = pq_port_flash_read(sector(slot), raw, sizeof raw);
    if (err != PQ_OK)
        return err;
    v->generation[slot] = pq_load32(raw + AT_GENERATION);
    if (is_whole(raw))
        v->state[slot] = SLOT_WHOLE;
    else if (is_blank(slot, 0, PQ_FLASH_SECTOR, &err))
        v->state[slot] = SLOT_BLANK;
    else if (is_unfinished(slot, raw, &err))
        v->state[slot] = SLOT_UNFINISHED;
    else
        v->state[slot] = SLOT_DAMAGED;
    pq_wipe(raw, sizeof raw);
    return err;
}

/* PQ_OK: there are newest contents; else as pq_store_load. */
static int look(survey *v)
{
    *v = (survey){.newest = -1};
    for (int slot = 0; slot < 2; slot++) {
        int err = look_at(slot, v);
        if (err != PQ_OK)
            return err;
    }
    bool whole[2] = {v->state[0] == SLOT_WHOLE, v->state[1] == SLOT_WHOLE};
    if (whole[0] && whole[1])
        v->newest = (int32_t)(v->generation[1] - v->generation[0]) > 0;
    else if (whole[0] || whole[1])
        v->newest = whole[1];
    else if (v->state[0] == SLOT_DAMAGED || v->state[1] == SLOT_DAMAGED)
        return PQ_ERR_DAMAGED;
    else
        return PQ_ERR_EMPTY;
    return PQ_OK;
}

int pq_store_load(pq_settings *out)
{
    survey v;
    uint8_t raw[AT_MARK];
    memset(out, 0, sizeof *out);
    int err = look(&v);
    if (err != PQ_OK)
        return err;
    if (v.state[!v.newest] == SLOT_WHOLE) /* a cut came between the mark and this */
        (void)pq_port_flash_erase(sector(!v.newest));
    err = pq_port_flash_read(sector(v.newest), raw, sizeof raw);
    if (err == PQ_OK && !decode(out, raw))
        err = PQ_ERR_DAMAGED;
    if (err != PQ_OK)
        pq_wipe(out, sizeof *out);
    pq_wipe(raw, sizeof raw);
    return err;
}

/* --- Changes */

static bool same_in_flash(uint32_t at, const uint8_t *want, size_t n)
{
    uint8_t chunk[CHUNK];
    bool same = true;
    for (size_t i = 0; same && i < n; i += CHUNK) {
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        same = pq_port_flash_read(at + (uint32_t)i, chunk, m) == PQ_OK &&
               memcmp(chunk, want + i, m) == 0;
    }
    pq_wipe(chunk, sizeof chunk);
    return same;
}

/* A sector that is blank need not be erased: it wears, and may be cut. */
static int make_blank(int slot)
{
    int err = PQ_OK;
    if (is_blank(slot, 0, PQ_FLASH_SECTOR, &err))
        return PQ_OK;
    if (err == PQ_OK)
        err = pq_port_flash_erase(sector(slot));
    if (err == PQ_OK && !is_blank(slot, 0, PQ_FLASH_SECTOR, &err))
        err = PQ_ERR_FLASH;
    return err;
}

/* Writes, checks, marks. */
static int write_slot(int slot, const uint8_t raw[AT_MARK])
{
    const uint8_t mark = CHECKED;
    int err = make_blank(slot);
    if (err == PQ_OK)
        err = pq_port_flash_write(sector(slot), raw, AT_MARK);
    if (err == PQ_OK && !same_in_flash(sector(slot), raw, AT_MARK))
        err = PQ_ERR_FLASH;
    if (err != PQ_OK)
        return err;
    err = pq_port_flash_write(sector(slot) + AT_MARK, &mark, 1);
    if (err != PQ_OK || !same_in_flash(sector(slot) + AT_MARK, &mark, 1)) {
        (void)pq_port_flash_erase(sector(slot)); /* half a mark would count as one */
        return PQ_ERR_FLASH;
    }
    return PQ_OK;
}

int pq_store_save(const pq_settings *s, bool erase_damaged)
{
    survey v;
    if (!allowed(s))
        return PQ_ERR_ARG;
    int err = look(&v);
    if (err == PQ_ERR_DAMAGED && erase_damaged)
        err = pq_store_erase() == PQ_OK ? PQ_ERR_EMPTY : PQ_ERR_FLASH;
    if (err != PQ_OK && err != PQ_ERR_EMPTY)
        return err;
    int slot = v.newest >= 0 ? !v.newest : v.state[0] != SLOT_BLANK && v.state[1] == SLOT_BLANK;
    uint32_t generation = v.newest >= 0 ? v.generation[v.newest] + 1 : 1;
    uint8_t raw[AT_MARK];
    encode(raw, s, generation);
    err = write_slot(slot, raw);
    pq_wipe(raw, sizeof raw);
    if (err == PQ_OK)
        (void)make_blank(!slot); /* where this fails, loading does it */
    return err;
}

int pq_store_erase(void)
{
    int first = make_blank(0), second = make_blank(1);
    return first != PQ_OK ? first : second;
}
