#include "pq_secret.h"

#if defined(__GNUC__)
typedef uint32_t __attribute__((__may_alias__)) word;
/* Makes v a value that the compiler knows nothing about. */
#define HIDE(v) __asm__ volatile("" : "+r"(v))
/* Whatever p points to is read here, as far as the compiler knows. */
#define READ(p) __asm__ volatile("" : : "r"(p) : "memory")
#else
#error "pq_secret.c knows no optimisation barrier for this compiler: add one"
#endif

void pq_wipe(void *p, size_t n)
{
    uint8_t *b = p;
    for (; n > 0 && ((uintptr_t)b & 3) != 0; n--) {
        *b++ = 0;
    }
    word *w = (word *)(void *)b;
    for (; n >= 16; n -= 16) {
        w[0] = 0;
        w[1] = 0;
        w[2] = 0;
        w[3] = 0;
        w += 4;
        READ(w); /* else the compiler would call its bytewise memset */
    }
    for (b = (uint8_t *)w; n > 0; n--) {
        *b++ = 0;
    }
    READ(p);
}

uint32_t pq_ct_diff(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    uint32_t diff = 0;
    for (size_t i = 0; i < n; i++) {
        diff |= (uint32_t)(x[i] ^ y[i]);
        HIDE(diff); /* no early way out once diff is all ones */
    }
    return diff;
}

void pq_ct_replace_if(uint32_t diff, uint8_t *out, const uint8_t *b, size_t n)
{
    uint32_t mask = 0U - ((diff | (0U - diff)) >> 31);
    for (size_t i = 0; i < n; i++) {
        HIDE(mask); /* a mask, not a flag to branch on */
        out[i] = (uint8_t)(out[i] ^ (mask & (uint32_t)(out[i] ^ b[i])));
    }
}
