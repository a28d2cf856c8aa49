/* The key store against a flash that loses its power at every step, forgets
 * bits, or does not take what is written. */
#include "pq_store.h"

#include "check.h"
#include "fake_flash.h"

static pq_settings settings(uint8_t salt)
{
    pq_settings s;
    memset(&s, 0, sizeof s);
    s.has_seed = s.has_pin = s.require_psk = true;
    s.suite = 1;
    memset(s.seed, salt, sizeof s.seed);
    memset(s.pin, salt ^ 0x55, sizeof s.pin);
    s.psk_count = PQ_GATEWAY_PSKS;
    for (uint8_t i = 0; i < PQ_GATEWAY_PSKS; i++) {
        s.psks[i].kid_len = (uint8_t)(1 + i * 4);
        memset(s.psks[i].kid, 'a' + i, s.psks[i].kid_len);
        memset(s.psks[i].key, salt + i, PQ_PSK_SIZE);
    }
    strcpy(s.ssid, "01234567890123456789012345678901");
    memset(s.passphrase, 'f', 64);
    s.gateway = (pq_endpoint){.addr = {192, 168, 4, salt}, .addr_len = 4, .port = 5683};
    s.interval = (uint16_t)(salt * 257);
    return s;
}

static bool equal(const pq_settings *a, const pq_settings *b)
{
    bool same = a->has_seed == b->has_seed && a->has_pin == b->has_pin &&
                a->require_psk == b->require_psk && a->suite == b->suite &&
                a->trust_on_first_use == b->trust_on_first_use && a->interval == b->interval &&
                memcmp(a->seed, b->seed, sizeof a->seed) == 0 &&
                memcmp(a->pin, b->pin, sizeof a->pin) == 0 && a->psk_count == b->psk_count &&
                strcmp(a->ssid, b->ssid) == 0 && strcmp(a->passphrase, b->passphrase) == 0 &&
                memcmp(a->gateway.addr, b->gateway.addr, 16) == 0 &&
                a->gateway.addr_len == b->gateway.addr_len && a->gateway.port == b->gateway.port;
    for (size_t i = 0; same && i < a->psk_count; i++)
        same = a->psks[i].kid_len == b->psks[i].kid_len &&
               memcmp(a->psks[i].kid, b->psks[i].kid, a->psks[i].kid_len) == 0 &&
               memcmp(a->psks[i].key, b->psks[i].key, PQ_PSK_SIZE) == 0;
    return same;
}

static bool is_zero(const pq_settings *s)
{
    static const pq_settings zero;
    return memcmp(s, &zero, sizeof zero) == 0;
}

static bool holds(uint8_t salt)
{
    pq_settings got, want = settings(salt);
    return pq_store_load(&got) == PQ_OK && equal(&got, &want);
}

static bool is_empty(void)
{
    pq_settings got;
    memset(&got, 1, sizeof got);
    return pq_store_load(&got) == PQ_ERR_EMPTY && is_zero(&got);
}

static bool is_damaged(void)
{
    pq_settings got;
    memset(&got, 1, sizeof got);
    return pq_store_load(&got) == PQ_ERR_DAMAGED && is_zero(&got);
}

static int save(uint8_t salt)
{
    pq_settings s = settings(salt);
    return pq_store_save(&s, false);
}

static void test_round_trip(void)
{
    fake_flash_reset();
    CHECK(is_empty());
    for (uint8_t i = 1; i < 20; i++) {
        CHECK_EQ(save(i), PQ_OK);
        CHECK(holds(i));
    }
    uint8_t old = 18; /* nothing of an old secret stays */
    for (size_t i = 0; i + 64 <= PQ_FLASH_SIZE; i++) {
        size_t n = 0;
        while (n < 64 && fake_flash.mem[i + n] == old)
            n++;
        CHECK(n < 64);
    }
    pq_settings s = settings(1);
    memset(&s, 0, sizeof s);
    CHECK_EQ(pq_store_save(&s, false), PQ_OK);
    pq_settings got;
    CHECK_EQ(pq_store_load(&got), PQ_OK);
    CHECK(is_zero(&got));
}

static void test_generation_wraps(void)
{
    fake_flash_reset();
    CHECK_EQ(save(1), PQ_OK);
    CHECK_EQ(save(2), PQ_OK);
    uint8_t keep[PQ_FLASH_SECTOR];
    memcpy(keep, fake_flash.mem + PQ_FLASH_SECTOR, sizeof keep); /* generation 2, contents 2 */
    CHECK_EQ(save(3), PQ_OK);
    memcpy(fake_flash.mem + PQ_FLASH_SECTOR, keep, sizeof keep); /* as a cut before the erase */
    CHECK(holds(3));
    CHECK_EQ(fake_flash.mem[PQ_FLASH_SECTOR], 0xff); /* loading has finished the change */
}

static void test_arguments(void)
{
    fake_flash_reset();
    pq_settings s = settings(1);
    s.psk_count = PQ_GATEWAY_PSKS + 1;
    CHECK_EQ(pq_store_save(&s, false), PQ_ERR_ARG);
    s = settings(1);
    s.psks[7].kid_len = 33;
    CHECK_EQ(pq_store_save(&s, false), PQ_ERR_ARG);
    s.psks[7].kid_len = 0;
    CHECK_EQ(pq_store_save(&s, false), PQ_ERR_ARG);
    s = settings(1);
    memset(s.ssid, 'x', sizeof s.ssid);
    CHECK_EQ(pq_store_save(&s, false), PQ_ERR_ARG);
    s = settings(1);
    s.suite = 4;
    CHECK_EQ(pq_store_save(&s, false), PQ_ERR_ARG);
    CHECK(is_empty());
}

/* --- Power cuts */

/* Saves until the power is cut after so many steps. Returns whether it was. */
static bool save_until(uint8_t salt, long fuse, bool half)
{
    fake_flash.fuse = fuse;
    fake_flash.half_byte = half;
    bool cut = setjmp(fake_flash.cut) != 0;
    if (!cut)
        CHECK_EQ(save(salt), PQ_OK);
    fake_flash.fuse = -1;
    return cut;
}

static bool load_until(long fuse)
{
    pq_settings s;
    fake_flash.fuse = fuse;
    bool cut = setjmp(fake_flash.cut) != 0;
    if (!cut)
        (void)pq_store_load(&s);
    fake_flash.fuse = -1;
    return cut;
}

/* saves have been made before (0: none), then one is cut everywhere. */
static long cut_everywhere(uint8_t saves, bool half)
{
    fake_flash_reset();
    for (uint8_t i = 1; i <= saves; i++)
        CHECK_EQ(save(i), PQ_OK);
    fake_flash_chip before = fake_flash;
    long cuts = 0, olds = 0, news = 0;
    for (long fuse = 0;; fuse++) {
        fake_flash = before;
        fake_flash.noise = (uint32_t)fuse;
        if (!save_until(100, fuse, half))
            break;
        cuts++;
        fake_flash_chip after = fake_flash;
        bool is_new = holds(100);
        bool is_old = saves > 0 ? holds(saves) : is_empty();
        CHECK(is_old != is_new);
        olds += is_old;
        news += is_new;
        for (long again = 0;; again++) { /* the boot that mends may be cut as well */
            fake_flash = after;
            bool cut = load_until(again);
            CHECK(is_new ? holds(100) : saves > 0 ? holds(saves) : is_empty());
            if (!cut)
                break;
        }
        CHECK_EQ(save(101), PQ_OK); /* and life goes on */
        CHECK(holds(101));
    }
    CHECK(olds >= PQ_STORE_SLOT_SIZE - 1);
    if (saves > 0)
        CHECK(news > 0); /* cut in the erase of the old slot */
    return cuts;
}

/* A cut, a boot, and a second cut in the next attempt. */
static long cut_twice(uint8_t saves, long stride)
{
    long pairs = 0;
    fake_flash_reset();
    for (uint8_t i = 1; i <= saves; i++)
        CHECK_EQ(save(i), PQ_OK);
    fake_flash_chip before = fake_flash;
    for (long first = 0;; first += stride) {
        fake_flash = before;
        if (!save_until(100, first, true))
            break;
        bool was_new = holds(100);
        fake_flash_chip between = fake_flash;
        for (long second = 0;; second += stride) {
            fake_flash = between;
            if (!save_until(101, second, true))
                break;
            pairs++;
            bool old = was_new ? holds(100) : saves > 0 ? holds(saves) : is_empty();
            CHECK(old != holds(101));
        }
    }
    return pairs;
}

static void test_cuts(void)
{
    long cuts = 0, pairs = 0;
    for (uint8_t saves = 0; saves <= 2; saves++) {
        cuts += cut_everywhere(saves, false) + cut_everywhere(saves, true);
        pairs += cut_twice(saves, 13);
    }
    printf("store: %ld power cuts, %ld pairs of them\n", cuts, pairs);
}

/* --- Damage */

static void flip_everywhere(uint8_t saves)
{
    fake_flash_reset();
    for (uint8_t i = 1; i <= saves; i++)
        CHECK_EQ(save(i), PQ_OK);
    size_t live = saves % 2 == 1 ? 0 : PQ_FLASH_SECTOR;
    fake_flash_chip before = fake_flash;
    for (size_t i = 0; i < PQ_FLASH_SIZE; i++)
        for (int bit = 0; bit < 8; bit++) {
            fake_flash.mem[i] ^= (uint8_t)(1 << bit);
            /* Behind the checksum nothing is kept that could change. */
            if (i >= live && i < live + PQ_STORE_SLOT_SIZE - 1)
                CHECK(is_damaged());
            else
                CHECK(holds(saves));
            fake_flash.mem[i] = before.mem[i];
            if (memcmp(fake_flash.mem, before.mem, PQ_FLASH_SIZE) != 0)
                fake_flash = before;
        }
}

static void test_damage(void)
{
    flip_everywhere(1);
    flip_everywhere(2);

    fake_flash_reset();
    CHECK_EQ(save(1), PQ_OK);
    fake_flash.mem[200] ^= 1;
    CHECK(is_damaged());
    CHECK_EQ(save(2), PQ_ERR_DAMAGED);
    fake_flash_chip before = fake_flash;
    CHECK(is_damaged());
    CHECK(memcmp(before.mem, fake_flash.mem, PQ_FLASH_SIZE) == 0); /* evidence stays */
    pq_settings s = settings(2);
    CHECK_EQ(pq_store_save(&s, true), PQ_OK);
    CHECK(holds(2));

    for (int fill = 0; fill < 0xff; fill += 0x55) { /* flash that was overwritten */
        fake_flash_reset();
        memset(fake_flash.mem, fill, PQ_FLASH_SIZE);
        CHECK(is_damaged());
        CHECK_EQ(pq_store_erase(), PQ_OK);
        CHECK(is_empty());
    }
}

/* Right checksums over values that break the rules. */
static void test_foreign(void)
{
    static const struct {
        size_t at;
        uint8_t value;
    } bad[] = {{8, 0x10}, {9, 0},    {9, 4},   {108, 5},  {127, 33},
               {128, 0},  {160, 65}, {225, 9}, {226, 33}, {226 + 65 * 7, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fake_flash_reset();
        CHECK_EQ(save(1), PQ_OK);
        uint8_t *raw = fake_flash.mem;
        raw[bad[i].at] = bad[i].value;
        uint32_t crc = 0xffffffff; /* CRC-32, bit by bit */
        for (size_t n = 0; n < 746; n++) {
            crc ^= raw[n];
            for (int k = 0; k < 8; k++)
                crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        }
        pq_store32(raw + 746, ~crc);
        CHECK(is_damaged());
        fake_flash_chip before = fake_flash;
        CHECK_EQ(save(2), PQ_ERR_DAMAGED);
        CHECK(memcmp(before.mem, fake_flash.mem, PQ_FLASH_SIZE) == 0);
    }
}

static void test_bad_cells(void)
{
    for (int at = 0; at < PQ_STORE_SLOT_SIZE; at++) {
        fake_flash_reset();
        CHECK_EQ(save(1), PQ_OK);
        pq_settings s = settings(0);
        memset(&s.seed, 0, sizeof s.seed); /* every byte differs from a blank one */
        fake_flash.stuck = PQ_FLASH_SECTOR + at;
        int err = pq_store_save(&s, false);
        CHECK_EQ(err, PQ_ERR_FLASH);
        CHECK(holds(1));
    }
    fake_flash.broken = true;
    pq_settings s;
    memset(&s, 1, sizeof s);
    CHECK_EQ(pq_store_load(&s), PQ_ERR_FLASH);
    CHECK(is_zero(&s));
    CHECK_EQ(save(1), PQ_ERR_FLASH);
    CHECK_EQ(pq_store_erase(), PQ_ERR_FLASH);
}

int main(void)
{
    test_round_trip();
    test_generation_wraps();
    test_arguments();
    test_cuts();
    test_damage();
    test_foreign();
    test_bad_cells();
    return check_done("store");
}
