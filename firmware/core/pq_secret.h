/* What code that holds secrets needs: wiping that survives the optimiser, and
 * comparison and choice without a branch or an address that depends on them. */
#ifndef PQ_SECRET_H
#define PQ_SECRET_H

#include <stddef.h>
#include <stdint.h>

/* Sets n bytes to zero. The stores are kept even where the compiler can prove
 * that nobody reads them again. Takes about n/4 steps for aligned memory. */
void pq_wipe(void *p, size_t n);

/* Returns 0 if a and b hold the same n bytes, another value if not. The time
 * depends on n alone. */
uint32_t pq_ct_diff(const void *a, const void *b, size_t n);

/* Sets out[i] to b[i] for n bytes if diff is not 0, and leaves them if it is.
 * Neither the time nor the addresses depend on diff. */
void pq_ct_replace_if(uint32_t diff, uint8_t *out, const uint8_t *b, size_t n);

/* Tells a checker of constant time (valgrind) that n bytes at p are public from
 * here on, although they were computed from a secret. Nothing in a product. */
#ifndef PQ_DECLASSIFY
#define PQ_DECLASSIFY(p, n) ((void)(p), (void)(n))
#endif

#endif
