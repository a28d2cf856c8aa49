/* What the boards' command lines share. */
#ifndef PQ_OPTIONS_H
#define PQ_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Which program speaks; before anything else. The string lives on. */
void pq_sim_name(const char *program);

/* Says what is wrong on stderr, in a line that begins with the program's name. */
__attribute__((format(printf, 1, 2))) void pq_sim_say(const char *format, ...);

/* A decimal number from min to max; says what is wrong. what is the option's name
 * without the dashes. */
bool pq_sim_number(const char *what, const char *text, uint32_t min, uint32_t max, uint32_t *out);

#endif
