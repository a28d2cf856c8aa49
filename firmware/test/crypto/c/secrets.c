/* Runs the session with its secrets marked as undefined for valgrind's memcheck,
 * which then reports each branch and each address that depends on one: shared
 * secret, PSK, all keys, the gateway's Echo key, what is sealed. Public are
 * transcript, nonces, what is sent, and whether a tag or an Echo is right. */
#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "pq_session.h"

#define SECRET(p, n) (void)VALGRIND_MAKE_MEM_UNDEFINED(p, n)
#define PUBLIC(p, n) (void)VALGRIND_MAKE_MEM_DEFINED(p, n)

static int bad;

static void expect(int got, int want)
{
    PUBLIC(&got, sizeof got); /* its value is public; how it came about is not */
    if (got != want) {
        fprintf(stderr, "secrets: %d instead of %d\n", got, want);
        bad = 1;
    }
}

static pq_keys keys(void)
{
    static const uint8_t ct[768], pin[32], echo[PQ_ECHO_SIZE];
    uint8_t ss[PQ_KEM_SS_BYTES] = {1}, psk[PQ_PSK_SIZE] = {2};
    pq_transcript t = {.suite = 1,
                       .kid = {(const uint8_t *)"k1", 2},
                       .psk = {psk, sizeof psk},
                       .echo = {echo, sizeof echo},
                       .pin = pin,
                       .ct = {ct, sizeof ct}};
    pq_keys k;
    SECRET(ss, sizeof ss);
    SECRET(psk, sizeof psk);
    expect(pq_session_derive(&k, &t, ss), PQ_OK);
    return k; /* kc, kg and iv are undefined by descent */
}

static void records(const pq_keys *k)
{
    uint8_t data[40] = {0}, record[40 + PQ_RECORD_OVERHEAD], nonce[PQ_NONCE_SIZE];
    uint8_t answer[40 + PQ_RECORD_OVERHEAD];
    pq_client c;
    pq_server s;
    pq_client_init(&c, k, 0);
    pq_server_init(&s, k, 0);
    SECRET(data, sizeof data);
    for (int i = 0; i < 3; i++) {
        expect(pq_client_seal(&c, record, nonce, (pq_span){data, sizeof data}), sizeof record);
        PUBLIC(record, sizeof record);
        record[sizeof record - 1] ^= (uint8_t)(i == 1);
        expect(pq_server_open(&s, data, (pq_span){record, sizeof record}),
               i == 1 ? PQ_ERR_TAG : (int)sizeof data);
        expect(pq_server_seal(&s, answer, nonce, (pq_span){data, sizeof data}), sizeof answer);
        PUBLIC(answer, sizeof answer);
        answer[20] ^= (uint8_t)(i == 1);
        expect(pq_client_open(&c, data, nonce, (pq_span){answer, sizeof answer}),
               i == 1 ? PQ_ERR_TAG : (int)sizeof data);
    }
}

static void echo(void)
{
    uint8_t key[PQ_ECHO_KEY_SIZE] = {3}, e[PQ_ECHO_SIZE];
    pq_endpoint at = {{192, 0, 2, 1}, 4, 5683};
    SECRET(key, sizeof key);
    expect(pq_echo_mint(e, key, 7, &at), PQ_OK);
    PUBLIC(e, sizeof e);
    expect(pq_echo_fresh((pq_span){e, sizeof e}, key, 8, &at), 1);
    e[11] ^= 1;
    expect(pq_echo_fresh((pq_span){e, sizeof e}, key, 8, &at), 0);
}

int main(void)
{
    if (!RUNNING_ON_VALGRIND) {
        fputs("secrets: only valgrind sees anything here\n", stderr);
        return 2;
    }
    pq_keys k = keys();
    records(&k);
    echo();
    return bad;
}
