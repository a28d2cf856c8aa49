#include "check.h"
#include "phy.h"
#include "pq_wire.h"

static pq_radio_info map(pq_phy_vector v)
{
    pq_radio_info info;
    memset(&info, 0xEE, sizeof info);
    pq_phy_info(&info, &v, 6);
    return info;
}

/* Rates of IEEE 802.11-2020: Table 17-6 (RATE field R1 R2 R3 R4) for OFDM; §15.2.3.4
 * and §16.2.3.4 for DSSS and CCK. */
static void test_legacy(void)
{
    static const struct {
        uint8_t leg_rate, half_mb, phy;
    } known[] = {
        {0, 2, PQ_PHY_DSSS},    {1, 4, PQ_PHY_DSSS},    {2, 11, PQ_PHY_DSSS},
        {3, 22, PQ_PHY_DSSS},   {0xb, 12, PQ_PHY_OFDM}, {0xf, 18, PQ_PHY_OFDM},
        {0xa, 24, PQ_PHY_OFDM}, {0xe, 36, PQ_PHY_OFDM}, {0x9, 48, PQ_PHY_OFDM},
        {0xd, 72, PQ_PHY_OFDM}, {0x8, 96, PQ_PHY_OFDM}, {0xc, 108, PQ_PHY_OFDM},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        pq_radio_info got = map((pq_phy_vector){.leg_rate = known[i].leg_rate, .long_preamble = 1});
        CHECK_EQ(got.phy, known[i].phy);
        CHECK_EQ(got.rate, known[i].half_mb);
        CHECK_EQ(got.flags, 0);
    }
    for (uint8_t r = 4; r < 8; r++)
        CHECK_EQ(map((pq_phy_vector){.leg_rate = r}).phy, PQ_PHY_UNKNOWN);
    CHECK_EQ(map((pq_phy_vector){.leg_rate = 200}).phy, PQ_PHY_UNKNOWN);
    CHECK_EQ(map((pq_phy_vector){.leg_rate = 1}).flags, PQ_FRAME_SHORT_PREAMBLE);
    CHECK_EQ(map((pq_phy_vector){.leg_rate = 0xb}).flags, 0); /* no preamble kinds in OFDM */
    pq_radio_info dup = map((pq_phy_vector){.leg_rate = 0xb, .format = 1, .wide = true});
    CHECK_EQ(dup.phy, PQ_PHY_OFDM);
    CHECK_EQ(dup.flags, PQ_FRAME_40_MHZ);
}

static void test_ht(void)
{
    pq_radio_info got = map((pq_phy_vector){
        .format = 2, .mcs = 7, .short_gi = true, .aggregation = true, .leg_rate = 0xb});
    CHECK_EQ(got.phy, PQ_PHY_HT_MIXED);
    CHECK_EQ(got.rate, 7);
    CHECK_EQ(got.flags, PQ_FRAME_SHORT_GI | PQ_FRAME_AMPDU);
    CHECK_EQ(map((pq_phy_vector){.format = 3}).phy, PQ_PHY_HT_GREENFIELD);
    CHECK_EQ(map((pq_phy_vector){.format = 2, .mcs = 76}).phy, PQ_PHY_HT_MIXED);
    CHECK_EQ(map((pq_phy_vector){.format = 2, .mcs = 77}).phy, PQ_PHY_UNKNOWN);
    CHECK_EQ(map((pq_phy_vector){.format = 4}).phy, PQ_PHY_UNKNOWN);
}

static void test_signal(void)
{
    CHECK_EQ(map((pq_phy_vector){.rssi = -87}).rssi, -87);
    CHECK_EQ(map((pq_phy_vector){.rssi = 0}).rssi, PQ_RSSI_UNKNOWN);
    CHECK_EQ(map((pq_phy_vector){.freq = 2462}).freq, 2462);
    CHECK_EQ(map((pq_phy_vector){.freq = 0}).freq, 2437);
    pq_radio_info info;
    pq_phy_info(&info, &(pq_phy_vector){0}, 14);
    CHECK_EQ(info.freq, 2484);
}

static void test_pieces(void)
{
    static const struct {
        size_t have, len, used, last;
        bool cut;
    } cases[] = {
        {1, 2, 1, 2, false},
        {4, 1736, 1, 1736, false},
        {4, 1737, 2, 1, false},
        {4, 6944, 4, 1736, false},
        {4, 6945, 4, 1736, true},
        {1, 1737, 1, 1736, true},
        {4, UINT16_MAX, 4, 1736, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pq_span parts[PQ_PHY_PIECES];
        memset(parts, 0xEE, sizeof parts);
        size_t used = pq_phy_fill(parts, cases[i].have, cases[i].len);
        CHECK_EQ(used, cases[i].used);
        CHECK_EQ(parts[used - 1].len, cases[i].last);
        pq_radio_info info = {.flags = PQ_FRAME_AMPDU};
        pq_phy_length(&info, parts, used, cases[i].len);
        CHECK_EQ(info.air_len, cases[i].len);
        CHECK_EQ(info.flags, PQ_FRAME_AMPDU | (cases[i].cut ? PQ_FRAME_CUT : 0));
    }
    CHECK_EQ(pq_phy_fill(NULL, 0, 5), 0);
    CHECK_EQ(pq_phy_fill(NULL, 0, 0), 0);
    pq_radio_info info = {0};
    pq_phy_length(&info, NULL, 0, 70000);
    CHECK_EQ(info.air_len, UINT16_MAX);
    CHECK_EQ(info.flags, PQ_FRAME_CUT);
}

static void test_clock(void)
{
    pq_phy_clock c = {0};
    CHECK_EQ(pq_phy_time(&c, 0, 1000), 1000); /* stands still */
    CHECK_EQ(pq_phy_time(&c, 0, 2000), 2000);
    CHECK_EQ(pq_phy_time(&c, 500, 3000), 3000);  /* runs from here: offset 2500 */
    CHECK_EQ(pq_phy_time(&c, 600, 3900), 3100);  /* handed over 800 µs late */
    CHECK_EQ(pq_phy_time(&c, 1000, 3450), 3450); /* sooner than ever: offset 2450 */
    CHECK_EQ(pq_phy_time(&c, 1100, 3700), 3550);
    CHECK_EQ(pq_phy_time(&c, 1100, 4000), 4000);       /* still again */
    CHECK_EQ(pq_phy_time(&c, 1200, 4150), 4150);       /* and running */
    CHECK_EQ(pq_phy_time(&c, 7, 5000), 5000);          /* set back */
    CHECK_EQ(pq_phy_time(&c, 107, 5100), 5100);        /* anchored anew */
    CHECK_EQ(pq_phy_time(&c, 1ull << 50, 6000), 6000); /* set forward: never later than now */
    CHECK_EQ(pq_phy_time(&c, (1ull << 50) + 9, 300000), 300000); /* behind by far */
}

static void test_withheld(void)
{
    enum { PROTECTED = 0x4000, RETRY = 0x0800 };
    for (uint16_t subtype = 0; subtype < 16; subtype++) {
        uint16_t mgt = (uint16_t)(subtype << 4);
        bool ours = subtype == 10 || (subtype >= 12 && subtype <= 14);
        CHECK_EQ(pq_phy_withheld(mgt), ours);
        CHECK_EQ(pq_phy_withheld(mgt | RETRY), ours);
        CHECK_EQ(pq_phy_withheld(mgt | PROTECTED), true);
        for (uint16_t type = 1; type < 4; type++)
            CHECK_EQ(pq_phy_withheld((uint16_t)(mgt | type << 2 | PROTECTED)), false);
    }
}

int main(void)
{
    test_legacy();
    test_ht();
    test_signal();
    test_pieces();
    test_clock();
    test_withheld();
    return check_done("bl602_phy");
}
