/* Measures the session on the RV32 emulator: retired instructions and stack of each
 * step and of whole handshakes and messages at both ends, ML-KEM-512; and whether
 * the key schedule leaves secrets on the stack.
 *
 * Prints one line per figure: NAME INSTRUCTIONS STACK. */
#include <stdio.h>
#include <string.h>

#include "pq_gateway.h"
#include "pq_sender.h"

enum { PAINTED = 64 * 1024, DATA = 64 };

/* --- A board that does nothing by itself */

static uint64_t now_us = 1000000;
static uint8_t sent[1400], answer[PQ_GATEWAY_ANSWER_MAX];
static size_t sent_len, answer_len;
static unsigned messages, sessions;

uint64_t pq_port_time_us(void)
{
    return now_us;
}

int pq_port_random(uint8_t *out, size_t n)
{
    static uint32_t lcg = 1;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((lcg = lcg * 1664525 + 1013904223) >> 24);
    return PQ_OK;
}

int pq_port_udp_send(const pq_endpoint *to, const uint8_t *p, size_t n)
{
    (void)to;
    memcpy(sent, p, n);
    sent_len = n;
    return PQ_OK;
}

static void note(void *ctx, const pq_event *e)
{
    (void)ctx;
    messages += e->kind == PQ_EVENT_MESSAGE;
    sessions += e->kind == PQ_EVENT_SESSION;
}

/* --- What is measured */

static const pq_endpoint gateway_at = {{192, 0, 2, 1}, 4, 5683}, sender_at = {{192, 0, 2, 2}, 4, 9};
static uint8_t ek[PQ_KEM_MAX_EK_BYTES], dk[PQ_KEM_MAX_DK_BYTES], ct[PQ_KEM_MAX_CT_BYTES], ss[32];
static uint8_t pin[32], key[32], out[DATA + PQ_RECORD_OVERHEAD], data[DATA], nonce[13];
static pq_keys keys;
static pq_client client;
static pq_server server;
static pq_sender sender;
static pq_gateway gateway;

static void op_nothing(void)
{
}

static void op_sha256(void)
{
    (void)pq_sha256(key, &(pq_span){data, DATA}, 1);
}

static void op_hkdf(void)
{
    uint8_t prk[PQ_SHA256_SIZE];
    (void)pq_hkdf_extract(prk, (pq_span){ss, 8}, &(pq_span){ss, 32}, 1);
    (void)pq_hkdf_expand(key, 32, prk, &(pq_span){ss, 32}, 1);
}

static void op_seal(void)
{
    (void)pq_ccm_seal(out, keys.kc, keys.iv, (pq_span){pin, 26}, (pq_span){data, DATA});
}

static void op_open(void)
{
    (void)pq_ccm_open(data, keys.kc, keys.iv, (pq_span){pin, 26}, (pq_span){out, DATA + 16});
}

static void op_derive(void)
{
    pq_transcript t = {.suite = 1, .echo = {pin, 12}, .pin = pin, .ct = {ct, sizeof ct}};
    (void)pq_session_derive(&keys, &t, ss);
}

static void op_seal_record(void)
{
    (void)pq_client_seal(&client, out, nonce, (pq_span){data, DATA});
}

static void op_open_record(void)
{
    (void)pq_server_open(&server, data, (pq_span){out, sizeof out});
}

static void op_sender_receives(void)
{
    pq_sender_receive(&sender, &gateway_at, answer, answer_len);
}

static void op_sender_polls(void)
{
    (void)pq_sender_poll(&sender);
}

static void op_gateway(void)
{
    answer_len = pq_gateway_receive(&gateway, &sender_at, sent, sent_len, answer);
}

/* --- How */

static inline uint32_t instructions(void)
{
    uint32_t n;
    __asm__ volatile("csrr %0, minstret" : "=r"(n) : : "memory");
    return n;
}

typedef struct {
    uint32_t count, stack;
} cost;

/* What op costs, run once: paints the stack below this frame first. */
static __attribute__((noinline)) cost cost_of(void (*op)(void))
{
    volatile uint8_t *top;
    __asm__ volatile("mv %0, sp" : "=r"(top));
    for (volatile uint8_t *p = top - PAINTED; p != top; p++)
        *p = 0x5a;
    uint32_t start = instructions();
    op();
    uint32_t count = instructions() - start;
    volatile uint8_t *p = top - PAINTED;
    while (p != top && *p == 0x5a)
        p++;
    return (cost){count, (uint32_t)(top - p)};
}

static cost add(cost a, cost b)
{
    return (cost){a.count + b.count, a.stack > b.stack ? a.stack : b.stack};
}

static void report(const char *name, cost c)
{
    printf("%s %lu %lu\n", name, (unsigned long)c.count, (unsigned long)c.stack);
}

/* Reports a FAIL if op leaves eight bytes in a row of the secret anywhere in the
 * stack that it used. */
static __attribute__((noinline)) void nothing_left(const char *name, void (*op)(void),
                                                   const uint8_t *secret, size_t len)
{
    (void)cost_of(op);
    const uint8_t *top;
    __asm__ volatile("mv %0, sp" : "=r"(top));
    for (const uint8_t *p = top - PAINTED; p != top - 8; p++) {
        for (size_t i = 0; i + 8 <= len; i++) {
            if (p[0] == secret[i] && memcmp(p, secret + i, 8) == 0) {
                printf("FAIL %s leaves its secret's byte %u at sp-%u\n", name, (unsigned)i,
                       (unsigned)(top - p));
                return;
            }
        }
    }
}

/* One message from end to end; what each end spends on it. */
static void message(cost *sender_cost, cost *gateway_cost)
{
    *sender_cost = *gateway_cost = (cost){0, 0};
    (void)pq_sender_send(&sender, (pq_span){data, DATA});
    unsigned before = messages;
    for (unsigned i = 0; messages != before + 2 && i < 8; i++) { /* each end tells it */
        sent_len = 0;
        *sender_cost = add(*sender_cost, cost_of(op_sender_polls));
        if (sent_len > 0) {
            *gateway_cost = add(*gateway_cost, cost_of(op_gateway));
            *sender_cost = add(*sender_cost, cost_of(op_sender_receives));
        }
    }
}

static void whole_messages(void)
{
    cost s, g;
    pq_gateway_config gc = {.params = &pq_kem_512, .dk = dk, .event = note};
    pq_sender_config sc = {.params = &pq_kem_512, .gateway = gateway_at, .event = note};
    memcpy(sc.pin, pin, sizeof sc.pin);
    if (pq_gateway_init(&gateway, &gc) != PQ_OK || pq_sender_init(&sender, &sc) != PQ_OK)
        printf("FAIL init\n");
    message(&s, &g);
    if (sessions != 2 || messages != 2)
        printf("FAIL no session\n");
    report("handshake-sender", s);
    report("handshake-gateway", g);
    message(&s, &g);
    if (sessions != 2 || messages != 4)
        printf("FAIL no message\n");
    report("message-sender", s);
    report("message-gateway", g);
}

int main(void)
{
    static const uint8_t seed[PQ_KEM_SEED_BYTES] = {1, 2, 3}, zero[DATA];
    (void)pq_kem_keypair_derand(&pq_kem_512, ek, dk, seed);
    (void)pq_kem_encaps_derand(&pq_kem_512, ct, ss, ek, seed);
    (void)pq_sha256(pin, &(pq_span){ek, sizeof ek}, 1);

    uint32_t none = cost_of(op_nothing).count;
    static const struct {
        const char *name;
        void (*op)(void);
    } steps[] = {{"sha256-64", op_sha256},
                 {"hkdf-32", op_hkdf},
                 {"ccm-seal-64", op_seal},
                 {"ccm-open-64", op_open},
                 {"key-schedule", op_derive}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        cost c = cost_of(steps[i].op);
        c.count -= none;
        report(steps[i].name, c);
    }
    if (memcmp(data, zero, DATA) != 0)
        printf("FAIL ccm\n");
    pq_client_init(&client, &keys, 0);
    pq_server_init(&server, &keys, 0);
    report("record-seal-64", cost_of(op_seal_record));
    memset(data, 1, DATA);
    report("record-open-64", cost_of(op_open_record));
    if (memcmp(data, zero, DATA) != 0)
        printf("FAIL record\n");

    nothing_left("key schedule (ss)", op_derive, ss, sizeof ss);
    nothing_left("key schedule (Kc)", op_derive, keys.kc, sizeof keys.kc);
    nothing_left("key schedule (Kg)", op_derive, keys.kg, sizeof keys.kg);
    nothing_left("sealing (Kc)", op_seal_record, keys.kc, sizeof keys.kc);
    nothing_left("opening (Kc)", op_open_record, keys.kc, sizeof keys.kc);
    whole_messages();
    return 0;
}
