/* For the programs that tests in Go run: arguments and lines in hex. */
#ifndef PQ_PROGRAM_H
#define PQ_PROGRAM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program with status 1. */
static _Noreturn void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* Reads n bytes: 2 n digits, no more and no fewer. */
static void unhex(uint8_t *out, size_t n, const char *hex)
{
    if (strlen(hex) != 2 * n)
        die("hex of another length");
    for (size_t i = 0; i < n; i++) {
        unsigned v;
        if (sscanf(hex + 2 * i, "%2x", &v) != 1)
            die("no hex");
        out[i] = (uint8_t)v;
    }
}

/* Prints the line "WHAT HEX". */
static void say_hex(const char *what, const uint8_t *p, size_t n)
{
    printf("%s ", what);
    for (size_t i = 0; i < n; i++)
        printf("%02x", p[i]);
    puts("");
}

#endif
