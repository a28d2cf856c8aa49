/* The smallest test frame: CHECK counts what does not hold and goes on. */
#ifndef PQ_CHECK_H
#define PQ_CHECK_H

#include <stdio.h>
#include <string.h>

static int checks, failures;

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        checks++;                                                                                  \
        if (!(cond)) {                                                                             \
            failures++;                                                                            \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond);               \
        }                                                                                          \
    } while (0)

#define CHECK_EQ(got, want)                                                                        \
    do {                                                                                           \
        long long got_ = (long long)(got), want_ = (long long)(want);                              \
        checks++;                                                                                  \
        if (got_ != want_) {                                                                       \
            failures++;                                                                            \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, got_,       \
                    want_);                                                                        \
        }                                                                                          \
    } while (0)

/* The exit status of a test's main. */
static inline int check_done(const char *name)
{
    printf("%s: %d checks, %d failed\n", name, checks, failures);
    return failures > 0;
}

#endif
