/* What the fuzzers share: a cursor over the input, and a check that survives
 * NDEBUG. */
#ifndef PQ_FUZZ_H
#define PQ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond);               \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

typedef struct {
    const uint8_t *p;
    size_t n;
} input;

/* The next byte; 0 at the end. */
static inline uint8_t take8(input *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return *in->p++;
}

static inline uint16_t take16(input *in)
{
    uint16_t lo = take8(in);
    return (uint16_t)(lo | take8(in) << 8);
}

/* At most max of the next bytes. */
static inline const uint8_t *take_bytes(input *in, size_t max, size_t *n)
{
    const uint8_t *p = in->p;
    *n = max < in->n ? max : in->n;
    in->p += *n;
    in->n -= *n;
    return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
