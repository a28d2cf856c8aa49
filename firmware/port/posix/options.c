#define _POSIX_C_SOURCE 200809L
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *name = "";

void pq_sim_name(const char *program)
{
    name = program;
}

void pq_sim_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    flockfile(stderr);
    fprintf(stderr, "%s: ", name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    funlockfile(stderr);
    va_end(args);
}

bool pq_sim_number(const char *what, const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long v = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || v < min || v > max) {
        pq_sim_say("--%s %s: a number from %" PRIu32 " to %" PRIu32 " is expected", what, text, min,
                   max);
        return false;
    }
    *out = (uint32_t)v;
    return true;
}
