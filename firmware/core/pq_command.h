/* The commands of gateway and sender, as they are typed. Nothing happens here: a
 * line goes in; the settings it leads to, what is to be done, and the answer come
 * out. RAM: none. */
#ifndef PQ_COMMAND_H
#define PQ_COMMAND_H

#include "pq_store.h"
#include "pq_text.h"

typedef enum {
    PQ_DO_NOTHING, /* the answer is all: help, or what was wrong */
    PQ_DO_KEEP,    /* the settings have changed: keep them */
    PQ_DO_SAVE,    /* likewise, and the application begins anew with them */
    PQ_DO_JOIN,    /* keep them: they are the network's */
    PQ_DO_SEND,    /* sender: arg is a message */
    PQ_DO_SHOW,    /* print settings and state */
    PQ_DO_TIMES,   /* print the stopwatch */
    PQ_DO_RESET,   /* forget all settings, keys included, and boot anew */
    PQ_DO_REBOOT,
} pq_action;

/* Reads a line, which it changes. role is PQ_ROLE_GATEWAY or PQ_ROLE_SENDER. Only
 * PQ_DO_KEEP, PQ_DO_SAVE and PQ_DO_JOIN change *s. With PQ_DO_NOTHING the answer,
 * perhaps several lines divided by \r\n, says what is wrong. arg points into the
 * line. */
pq_action pq_command(pq_settings *s, uint8_t role, char *line, size_t len, pq_text *answer,
                     pq_span *arg);

/* Where the part of a line that must not be shown begins; len if nowhere. */
size_t pq_command_secret(const char *line, size_t len);

/* Prints settings without their secrets, as lines divided by \r\n. */
void pq_command_show(const pq_settings *s, uint8_t role, pq_text *out);

#endif
