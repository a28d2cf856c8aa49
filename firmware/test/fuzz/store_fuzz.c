/* Any contents of the flash, with right checksums where the input asks for them:
 * loading gives settings that can be stored and loaded again, or an error and
 * nothing; saving never overwrites what is damaged. */
#include "fuzz.h"

#include <string.h>

#include "fake_flash.h"
#include "pq_record.h"
#include "pq_store.h"

static void fill(input *in, uint8_t *sector)
{
    uint8_t how = take8(in);
    size_t n;
    const uint8_t *p = take_bytes(in, take16(in) % (PQ_STORE_SLOT_SIZE + 8), &n);
    memcpy(sector, p, n);
    if (how & 1)
        memcpy(sector, "PQK1", 4);
    if (how & 2)
        pq_store32(sector + 746, pq_crc32(0, sector, 746));
    if (how & 4)
        sector[750] = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const pq_settings zero;
    static uint8_t before[PQ_FLASH_SIZE];
    input in = {data, size};
    pq_settings s, again;
    fake_flash_reset();
    fill(&in, fake_flash.mem);
    fill(&in, fake_flash.mem + PQ_FLASH_SECTOR);
    memcpy(before, fake_flash.mem, sizeof before);
    int err = pq_store_load(&s);
    MUST(err == PQ_OK || err == PQ_ERR_EMPTY || err == PQ_ERR_DAMAGED);
    if (err != PQ_OK) {
        MUST(memcmp(&s, &zero, sizeof s) == 0);
        MUST(memcmp(before, fake_flash.mem, sizeof before) == 0);
    } else {
        MUST(s.psk_count <= PQ_GATEWAY_PSKS && strlen(s.ssid) <= 32 && strlen(s.passphrase) <= 64);
        MUST(pq_store_save(&s, false) == PQ_OK);
        MUST(pq_store_load(&again) == PQ_OK);
        MUST(strcmp(s.ssid, again.ssid) == 0 && memcmp(s.pin, again.pin, sizeof s.pin) == 0 &&
             memcmp(s.seed, again.seed, sizeof s.seed) == 0);
    }
    if (err == PQ_ERR_DAMAGED && pq_store_save(&zero, false) != PQ_OK)
        MUST(memcmp(before, fake_flash.mem, sizeof before) == 0);
    return 0;
}
