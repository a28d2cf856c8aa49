/* memset by words, for the measurements: picolibc's goes byte by byte, which
 * would say more about the C library than about the code that calls it. Compile
 * with -fno-tree-loop-distribute-patterns, else it calls itself. */
#include <stddef.h>
#include <stdint.h>

void *memset(void *to, int value, size_t n);

typedef uint32_t __attribute__((__may_alias__)) word;

void *memset(void *to, int value, size_t n)
{
    uint8_t *b = to;
    for (; n > 0 && ((uintptr_t)b & 3) != 0; n--) {
        *b++ = (uint8_t)value;
    }
    word *w = (word *)(void *)b;
    for (; n >= 4; n -= 4) {
        *w++ = (uint8_t)value * 0x01010101U;
    }
    for (b = (uint8_t *)w; n > 0; n--) {
        *b++ = (uint8_t)value;
    }
    return to;
}
